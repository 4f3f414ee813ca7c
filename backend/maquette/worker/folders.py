"""The folders of runs under HOME/work: kept while a run may go on from them, and no longer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from maquette.db import runs
from maquette.db.rows import Connection, fetch_all
from maquette.execution.process import LOG_NAME
from maquette.worker.services import Services

log = logging.getLogger(__name__)

KEEP_S = 7 * 86400.0
"""How long the log of a failed run stays, and the folder of a run that this database does not know."""


async def sweep_folders(services: Services, *, keep_s: float = KEEP_S) -> None:
    """Remove what ended runs left behind: their worker was killed, or another machine finished them."""
    folders = await asyncio.to_thread(_run_folders, services.work)
    if not folders:
        return
    async with services.pool.connection() as conn:
        statuses = await _statuses(conn, folders)
    for run_id, folder in folders.items():
        status = statuses.get(run_id)
        if status is not None and status not in runs.FINAL:
            continue
        fresh = await asyncio.to_thread(_age_s, folder) < keep_s
        if status is None and fresh:
            # Perhaps a run of another database that shares this home.
            continue
        await asyncio.to_thread(forget_folder, folder, keep_log=status == "failed" and fresh)


def forget_folder(folder: Path, *, keep_log: bool) -> None:
    """Remove a run's folder, or all of it but the log."""
    if not keep_log:
        shutil.rmtree(folder, ignore_errors=True)
        return
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != LOG_NAME:
                path.unlink(missing_ok=True)


async def _statuses(conn: Connection, run_ids: Iterable[UUID]) -> dict[UUID, str]:
    rows = await fetch_all(conn, "select id, status from public.runs where id = any(%s)", [list(run_ids)])
    return {row["id"]: str(row["status"]) for row in rows}


def _run_folders(work: Path) -> dict[UUID, Path]:
    """Folders by run; anything else that lies there is not ours."""
    found = {}
    for path in work.iterdir() if work.is_dir() else ():
        with contextlib.suppress(ValueError):
            found[UUID(path.name)] = path
    return found


def _age_s(folder: Path) -> float:
    """Seconds since anything directly in the folder was written."""
    with contextlib.suppress(FileNotFoundError):
        return time.time() - max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    return 0.0
