"""The line: what is at work and what waits, in the order in which workers take it."""

from __future__ import annotations

from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_all, fetch_one


async def line(conn: Connection) -> list[Row]:
    """Everybody's unfinished runs, those at work first, then by turn, each with its ``owner_id`` and ``position``.

    ``position``: 0 at work, else the place in the whole line, from 1. ``elapsed_s`` since its first start;
    ``back_off_s`` until its next attempt may start.
    """
    return await fetch_all(
        conn,
        """
        select r.id, r.project_id, p.owner_id, r.step, r.status, r.stage, r.progress_percentage, r.queued_at,
               r.started_at, r.attempt, r.continues_id, r.turn, r.queue, r.workload, r.size, r.not_before,
               extract(epoch from now() - r.started_at)::float8 as elapsed_s,
               coalesce(extract(epoch from r.not_before - now()), 0)::float8 as back_off_s,
               case when r.status = 'running' then 0
                    else row_number() over (partition by r.status order by r.turn, r.queued_at, r.id) end as position
        from public.runs r join public.projects p on p.id = r.project_id
        where r.status in ('queued', 'running')
        order by r.status <> 'running', r.turn, r.queued_at, r.id
        """,
        [],
    )


async def position(conn: Connection, run_id: UUID) -> int | None:
    """Place in the whole line: 0 for a running run, from 1 for a waiting one, None for one that has ended."""
    row = await fetch_one(
        conn,
        "select case when r.status = 'running' then 0 else (select count(*) from public.runs w"
        " where w.status = 'queued' and (w.turn, w.queued_at, w.id) <= (r.turn, r.queued_at, r.id)) end as position"
        " from public.runs r where r.id = %s and r.status in ('queued', 'running')",
        [run_id],
    )
    return int(row["position"]) if row else None
