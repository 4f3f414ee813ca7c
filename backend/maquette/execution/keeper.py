"""Makes a step's records durable: first the objects, then in one transaction the rows that point to them."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from maquette.db import artifacts, runs
from maquette.db.rows import Connection, Row
from maquette.execution.places import Placed, place_files, sha256_of
from maquette.execution.rows import write_record
from maquette.steps.folder import write_json
from maquette.steps.records import Record
from maquette.storage.client import Objects

log = logging.getLogger(__name__)

PARALLEL_UPLOADS = 4
PATIENCE_S = 120.0
"""How long a record waits for a database that is away, before the step fails."""


@dataclass(frozen=True)
class Stored:
    """An object that is in its bucket, and what its row needs."""

    placed: Placed
    sha256: str
    size: int


@dataclass
class Keeper:
    """Keeps records of one attempt of one run; ``known`` maps paths in the folder to artifact ids, for lineage."""

    pool: AsyncConnectionPool[Connection]
    objects: Objects
    run: Row
    folder: Path
    known: dict[str, UUID] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    """What the rows add to the run's result: ids that a step cannot know."""

    @classmethod
    async def open(cls, pool: AsyncConnectionPool[Connection], objects: Objects, run: Row, folder: Path) -> Keeper:
        """A keeper that knows the artifacts that the folder was filled from."""
        path = folder / "artifacts.json"
        known = await asyncio.to_thread(lambda: json.loads(path.read_text()) if path.exists() else {})
        return cls(pool, objects, run, folder, {name: UUID(value) for name, value in known.items()})

    async def keep(self, record: Record) -> None:
        """Store a record's files and rows. Raises ``run_fenced`` where another attempt has taken over."""
        stored = await self.store(record)
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                async with self.pool.connection() as conn:
                    run = await runs.assert_current(conn, self.run["id"], self.run["attempt"])
                    ids = await record_artifacts(conn, run, stored, self.known)
                    facts = await write_record(conn, run, record, ids)
                break
            except (psycopg.OperationalError, PoolTimeout) as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                log.warning("run %s: a record waits for the database (%s)", self.run["id"], type(error).__name__)
                await asyncio.sleep(1)
        self.known.update(ids)
        self.facts.update(facts)
        names = {name: str(value) for name, value in self.known.items()}
        await asyncio.to_thread(write_json, self.folder / "artifacts.json", names)

    async def store(self, record: Record) -> list[Stored]:
        """Put a record's files into their buckets, a few at a time."""
        return await store_files(self.objects, record, self.folder, self.run["project_id"], self.run["id"])


async def store_files(objects: Objects, record: Record, folder: Path, project_id: UUID, run_id: UUID) -> list[Stored]:
    """Put a record's files into their buckets, a few at a time; answers in the record's own order."""
    limit = asyncio.Semaphore(PARALLEL_UPLOADS)
    places = await asyncio.to_thread(lambda: list(place_files(record, folder, project_id, run_id)))

    async def store(placed: Placed) -> Stored:
        path = folder / placed.file.path
        async with limit:
            digest = await asyncio.to_thread(sha256_of, path)
            await objects.upload(placed.bucket, placed.key, path, placed.file.mime)
        return Stored(placed, digest, path.stat().st_size)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(store(placed)) for placed in places]
    return [task.result() for task in tasks]


async def record_artifacts(conn: Connection, run: Row, stored: list[Stored], known: dict[str, UUID]) -> dict[str, UUID]:
    """Rows of stored objects and their lineage; artifact ids by path in the folder."""
    ids: dict[str, UUID] = {}
    for one in stored:
        ids[one.placed.file.path] = await artifacts.record(
            conn,
            project_id=run["project_id"],
            run_id=run["id"],
            kind=one.placed.file.kind,
            bucket=one.placed.bucket,
            path=one.placed.key,
            sha256=one.sha256,
            size=one.size,
            mime=one.placed.file.mime,
        )
    everything = {**known, **ids}
    for one in stored:
        inputs = [everything[path] for path in one.placed.file.made_from if path in everything]
        await artifacts.link(conn, ids[one.placed.file.path], inputs)
    return ids
