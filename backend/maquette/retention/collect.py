"""Removes what has had its time: intermediates first, then projects.

Killed anywhere, the next collection goes on: objects go before the rows that tell of them.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

from maquette.db import retention
from maquette.db.rows import Connection, Row
from maquette.retention.intermediates import KINDS
from maquette.retention.removal import delete_project
from maquette.retention.removed import Removed, Stores, Terms
from maquette.storage.buckets import BUCKETS
from maquette.storage.client import Objects, StorageRefusedError
from maquette.storage.keys import project_prefix

BATCH = 500
"""Objects that go in one transaction, which holds the project's lock."""


async def collect(stores: Stores, terms: Terms, *, dry_run: bool) -> AsyncIterator[Removed]:
    """Each thing as soon as it is gone, or, in a dry run, as it would go: whole projects, then intermediates.

    What the storage refuses to remove is told with its ``error``, and the others go on. Raises
    ``storage_unreachable`` and ``database_unreachable``.
    """
    if terms.project_days:
        async for project in _idle(stores, terms.project_days, unshared=True):
            if (gone := await _expire(stores, project, terms.project_days, dry_run=dry_run)) is not None:
                yield gone
    if terms.intermediate_days:
        async for project in _idle(stores, terms.intermediate_days, unshared=False):
            if dry_run and terms.project_days and await _expires(stores, project, terms.project_days):
                continue  # it was told of, whole
            if (cleared := await _clear(stores, project, terms.intermediate_days, dry_run=dry_run)) is not None:
                yield cleared


async def _idle(stores: Stores, days: int, *, unshared: bool) -> AsyncIterator[Row]:
    """Page by page, so that memory has an end however many projects there are."""
    after: UUID | None = None
    while True:
        async with stores.pool.connection() as conn:
            page = await retention.idle(conn, days, unshared=unshared, after=after)
        for project in page:
            yield project
        if len(page) < retention.PAGE:
            return
        after = page[-1]["id"]


async def _expires(stores: Stores, project: Row, days: int) -> bool:
    async with stores.pool.connection() as conn:
        return await retention.hold_idle(conn, project["id"], days, unshared=True) is not None


async def _expire(stores: Stores, project: Row, days: int, *, dry_run: bool) -> Removed | None:
    """Delete a project whole; None where somebody touched it meanwhile."""
    project_id: UUID = project["id"]
    objects, size = await _measure(stores.objects, project_id)
    told = Removed("project", project_id, project["name"], _why(project, days), objects, size)
    if dry_run:
        return told
    try:
        await _clear_batches(stores, project_id, days, unshared=True)
        async with stores.pool.connection() as conn:
            held = await retention.hold_idle(conn, project_id, days, unshared=True)
            if held is None:
                return None
            await delete_project(conn, stores.objects, project_id, held["owner_id"])
    except StorageRefusedError as error:
        return replace(told, error=error)
    await asyncio.to_thread(stores.forget_pictures, project_id)
    return told


async def _measure(objects: Objects, project_id: UUID) -> tuple[int, int]:
    """How many objects a project has, rows or not, and their bytes."""
    sizes = [entry.bytes for bucket in BUCKETS async for entry in objects.entries(bucket, project_prefix(project_id))]
    return len(sizes), sum(sizes)


async def _clear(stores: Stores, project: Row, days: int, *, dry_run: bool) -> Removed | None:
    """Take a project's intermediates; None where it has none."""
    told = Removed("intermediates", project["id"], project["name"], _why(project, days), 0, 0)
    if dry_run:
        async with stores.pool.connection() as conn:
            rows = await retention.intermediates(conn, project["id"], KINDS, limit=None)
        told = replace(told, objects=len(rows), bytes=sum(row["bytes"] for row in rows))
    else:
        try:
            count, size = await _clear_batches(stores, project["id"], days, unshared=False)
        except StorageRefusedError as error:
            return replace(told, error=error)
        told = replace(told, objects=count, bytes=size)
    return told if told.objects else None


async def _clear_batches(stores: Stores, project_id: UUID, days: int, *, unshared: bool) -> tuple[int, int]:
    """Take intermediates batch by batch, each marked once it is gone; how many, and their bytes."""
    count, size = 0, 0
    while True:
        async with stores.pool.connection() as conn:
            if await retention.hold_idle(conn, project_id, days, unshared=unshared) is None:
                return count, size
            batch = await _clear_batch(conn, stores.objects, project_id)
        count, size = count + len(batch), size + sum(row["bytes"] for row in batch)
        if len(batch) < BATCH:
            return count, size


async def _clear_batch(conn: Connection, objects: Objects, project_id: UUID) -> list[Row]:
    batch = await retention.intermediates(conn, project_id, KINDS, limit=BATCH)
    paths: defaultdict[str, list[str]] = defaultdict(list)
    for row in batch:
        paths[row["bucket"]].append(row["path"])
    for bucket, keys in paths.items():
        await objects.remove(bucket, keys)
    # Not before: a kill in between leaves rows that the next collection takes again; a missing object is no error.
    await retention.mark_removed(conn, [row["id"] for row in batch])
    return batch


def _why(project: Row, days: int) -> str:
    return f"untouched since {project['touched_at']:%Y-%m-%d}, more than {days} day{'' if days == 1 else 's'}"
