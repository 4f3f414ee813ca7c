"""The daily collection, as workers do it: one of them, once a day."""

from __future__ import annotations

import logging

import psycopg

from maquette.db import retention
from maquette.db.connection import Pool
from maquette.errors import UnavailableError
from maquette.retention.collect import collect
from maquette.retention.removed import Stores, Terms
from maquette.settings import Settings
from maquette.storage.client import Objects

log = logging.getLogger(__name__)


async def collect_when_due(pool: Pool, objects: Objects, settings: Settings) -> bool:
    """Remove what has had its time, where days are set and no worker did so today. Whether this call did it.

    Orphans are left to ``maquette gc``: to find them, every object of every project is listed.
    """
    terms = Terms.of(settings)
    if not terms.anything:
        return False
    async with pool.connection() as conn:
        if not await retention.claim_collection(conn):
            return False
        try:
            async for removed in collect(Stores(pool, objects, settings.home), terms, dry_run=False):
                if removed.error is not None:
                    log.warning("%s of project %s stay: %s", removed.what, removed.project_id, removed.error.message)
                else:
                    log.info(
                        "removed %s of project %s: %d objects, %d bytes; %s",
                        removed.what,
                        removed.project_id,
                        removed.objects,
                        removed.bytes,
                        removed.why,
                    )
        except (UnavailableError, psycopg.OperationalError) as error:
            # Not noted as done: a worker goes on within the hour.
            log.warning("the collection was cut short: %s", error)
            return False
        await retention.note_collection(conn)
        return True
