"""Files that come by resumable upload: announced, then in the bucket, then taken in by an upload, or forgotten.

Times are the database's, never a server's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_all, fetch_one
from maquette.errors import WrongStateError

LIFETIME = timedelta(hours=24)
"""As long as Supabase, and the embedded storage, go on with an unfinished resumable upload."""

BATCH = 200

_ROW: LiteralString = "select i.*, i.expires_at <= now() as expired from maquette.incoming_files i"


class IncomingUsedError(WrongStateError):
    """An upload has taken this file in already."""

    code = "incoming_used"


async def announce(conn: Connection, project_id: UUID, filename: str, size: int) -> Row:
    """A file of so many bytes may come into the project for a day."""
    row = await fetch_one(
        conn,
        "insert into maquette.incoming_files (project_id, filename, bytes, expires_at)"
        " values (%s, %s, %s, now() + %s) returning *, false as expired",
        [project_id, filename, size, LIFETIME],
    )
    if row is None:
        raise RuntimeError("an insert answered no row")
    return row


async def of_project(conn: Connection, project_id: UUID, incoming_id: UUID) -> Row | None:
    """One file of a project, also one that has ``expired`` or was taken in."""
    return await fetch_one(conn, f"{_ROW} where i.project_id = %s and i.id = %s", [project_id, incoming_id])


async def of_owner(conn: Connection, owner_id: UUID, ids: Iterable[UUID]) -> dict[UUID, Row]:
    """Those of the files that are to come into projects of the owner, by id."""
    rows = await fetch_all(
        conn,
        f"{_ROW} join public.projects p on p.id = i.project_id where p.owner_id = %s and i.id = any(%s)",
        [owner_id, list(ids)],
    )
    return {row["id"]: row for row in rows}


async def open_files(conn: Connection, owner_id: UUID) -> int:
    """Files that an owner has announced and not taken in."""
    row = await fetch_one(
        conn,
        "select count(*) as files from maquette.incoming_files i join public.projects p on p.id = i.project_id"
        " where p.owner_id = %s and i.run_id is null and i.expires_at > now()",
        [owner_id],
    )
    return int(row["files"]) if row else 0


async def hold(conn: Connection, ids: Iterable[UUID]) -> None:
    """Wait until nobody else takes these files in or removes them; held until the transaction ends."""
    # In one order everywhere, or two uploads would wait for each other.
    for incoming_id in sorted(set(ids)):
        await conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"incoming {incoming_id}"])


async def take_in(conn: Connection, run_id: UUID, taken: Mapping[UUID, str]) -> None:
    """Say which upload took the files in, each with its SHA-256. ``incoming_used`` where another one did."""
    for incoming_id, sha256 in taken.items():
        row = await fetch_one(
            conn,
            "update maquette.incoming_files set run_id = %s, sha256 = %s where id = %s and run_id is null returning id",
            [run_id, sha256, incoming_id],
        )
        if row is None:
            raise used(incoming_id)


async def forget(conn: Connection, ids: Iterable[UUID]) -> None:
    """No such file is awaited any more."""
    await conn.execute("delete from maquette.incoming_files where id = any(%s)", [list(ids)])


async def over(conn: Connection, *, limit: int | None = BATCH) -> Sequence[Row]:
    """Files whose day is over, oldest first, with their project's ``name``; none that is being taken in just now.

    They are held until the transaction ends.
    """
    return await fetch_all(
        conn,
        "select i.*, p.name from (select * from maquette.incoming_files where expires_at <= now()"
        "  order by expires_at, id limit %s) i join public.projects p on p.id = i.project_id"
        " where pg_try_advisory_xact_lock(hashtextextended('incoming ' || i.id, 0)) order by i.expires_at, i.id",
        [limit],
    )


def used(incoming_id: UUID, run_id: UUID | None = None) -> IncomingUsedError:
    """The file is in its project already."""
    return IncomingUsedError(
        f"The incoming file {incoming_id} has been taken in already.",
        suggestion="Look at the project's photos: it is there. To send it anew, ask for another incoming file.",
        **({"run_id": str(run_id)} if run_id else {}),
    )
