"""Unfinished work that another machine could go on from: a training's newest checkpoint, in a bucket.

The folder on the machine that does the work is always as new; what is here is for when that machine is lost.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path, PurePosixPath

from psycopg_pool import AsyncConnectionPool

from maquette.db import artifacts, runs
from maquette.db.rows import Connection, Row, fetch_all
from maquette.execution.wanted import Wanted
from maquette.recon.atomic import replacing
from maquette.recon.digest import sha256_of
from maquette.steps.folder import Folder
from maquette.storage import buckets, keys
from maquette.storage.client import Objects

KIND = "saved_work"
MARKER = "attempt"
"""A file in a run's folder: which attempt worked there last."""


async def saved_work(conn: Connection, run: Row, folder: Folder) -> list[Wanted]:
    """The newest saving of a run or of those it goes on from; nothing where the folder holds what is as new."""
    row = await runs.same_row(conn, run)
    found = await fetch_all(
        conn,
        "select to_jsonb(a) as artifact from public.artifacts a where a.kind = %s and a.run_id = any(%s)"
        " and a.removed_at is null order by a.created_at desc, a.path",
        [KIND, row],
    )
    if not found:
        return []
    newest = PurePosixPath(found[0]["artifact"]["path"]).parent
    age = {str(run_id): number for number, run_id in enumerate(row)}
    if _place(await asyncio.to_thread(last_maker, folder.root), age) >= _place(newest.parts[2], age):
        return []
    return [
        # Without it the work only begins anew.
        Wanted(folder.relative(folder.training / PurePosixPath(one["artifact"]["path"]).name), one["artifact"], True)
        for one in found
        if PurePosixPath(one["artifact"]["path"]).parent == newest
    ]


def _place(maker: str, age: dict[str, int]) -> tuple[int, int]:
    """How late an attempt is among those of a row of runs; before all where it is none of them."""
    run_id, _, attempt = maker.partition(".")
    return (age.get(run_id, -1), int(attempt or 0))


def last_maker(root: Path) -> str:
    """Which attempt worked in a folder last, as :func:`maquette.storage.keys.maker` names it; empty where none did."""
    path = root / MARKER
    return path.read_text() if path.exists() else ""


def mark(root: Path, run: Row) -> None:
    """Say that this attempt works in the folder now."""
    with replacing(root / MARKER) as file:
        file.write(keys.maker(run["id"], run["attempt"]).encode())


def snapshot(folder: Folder, into: Path) -> list[Path]:
    """The files of the work under way as they are now, without copying; none where there is nothing to go on from.

    They are replaced whole when they change, so that a second name keeps what it names.
    """
    shutil.rmtree(into, ignore_errors=True)
    sources = folder.work_under_way()
    if sources:
        into.mkdir()
    copies = []
    for source in sources:
        os.link(source, into / source.name)
        copies.append(into / source.name)
    return copies


async def save_work(
    pool: AsyncConnectionPool[Connection], objects: Objects, run: Row, files: list[Path], number: int
) -> None:
    """Store a snapshot in place of the one before. Raises ``run_fenced`` where another attempt has taken over."""
    stored = []
    for path in files:
        key = keys.saved_work(run["project_id"], keys.maker(run["id"], run["attempt"]), number, path.name)
        await objects.upload(buckets.MODELS, key, path, "application/octet-stream")
        stored.append((key, await asyncio.to_thread(sha256_of, path), path.stat().st_size))
    async with pool.connection() as conn:
        await runs.assert_current(conn, run["id"], run["attempt"])
        before = await _forget(conn, run)
        for key, digest, size in stored:
            await artifacts.record(
                conn,
                project_id=run["project_id"],
                run_id=run["id"],
                kind=KIND,
                bucket=buckets.MODELS,
                path=key,
                sha256=digest,
                size=size,
                mime="application/octet-stream",
            )
    await objects.remove(buckets.MODELS, before)


async def drop_saved_work(pool: AsyncConnectionPool[Connection], objects: Objects, run: Row) -> None:
    """Remove what was saved of work that is done. Raises ``run_fenced`` where another attempt has taken over."""
    async with pool.connection() as conn:
        await runs.assert_current(conn, run["id"], run["attempt"])
        before = await _forget(conn, run)
    # After the rows: a kill in between leaves an object that nothing names, and never a row without its object.
    await objects.remove(buckets.MODELS, before)


async def drop_unnamed(pool: AsyncConnectionPool[Connection], objects: Objects, run: Row) -> None:
    """Remove what a saving that was broken off has left of work that is done: objects that no row names.

    To be called once the rows of its checkpoints and pictures are gone. What an attempt after this one saves stays:
    it may have taken over meanwhile. Those before can name nothing any more.
    """
    async with pool.connection() as conn:
        row = await runs.same_row(conn, run)
    folder = keys.works(run["project_id"])
    age = {str(run_id): number for number, run_id in enumerate(row)}
    ours = _place(keys.maker(run["id"], run["attempt"]), age)
    left = []
    async for key in objects.walk(buckets.MODELS, folder):
        maker = key.removeprefix(folder).lstrip("/").partition("/")[0]
        if maker.partition(".")[0] in age and _place(maker, age) <= ours:
            left.append(key)
    await objects.remove(buckets.MODELS, left)


async def _forget(conn: Connection, run: Row) -> list[str]:
    rows = await fetch_all(
        conn,
        "delete from public.artifacts where kind = %s and run_id = any(%s) returning path, removed_at",
        [KIND, await runs.same_row(conn, run)],
    )
    return [row["path"] for row in rows if row["removed_at"] is None]
