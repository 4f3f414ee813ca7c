"""Removes large files that came by resumable upload and that nobody took in within their day.

By their rows, so no bucket is listed for it; killed anywhere, the next call goes on. What storage itself holds of an
upload that was never finished, it removes by itself after that same day.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import psycopg

from maquette.db import incoming
from maquette.db.connection import Pool
from maquette.db.rows import Connection, Row
from maquette.errors import UnavailableError
from maquette.retention.removed import Removed
from maquette.storage.buckets import PROJECT_UPLOADS
from maquette.storage.client import Objects, StorageRefusedError
from maquette.storage.keys import incoming as incoming_key

log = logging.getLogger(__name__)


async def remove_unclaimed(pool: Pool, objects: Objects, *, dry_run: bool) -> AsyncIterator[Removed]:
    """Each file that went, or would go. What was taken in, or never came, goes too and is nothing to tell of.

    Raises ``storage_unreachable`` and ``database_unreachable``.
    """
    while True:
        told = []
        async with pool.connection() as conn:
            rows = await incoming.over(conn, limit=None if dry_run else incoming.BATCH)
            for row in rows:
                if (one := await _remove(conn, objects, row, dry_run=dry_run)) is not None:
                    told.append(one)
        for one in told:
            yield one
        # Those that storage refuses to remove stay first in line: they are told of once.
        if dry_run or len(rows) < incoming.BATCH or any(one.error is not None for one in told):
            return


async def _remove(conn: Connection, objects: Objects, row: Row, *, dry_run: bool) -> Removed | None:
    key = incoming_key(row["project_id"], row["id"])
    size = await objects.size(PROJECT_UPLOADS, key)
    why = f"'{row['filename']}' was sent and not taken in within a day"
    told = Removed("unclaimed files", row["project_id"], row["name"], why, 1, size or 0) if size is not None else None
    if dry_run:
        return told
    try:
        # Also where there was none a moment ago: its last bytes may have come since.
        await objects.remove(PROJECT_UPLOADS, [key])
    except StorageRefusedError as error:
        return Removed("unclaimed files", row["project_id"], row["name"], why, 1, size or 0, error)
    await incoming.forget(conn, [row["id"]])
    return told


async def remove_unclaimed_now(pool: Pool, objects: Objects) -> None:
    """The same as workers do it, every hour."""
    try:
        async for removed in remove_unclaimed(pool, objects, dry_run=False):
            if removed.error is not None:
                log.warning("a file of project %s stays: %s", removed.project_id, removed.error.message)
            else:
                log.info("removed %d bytes of project %s: %s", removed.bytes, removed.project_id, removed.why)
    except (UnavailableError, psycopg.OperationalError) as error:
        log.warning("files that nobody took in could not all be removed, the next try is in an hour: %s", error)
