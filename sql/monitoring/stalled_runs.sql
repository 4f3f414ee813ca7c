-- Running runs whose worker has not been heard of for 15 seconds; the sweep gives them to another within a minute.
-- Who: service_role and postgres see all runs, a signed-in user their own.
--
--   id    | project_id | step   | stage    | attempt | silent_s | job_id
--   5d1e… | 1b2c…      | refine | training | 1       | 42.7     | 318
select
    id, project_id, step, stage, attempt,
    round(extract(epoch from now() - coalesce(heartbeat_at, started_at, queued_at)), 1) as silent_s,
    job_id
from public.runs
where status = 'running' and coalesce(heartbeat_at, started_at, queued_at) < now() - interval '15 seconds'
order by silent_s desc;
