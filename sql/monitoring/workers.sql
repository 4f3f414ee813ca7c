-- Worker processes that the queue knows, with the jobs they hold; one that was killed stays until it is swept.
-- Who: postgres alone; the schema jobs is closed to clients and to service_role.
--
--   worker_id | silent_s | jobs
--   7         | 2.1      | 1
--   8         | 94.0     | 1
select
    w.id as worker_id,
    round(extract(epoch from now() - w.last_heartbeat), 1) as silent_s,
    (select count(*) from jobs.procrastinate_jobs j where j.worker_id = w.id and j.status = 'doing') as jobs
from jobs.procrastinate_workers w
order by w.id;
