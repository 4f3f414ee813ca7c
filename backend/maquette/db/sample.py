"""Which project of an owner came of a given one, so that the ready sample is not imported twice."""

from __future__ import annotations

from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_one


async def imported_before(conn: Connection, owner_id: UUID, from_project_id: str) -> Row | None:
    """The owner's newest project that was imported from the project of this id; None where there is none any more."""
    return await fetch_one(
        conn,
        "select p.* from public.projects p join public.events e on e.project_id = p.id and e.seq = 1"
        " where p.owner_id = %s and e.type = 'imported' and e.payload ->> 'from_project_id' = %s"
        " order by e.created_at desc limit 1",
        [owner_id, from_project_id],
    )
