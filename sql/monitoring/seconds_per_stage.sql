-- Wall seconds of each stage within a step, over the completed runs of the last seven days; the slowest stage first.
-- Who: service_role and postgres; a signed-in user counts only their own.
--
--   step     | stage    | runs | p50_s | p90_s
--   generate | training | 112  | 88.4  | 160.9
--   generate | cameras  | 112  | 31.0  | 70.2
select
    r.step,
    t.stage,
    count(*) as runs,
    round(percentile_cont(0.5) within group (order by t.seconds::double precision)::numeric, 1) as p50_s,
    round(percentile_cont(0.9) within group (order by t.seconds::double precision)::numeric, 1) as p90_s
from public.runs r
cross join lateral jsonb_each_text(r.timings) t (stage, seconds)
where r.status = 'completed' and r.finished_at > now() - interval '7 days'
  -- timings hold one figure that is no time
  and t.stage <> 'peak_memory_mb'
group by r.step, t.stage
order by r.step, p50_s desc, t.stage;
