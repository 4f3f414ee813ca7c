"""What a worker holds for as long as it lives: settings, database pool, buckets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from maquette.db.rows import Connection, Row, fetch_one
from maquette.db.runs import work_id
from maquette.execution.memory_limit import step_memory_mb
from maquette.settings import Settings
from maquette.storage.client import Objects


@dataclass(frozen=True)
class Services:
    """Shared by all runs that a worker carries out."""

    settings: Settings
    pool: AsyncConnectionPool[Connection]
    objects: Objects
    installation: UUID
    """Which installation the database is: folders of its runs are told by it from those of others on this home."""
    concurrency: int = 1
    """Runs that the worker may carry out at the same time."""

    @property
    def step_memory_mb(self) -> int:
        """What all processes of one of these runs may use; 0: nobody can tell."""
        return step_memory_mb(self.settings.step_memory_mb, self.concurrency)

    @property
    def work(self) -> Path:
        """Where runs have their folders; one survives a crash, so that the next attempt resumes from it."""
        return self.settings.home / "work"

    def folder(self, run: Row) -> Path:
        """A run's own; one that goes on from another has that one's."""
        return self.work / str(work_id(run))


async def open_services(
    settings: Settings, pool: AsyncConnectionPool[Connection], objects: Objects, *, concurrency: int = 1
) -> Services:
    """With the identity of the database that the pool leads to."""
    async with pool.connection() as conn:
        row = await fetch_one(conn, "select id from public.installation", [])
    if row is None:
        raise RuntimeError("the database has no identity; run `maquette db migrate`")
    return Services(settings, pool, objects, row["id"], concurrency)
