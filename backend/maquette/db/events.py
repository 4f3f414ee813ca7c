"""Events: the gap-free history of a project. They are written by triggers, in the transaction of the change."""

from __future__ import annotations

from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_all


async def after(conn: Connection, project_id: UUID, seq: int, *, limit: int = 500) -> list[Row]:
    """Events with a higher ``seq``, oldest first."""
    return await fetch_all(
        conn,
        "select seq, run_id, type, payload, created_at from public.events"
        " where project_id = %s and seq > %s order by seq limit %s",
        [project_id, seq, limit],
    )
