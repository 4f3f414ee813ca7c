-- Events written in each minute of the last hour that had any, newest first.
-- Who: service_role and postgres; a signed-in user counts only their own.
--
--   minute              | events | projects
--   2026-11-21 09:30:00 | 211    | 3
select date_trunc('minute', created_at) as minute, count(*) as events, count(distinct project_id) as projects
from public.events
where created_at > now() - interval '1 hour'
group by 1
order by 1 desc;
