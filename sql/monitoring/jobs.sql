-- The queue's own jobs by task and status, with the age of the oldest.
-- Who: postgres alone; the schema jobs is closed to clients and to service_role.
--
--   task_name     | status | jobs | oldest_s
--   run_step      | doing  | 2    | 61.0
--   run_step      | todo   | 3    | 84.2
select
    j.task_name, j.status::text as status, count(*) as jobs,
    round(extract(epoch from now() - min(e.at)), 1) as oldest_s
from jobs.procrastinate_jobs j
left join lateral (
    select min(at) as at from jobs.procrastinate_events where job_id = j.id
) e on true
group by j.task_name, j.status
order by j.task_name, j.status::text;
