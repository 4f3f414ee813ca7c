"""How far a project is, read by one statement: one moment, one round trip, however much the project holds."""

from __future__ import annotations

from uuid import UUID

from maquette.db import projects
from maquette.db.history import NEWEST
from maquette.db.records import EXPECTED_QUALITY
from maquette.db.rows import Connection, Row, fetch_one


async def read(conn: Connection, project_id: UUID, owner_id: UUID, *, most: int) -> Row:
    """The owner's ``project`` with what a progress page shows of it; ``project_not_found`` otherwise.

    ``steps``: the newest run of each step, and whether any run of that step has ``ever_completed``. ``current``: the
    run at work, or else the first in line, with its ``position`` in the whole line (0: at work), ``elapsed_s`` since
    it started and, at work, the ``history`` that its end is judged by; None where nothing is unfinished.
    ``unfinished``, ``images``, ``usable_images``: counts.
    ``stored_bytes``: of the objects that are there.
    ``stale_chosen``: the promoted version, where it was made from a photo that has been replaced since.
    ``models`` and ``iterations``: up to ``most`` rows each, by version. ``last``: the run that ended last.
    ``expected_quality``: what each quality class asks for.
    """
    row = await fetch_one(
        conn,
        """
        select to_json(p) as project, steps, to_jsonb(c) || jsonb_build_object('history', history) as current,
               coalesce(c.unfinished, 0) as unfinished,
               images, usable_images, stored_bytes, models, iterations, last,
               array(select to_jsonb(a) from public.stale_models(p.id) a where a.promoted) as stale_chosen,
               """
        + EXPECTED_QUALITY
        + """ as expected_quality
        from public.projects p
        cross join lateral (
            select coalesce(json_agg(r), '[]') as steps from (
                select distinct on (step) step, status,
                       bool_or(status = 'completed') over (partition by step) as ever_completed
                from public.runs where project_id = p.id order by step, queued_at desc, id desc
            ) r
        ) s
        left join lateral (
            select r.id, r.step, r.status, r.stage, r.progress_percentage, r.message, r.queued_at, r.started_at,
                   extract(epoch from now() - r.started_at) as elapsed_s,
                   r.cancel_requested_at is not null as cancel_requested, count(*) over () as unfinished,
                   r.workload, r.size, r.attempt, r.continues_id,
                   case when r.status = 'running' then 0 else (
                       select count(*) from public.runs w
                       where w.status = 'queued' and (w.turn, w.queued_at, w.id) <= (r.turn, r.queued_at, r.id)
                   ) end as position
            from public.runs r where r.project_id = p.id and r.status in ('queued', 'running')
            order by r.status <> 'running', r.turn, r.queued_at, r.id limit 1
        ) c on true
        cross join lateral (
            select coalesce(jsonb_agg(h), '[]') as history
            from (select c.workload where c.status = 'running') w cross join lateral (
                """
        + NEWEST
        + """
            ) h
        ) past
        cross join lateral (
            select count(*) as images, count(*) filter (where verdict <> 'rejected') as usable_images
            from public.source_images where project_id = p.id and replaced_at is null
        ) i
        cross join lateral (
            select coalesce(sum(bytes), 0)::bigint as stored_bytes
            from public.artifacts where project_id = p.id and removed_at is null
        ) b
        cross join lateral (
            select coalesce(json_agg(m), '[]') as models from (
                select version, parent_version, method, promoted, num_gaussians, psnr, ssim, overall_quality,
                       a.artifact_id is not null as stale, coalesce(a.stale_because, '[]') as stale_because,
                       public.quality_class(psnr, ssim) as quality_class
                from public.gaussian_splat_models
                left join public.stale_artifacts(p.id) a on a.artifact_id = model_artifact_id
                where project_id = p.id order by version limit %(most)s
            ) m
        ) m
        cross join lateral (
            select coalesce(json_agg(t), '[]') as iterations from (
                select e.*, v.psnr, v.ssim
                from public.enhancement_iterations e
                join public.gaussian_splat_models v on v.project_id = e.project_id and v.version = e.version
                where e.project_id = p.id order by e.version, e.created_at, e.id limit %(most)s
            ) t
        ) t
        left join lateral (
            select to_json(r) as last from (
                select id, status, error from public.runs
                where project_id = p.id and finished_at is not null order by finished_at desc, id desc limit 1
            ) r
        ) l on true
        where p.id = %(id)s and p.owner_id = %(owner)s
        """,
        {"id": project_id, "owner": owner_id, "most": most},
    )
    if row is None:
        raise projects.not_found(project_id)
    return row
