"""The folders of runs under HOME/work: kept while a run may go on from them, and no longer.

A folder is named after the first of the runs that do one work (:func:`maquette.db.runs.work_id`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from maquette.db import runs
from maquette.db.rows import Connection, Row, fetch_all
from maquette.disk import disk_low
from maquette.execution.process import LOG_NAME
from maquette.worker.services import Services

log = logging.getLogger(__name__)

KEEP_S = 7 * 86400.0
"""How long the log of a failed run stays, and a folder whose installation is not known."""
INSTALLATION = "installation"
"""A file in each folder: whose run it is."""


@dataclass(frozen=True)
class _Work:
    """How a work stands, and how long ago it ended, by the database's clock."""

    status: str
    ended_s: float


def prepare_folder(services: Services, run: Row) -> None:
    """Make a run's folder, or find the one that an earlier attempt left, and write down whose it is."""
    # Photos lie here in the clear for as long as the run lasts: nobody else's business on a shared machine.
    services.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = services.folder(run)
    folder.mkdir(exist_ok=True)
    (folder / INSTALLATION).write_text(str(services.installation))


async def sweep_folders(services: Services, *, keep_s: float = KEEP_S) -> None:
    """Remove what ended runs left behind: their worker was killed, another machine finished them, or nobody retried.

    What a failed or cancelled run left stays for ``MAQUETTE_KEEP_WORK_HOURS``, less where the disk is nearly full.
    """
    folders = await asyncio.to_thread(_run_folders, services.work)
    if not folders:
        return
    low = await asyncio.to_thread(disk_low, services.settings)
    keep_work_s = 0.0 if low else services.settings.keep_work_hours * 3600
    async with services.pool.connection() as conn:
        statuses = await _statuses(conn, folders)
    for work_id, folder in folders.items():
        try:
            await _sweep(services, folder, statuses.get(work_id), keep_s, keep_work_s)
        except OSError as error:
            # Of another user, perhaps, who ran a worker here once: the others are swept all the same.
            log.warning("the folder of run %s stays (%s)", work_id, type(error).__name__)


async def _sweep(services: Services, folder: Path, work: _Work | None, keep_s: float, keep_work_s: float) -> None:
    if work is None:
        # Of a project that was deleted; or perhaps of another database that shares this home.
        ours = await asyncio.to_thread(_is_of, folder, services.installation)
        if ours or await asyncio.to_thread(_age_s, folder) >= keep_s:
            await asyncio.to_thread(forget_folder, folder)
    elif work.status == "completed" or (work.status in runs.FINAL and work.ended_s >= keep_work_s):
        keep_log = work.status == "failed" and work.ended_s < keep_s
        await asyncio.to_thread(forget_folder, folder, keep_log=keep_log)


def forget_folder(folder: Path, *, keep_log: bool = False) -> None:
    """Remove a run's folder, or all of it but the log."""
    if not keep_log:
        shutil.rmtree(folder, ignore_errors=True)
        return
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name not in (LOG_NAME, INSTALLATION):
                path.unlink(missing_ok=True)


async def _statuses(conn: Connection, work_ids: Iterable[UUID]) -> dict[UUID, _Work]:
    """Of each work: an unfinished run of its row where there is one, else the newest."""
    rows = await fetch_all(
        conn,
        "select distinct on (coalesce(continues_id, id)) coalesce(continues_id, id) as work_id, status,"
        " coalesce(extract(epoch from now() - finished_at), 0) as ended_s"
        " from public.runs where id = any(%(ids)s) or continues_id = any(%(ids)s)"
        " order by coalesce(continues_id, id), status in ('queued', 'running') desc, queued_at desc, id desc",
        {"ids": list(work_ids)},
    )
    return {row["work_id"]: _Work(row["status"], float(row["ended_s"])) for row in rows}


def _run_folders(work: Path) -> dict[UUID, Path]:
    """Folders by work; anything else that lies there is not ours."""
    found = {}
    for path in work.iterdir() if work.is_dir() else ():
        with contextlib.suppress(ValueError):
            found[UUID(path.name)] = path
    return found


def _is_of(folder: Path, installation: UUID) -> bool:
    path = folder / INSTALLATION
    return path.exists() and path.read_bytes() == str(installation).encode()


def _age_s(folder: Path) -> float:
    """Seconds since anything directly in the folder was written."""
    with contextlib.suppress(FileNotFoundError):
        return time.time() - max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    return 0.0
