"""Whether a worker may take a run now; one that may not goes back in line for a little later, in its turn."""

from __future__ import annotations

import asyncio
from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_one
from maquette.disk import disk_low
from maquette.queue.jobs import enqueue
from maquette.settings import Settings

LATER_S = 5.0


async def put_off(conn: Connection, settings: Settings, run_id: UUID) -> str | None:
    """Put a waiting run back in line where it may not start, and say why; None where it may, or does not wait."""
    run = await fetch_one(
        conn,
        "select r.*, p.owner_id from public.runs r join public.projects p on p.id = r.project_id"
        " where r.id = %s and r.status = 'queued'",
        [run_id],
    )
    if run is None or (reason := await _reason(conn, settings, run)) is None:
        return None
    await enqueue(conn, run, wait_s=LATER_S)
    return reason


async def _reason(conn: Connection, settings: Settings, run: Row) -> str | None:
    if await asyncio.to_thread(disk_low, settings):
        return "the disk of this worker is nearly full"
    most = settings.max_running_per_owner
    if most:
        # Held until the transaction ends, which starts the run: two workers must not both see the last free place.
        await conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"running {run['owner_id']}"])
        row = await fetch_one(
            conn,
            "select count(*) as running from public.runs r join public.projects p on p.id = r.project_id"
            " where p.owner_id = %s and r.status = 'running'",
            [run["owner_id"]],
        )
        if row and row["running"] >= most:
            return f"its owner has {row['running']} runs at work, and {most} may be"
    return None
