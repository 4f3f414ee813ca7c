"""The line: what is at work and what waits, in the order in which workers take it."""

from __future__ import annotations

from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_all, fetch_one


async def line(conn: Connection, owner_id: UUID) -> list[Row]:
    """The owner's unfinished runs with ``position``: 0 for running, else the place in the whole line, from 1."""
    return await fetch_all(
        conn,
        """
        select * from (
            select r.id, r.project_id, r.step, r.status, r.stage, r.progress_percentage, r.queued_at, r.started_at,
                   r.heartbeat_at, p.owner_id,
                   case when r.status = 'running' then 0
                        else row_number() over (partition by r.status order by r.turn, r.queued_at, r.id)
                   end as position
            from public.runs r join public.projects p on p.id = r.project_id
            where r.status in ('queued', 'running')
        ) line where owner_id = %s order by position, queued_at, id
        """,
        [owner_id],
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
