"""How much of its limits a project and an owner use: unfinished runs, and bytes of objects that are there.

A file that may come by resumable upload counts from the moment it is announced.
"""

from __future__ import annotations

from typing import LiteralString
from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_all, fetch_one

_BYTES: LiteralString = (
    "select (select coalesce(sum(a.bytes), 0) from public.artifacts a join public.projects p on p.id = a.project_id"
    "  where {of} and a.removed_at is null)"
    " + (select coalesce(sum(i.bytes), 0) from maquette.incoming_files i join public.projects p on p.id = i.project_id"
    "  where {of} and i.run_id is null and i.expires_at > now()) as bytes"
)


async def unfinished_runs(conn: Connection, owner_id: UUID) -> int:
    """Runs of all projects of an owner that wait or are at work."""
    row = await fetch_one(
        conn,
        "select count(*) as runs from public.runs r join public.projects p on p.id = r.project_id"
        " where p.owner_id = %s and r.status in ('queued', 'running')",
        [owner_id],
    )
    return int(row["runs"]) if row else 0


async def project_bytes(conn: Connection, project_id: UUID, owner_id: UUID) -> int:
    """Bytes of the objects of one of the owner's projects."""
    query = _BYTES.format(of="p.id = %(project)s and p.owner_id = %(owner)s")
    row = await fetch_one(conn, query, {"project": project_id, "owner": owner_id})
    return int(row["bytes"]) if row else 0


async def owner_bytes(conn: Connection, owner_id: UUID) -> int:
    """Bytes of the objects of all projects of an owner."""
    row = await fetch_one(conn, _BYTES.format(of="p.owner_id = %(owner)s"), {"owner": owner_id})
    return int(row["bytes"]) if row else 0


async def largest_projects(conn: Connection, owner_id: UUID, most: int) -> list[Row]:
    """The owner's projects with the most ``bytes``: what to delete where room is needed."""
    return await fetch_all(
        conn,
        "select p.id as project_id, p.name, sum(a.bytes)::bigint as bytes from public.artifacts a"
        " join public.projects p on p.id = a.project_id where p.owner_id = %s and a.removed_at is null"
        " group by p.id order by bytes desc, p.id limit %s",
        [owner_id, most],
    )
