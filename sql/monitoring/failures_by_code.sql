-- Why runs of the last seven days failed, most frequent first, with one run to look at.
-- Who: service_role and postgres; a signed-in user counts only their own.
--
--   step     | code                 | failures | last_at             | last_run_id | last_message
--   generate | too_few_images       | 7        | 2026-11-21 09:30:00 | 5d1e…       | 4 photos could be placed, 8 are needed.
select
    step,
    coalesce(error ->> 'code', 'unknown') as code,
    count(*) as failures,
    max(finished_at) as last_at,
    (array_agg(id order by finished_at desc))[1] as last_run_id,
    (array_agg(error ->> 'message' order by finished_at desc))[1] as last_message
from public.runs
where status = 'failed' and finished_at > now() - interval '7 days'
group by 1, 2
order by failures desc, step, code;
