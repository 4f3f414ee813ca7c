-- Whose runs are at work and in line, with the turns of those that wait. The lowest turn is taken first: many runs of
-- one owner span many turns, and no owner's first one is far from the lowest of all.
-- Who: service_role and postgres; a signed-in user sees only their own.
--
--   owner_id                             | running | waiting | first_turn | last_turn | longest_wait_s
--   6f0c6a52-0d4f-4d0e-8d0b-3c1c2f6f8a11 | 1       | 98      | 12         | 109       | 310.5
--   b61d1f9e-52a4-4f0a-9a3e-0a4f6f0b7c22 | 0       | 1       | 12         | 12        | 4.2
select
    p.owner_id,
    count(*) filter (where r.status = 'running') as running,
    count(*) filter (where r.status = 'queued') as waiting,
    min(r.turn) filter (where r.status = 'queued') as first_turn,
    max(r.turn) filter (where r.status = 'queued') as last_turn,
    round(extract(epoch from max(now() - r.queued_at) filter (where r.status = 'queued')), 1) as longest_wait_s
from public.runs r
join public.projects p on p.id = r.project_id
where r.status in ('queued', 'running')
group by p.owner_id
order by first_turn, p.owner_id;
