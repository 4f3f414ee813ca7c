"""The end of what each run's process wrote, fenced by attempt like every other write of a run."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_one

KEPT_LINES = 200
"""One more is written: it tells a reader that there were others before."""


async def write(conn: Connection, run_id: UUID, attempt: int, lines: Sequence[str]) -> bool:
    """Keep the last lines of an attempt; False, and nothing changed, where a newer one has begun."""
    cursor = await conn.execute(
        "insert into public.run_logs as l (run_id, attempt, lines, updated_at)"
        " select id, %(attempt)s, %(lines)s::text[], now() from public.runs"
        "  where id = %(id)s and attempt = %(attempt)s"
        " on conflict (run_id) do update set attempt = excluded.attempt, lines = excluded.lines,"
        "  updated_at = excluded.updated_at where l.attempt <= excluded.attempt",
        {"id": run_id, "attempt": attempt, "lines": list(lines)[-KEPT_LINES - 1 :]},
    )
    return cursor.rowcount == 1


async def read(conn: Connection, run_id: UUID) -> Row | None:
    """What is kept of a run's log, None where its process has not written anything yet."""
    return await fetch_one(conn, "select attempt, lines, updated_at from public.run_logs where run_id = %s", [run_id])
