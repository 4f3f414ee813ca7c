"""Takes away what crashes leave: files that no row names, uploads that nobody goes on with.

Never the file of a row or of a running upload: a file is placed before its row, so one without a row counts as
dead only an hour after anything last happened to it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import psycopg
from psycopg_pool import PoolTimeout

from maquette.embedded.storage.callers import SERVICE, transaction_as
from maquette.embedded.storage.files import Placed
from maquette.embedded.storage.service import Service

log = logging.getLogger(__name__)

GRACE_S = 3600.0
EVERY_S = 3600.0
BATCH = 500

NAMED = """
select placed.bucket, placed.key, placed.version
from unnest(%s::text[], %s::text[], %s::text[]) as placed (bucket, key, version)
join storage.objects o on o.bucket_id = placed.bucket and o.name = placed.key and o.version = placed.version
"""


@dataclass(frozen=True)
class Swept:
    """What was taken away."""

    files: int
    bytes: int
    uploads: int


async def sweep(service: Service, grace_s: float = GRACE_S) -> Swept:
    """Sweep once; ``grace_s`` is how long a file may be without a row."""
    now = time.time()
    incoming = await service.files.run(service.files.clear_incoming, now - grace_s)
    uploads = 0
    for upload in await service.files.run(service.partials.dead, now, grace_s):
        if upload not in service.holds:
            await service.partials.discard(upload)
            uploads += 1
    files, size = 0, 0
    placed = service.files.placed()
    while batch := await service.files.run(_next_batch, placed):
        old = [file for file in batch if file.changed_at < now - grace_s]
        for file in await _unnamed(service, old):
            await service.files.remove(file.bucket, file.key, file.version)
            files, size = files + 1, size + file.size
    return Swept(incoming + files, size, uploads)


async def keep_swept(service: Service) -> None:
    """Sweep now and every hour, until cancelled."""
    while True:
        try:
            swept = await sweep(service)
        except (OSError, psycopg.Error, PoolTimeout) as error:
            log.warning("storage could not be swept, the next try is in an hour: %s", error)
        else:
            if swept.files or swept.uploads:
                log.info("swept storage: %d files, %d bytes, %d uploads", swept.files, swept.bytes, swept.uploads)
        await asyncio.sleep(EVERY_S)


def _next_batch(placed: Iterator[Placed]) -> list[Placed]:
    return list(islice(placed, BATCH))


async def _unnamed(service: Service, files: list[Placed]) -> list[Placed]:
    if not files:
        return []
    async with transaction_as(service.pool, SERVICE) as connection:
        # Rows that row security hides would look like none at all.
        await connection.execute("set local row_security = off")
        found = await connection.execute(
            NAMED, [[f.bucket for f in files], [f.key for f in files], [f.version for f in files]]
        )
        named = {(row["bucket"], row["key"], row["version"]) for row in await found.fetchall()}
    return [file for file in files if (file.bucket, file.key, file.version) not in named]
