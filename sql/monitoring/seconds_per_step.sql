-- Wall seconds from the first start to the end of the completed runs of the last seven days.
-- Who: service_role and postgres; a signed-in user counts only their own.
--
--   step     | runs | p50_s | p90_s | longest_s
--   generate | 112  | 131.0 | 244.5 | 611.2
select
    step,
    count(*) as runs,
    round(percentile_cont(0.5) within group (order by seconds)::numeric, 1) as p50_s,
    round(percentile_cont(0.9) within group (order by seconds)::numeric, 1) as p90_s,
    round(max(seconds)::numeric, 1) as longest_s
from (
    select step, extract(epoch from finished_at - started_at)::double precision as seconds
    from public.runs
    where status = 'completed' and finished_at > now() - interval '7 days'
) done
group by step
order by step;
