-- What expected times are made of: completed first attempts of each workload, its sizes and wall seconds. Work that
-- went on from an earlier run counts nowhere, for it did only the rest.
-- Who: service_role and postgres; a signed-in user counts only their own.
--
--   workload                   | runs | smallest | largest | p50_s | p90_s
--   generate/balanced          | 112  | 8        | 64      | 131.0 | 244.5
--   refine/none/balanced/480px | 41   | 24       | 36      | 62.0  | 71.3
select
    workload,
    count(*) as runs,
    min(size) as smallest,
    max(size) as largest,
    round(percentile_cont(0.5) within group (order by seconds)::numeric, 1) as p50_s,
    round(percentile_cont(0.9) within group (order by seconds)::numeric, 1) as p90_s
from (
    select workload, size, extract(epoch from finished_at - started_at)::double precision as seconds
    from public.runs
    where status = 'completed' and workload <> '' and attempt = 1 and continues_id is null and started_at is not null
) done
group by workload
order by workload;
