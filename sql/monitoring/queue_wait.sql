-- How long runs of the last seven days waited in line before their first start: median, 90th percentile, longest.
-- Who: service_role and postgres; a signed-in user counts only their own.
--
--   step     | runs | p50_wait_s | p90_wait_s | longest_wait_s
--   generate | 112  | 0.4        | 63.0       | 310.5
select
    step,
    count(*) as runs,
    round(percentile_cont(0.5) within group (order by wait_s)::numeric, 1) as p50_wait_s,
    round(percentile_cont(0.9) within group (order by wait_s)::numeric, 1) as p90_wait_s,
    round(max(wait_s)::numeric, 1) as longest_wait_s
from (
    select step, extract(epoch from started_at - queued_at)::double precision as wait_s
    from public.runs
    where started_at is not null and step <> 'upload' and queued_at > now() - interval '7 days'
) waits
group by step
order by step;
