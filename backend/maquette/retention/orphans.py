"""Finds where storage and rows differ: objects that no row knows, rows whose object is not there, and objects that
are of another size than their row says.

Project by project and bucket by bucket, so that memory holds the keys of one project's bucket at a time. Objects
whose key does not begin with a project's id are somebody else's: they are left alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from maquette.db import retention
from maquette.db.rows import Connection, Row
from maquette.retention.removed import Removed, Stores
from maquette.storage.buckets import BUCKETS
from maquette.storage.client import Objects, StorageRefusedError
from maquette.storage.keys import project_prefix

YOUNG = timedelta(hours=24)
"""An upload, and a step's record, store objects before their rows: what is as young as this may be on its way."""

_CHECK_URL_S = 60


@dataclass(frozen=True)
class _Differences:
    """Of one project's objects in one bucket: ``strays`` by key with their bytes, ``missing`` rows by path."""

    bucket: str
    strays: dict[str, int]
    missing: dict[str, Row]
    cut: list[int]
    """Sizes of objects that are not as long as their rows say."""


async def find_orphans(
    stores: Stores, *, delete: bool, besides: Collection[UUID] = frozenset()
) -> AsyncIterator[Removed]:
    """Each project's objects without rows, its rows without objects and its objects of a wrong size, as far as there
    are any; ``besides`` some projects.

    ``delete``: removes the objects, and marks the rows as removed, which is what they are: a reader is then told so
    instead of being given an address that leads nowhere. Objects of a wrong size stay, for a person to look at.
    """
    places: defaultdict[UUID, list[str]] = defaultdict(list)
    for bucket in BUCKETS:
        for name in await stores.objects.folders(bucket):
            with suppress(ValueError):
                # As we write ids, and no other way of writing them.
                if str(project_id := UUID(name)) == name:
                    places[project_id].append(bucket)
    async with stores.pool.connection() as conn:
        projects = {*places, *await retention.projects_with_objects(conn)}
    for project_id in sorted(projects.difference(besides)):
        async for found in _of_project(stores, project_id, places.get(project_id, []), delete=delete):
            yield found


async def _of_project(stores: Stores, project_id: UUID, listed: list[str], *, delete: bool) -> AsyncIterator[Removed]:
    """``listed``: the buckets that have a folder of the project."""
    async with stores.pool.connection() as conn:
        name = await retention.name_of(conn, project_id)
    stray = Removed("objects without rows", project_id, name or "", _why_stray(name), 0, 0)
    missing = Removed(
        "rows without objects", project_id, name or "", "storage has lost them, or a removal was cut short", 0, 0
    )
    cut = Removed("objects of a wrong size", project_id, name or "", "damaged: make them again with their step", 0, 0)
    for bucket in BUCKETS:
        differences = await _compare(stores, project_id, bucket, listed=bucket in listed)
        if delete:
            try:
                await _mend(stores, project_id, differences)
            except StorageRefusedError as error:
                stray = replace(stray, error=error)
        stray = _more(stray, differences.strays.values())
        missing = _more(missing, (row["bytes"] for row in differences.missing.values()))
        cut = _more(cut, differences.cut)
    for found in (stray, missing, cut):
        if found.objects:
            yield found


def _why_stray(name: str | None) -> str:
    return "the project is gone" if name is None else "left by an attempt or upload that did not come to its end"


def _more(told: Removed, sizes: Iterable[int]) -> Removed:
    found = list(sizes)
    return replace(told, objects=told.objects + len(found), bytes=told.bytes + sum(found))


async def _compare(stores: Stores, project_id: UUID, bucket: str, *, listed: bool) -> _Differences:
    """Rows are read before objects are listed, and objects are stored before rows are written: a row that was there
    has its object in the list. What the list shows and no row knew is asked for again afterwards.
    """
    async with stores.pool.connection() as conn:
        rows, old = await retention.recorded(conn, project_id, bucket), await retention.now(conn) - YOUNG
    strays: dict[str, int] = {}
    cut: list[int] = []
    if listed:
        async for entry in stores.objects.entries(bucket, project_prefix(project_id)):
            row = rows.pop(entry.key, None)
            if row is not None and row["bytes"] != entry.bytes:
                cut.append(entry.bytes)
            elif row is None and entry.changed_at < old:
                strays[entry.key] = entry.bytes
    if strays:
        async with stores.pool.connection() as conn:
            for key in await retention.known(conn, bucket, strays):
                del strays[key]
    return _Differences(bucket, strays, await _really_missing(stores.objects, bucket, rows), cut)


async def _really_missing(objects: Objects, bucket: str, rows: dict[str, Row]) -> dict[str, Row]:
    """Those whose very object storage does not have: a list can miss one while others are removed."""
    if not rows:
        return {}
    signed = await objects.signed_urls(bucket, rows, _CHECK_URL_S)
    return {path: row for path, row in rows.items() if signed[path] is None}


async def _mend(stores: Stores, project_id: UUID, found: _Differences) -> None:
    """Remove strays and mark rows, under the project's lock: no upload or step writes rows meanwhile."""
    if not found.strays and not found.missing:
        return
    async with stores.pool.connection() as conn:
        await retention.hold(conn, project_id)
        old = await retention.now(conn) - YOUNG
        if found.strays:
            keys = await _still_stray(conn, stores.objects, project_id, found, old)
            await stores.objects.remove(found.bucket, keys)
        missing = await _really_missing(stores.objects, found.bucket, found.missing)
        await retention.mark_removed(conn, [row["id"] for row in missing.values()])


async def _still_stray(
    conn: Connection, objects: Objects, project_id: UUID, found: _Differences, old: datetime
) -> list[str]:
    """Photos are named by their contents, so the same one, sent again, may be on its way to the same key."""
    used = await retention.known(conn, found.bucket, found.strays)
    async for entry in objects.entries(found.bucket, project_prefix(project_id)):
        if entry.changed_at >= old:
            used.add(entry.key)
    return [key for key in found.strays if key not in used]
