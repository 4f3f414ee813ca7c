"""Makes a step's records durable: first the objects, then in one transaction the rows that point to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from maquette.db import artifacts, runs
from maquette.db.rows import Connection, Row
from maquette.execution.patience import few_at_a_time, patiently
from maquette.execution.places import Placed, place_files
from maquette.execution.rows import write_record
from maquette.recon.digest import sha256_of
from maquette.steps.folder import write_json
from maquette.steps.records import Record
from maquette.storage import keys
from maquette.storage.client import Objects

PARALLEL_UPLOADS = 4


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
        what = f"run {self.run['id']}: a record"
        # Asked before the objects are written too: an attempt that is over has nothing to send.
        await patiently(self._still_ours, what)
        stored = await patiently(lambda: self.store(record), what)
        ids, facts = await patiently(lambda: self._write(record, stored), what)
        self.known.update(ids)
        self.facts.update(facts)
        names = {name: str(value) for name, value in self.known.items()}
        await asyncio.to_thread(write_json, self.folder / "artifacts.json", names)

    async def _still_ours(self) -> None:
        async with self.pool.connection() as conn:
            await runs.assert_current(conn, self.run["id"], self.run["attempt"])

    async def _write(self, record: Record, stored: list[Stored]) -> tuple[dict[str, UUID], dict[str, Any]]:
        """All rows of a record in one transaction, fenced by the attempt."""
        async with self.pool.connection() as conn:
            run = await runs.assert_current(conn, self.run["id"], self.run["attempt"])
            ids = await record_artifacts(conn, run, stored, self.known)
            return ids, await write_record(conn, run, record, ids)

    async def store(self, record: Record) -> list[Stored]:
        """Put a record's files into their buckets, a few at a time."""
        made_by = keys.maker(self.run["id"], self.run["attempt"])
        return await store_files(self.objects, record, self.folder, self.run["project_id"], made_by)


async def store_files(objects: Objects, record: Record, folder: Path, project_id: UUID, made_by: str) -> list[Stored]:
    """Put a record's files into their buckets, a few at a time; answers in the record's own order."""
    places = await asyncio.to_thread(lambda: list(place_files(record, folder, project_id, made_by)))

    async def store(placed: Placed) -> Stored:
        path = folder / placed.file.path
        digest = await asyncio.to_thread(sha256_of, path)
        await objects.upload(placed.bucket, placed.key, path, placed.file.mime)
        return Stored(placed, digest, path.stat().st_size)

    return await few_at_a_time([partial(store, placed) for placed in places], PARALLEL_UPLOADS)


async def remove_files(objects: Objects, stored: Sequence[Stored]) -> None:
    """Take stored objects out of their buckets again."""
    for bucket in {one.placed.bucket for one in stored}:
        await objects.remove(bucket, [one.placed.key for one in stored if one.placed.bucket == bucket])


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
        # A file that takes the place of one of the same path, and is made from it, is made from what lay there before.
        others = {**everything, **{path: known[path] for path in [one.placed.file.path] if path in known}}
        inputs = [others[path] for path in one.placed.file.made_from if path in others]
        await artifacts.link(conn, ids[one.placed.file.path], inputs)
    return ids
