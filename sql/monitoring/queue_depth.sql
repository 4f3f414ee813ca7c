-- How many runs of each step wait and work now, and how long the waiting ones have waited.
-- Who: service_role and postgres; a signed-in user counts only their own.
--
--   step     | waiting | running | longest_wait_s | mean_wait_s
--   generate | 3       | 2       | 84.2           | 41.7
--   refine   | 0       | 1       |                |
select
    step,
    count(*) filter (where status = 'queued') as waiting,
    count(*) filter (where status = 'running') as running,
    round(extract(epoch from max(now() - queued_at) filter (where status = 'queued')), 1) as longest_wait_s,
    round(extract(epoch from avg(now() - queued_at) filter (where status = 'queued')), 1) as mean_wait_s
from public.runs
where status in ('queued', 'running')
group by step
order by step;
