"""Saves a training's newest checkpoint now and then, so that another machine can go on where this one was lost."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import psycopg
from psycopg_pool import PoolTimeout

from maquette.db.rows import Row
from maquette.errors import MaquetteError
from maquette.execution.saved_work import save_work, snapshot
from maquette.steps.folder import Folder
from maquette.worker.services import Services

log = logging.getLogger(__name__)

LOOK_S = 5.0
SHARE = 0.05
"""At most this share of the time goes into sending: checkpoints of large models are hundreds of megabytes."""


async def save_now_and_then(services: Services, run: Row, root: Path) -> None:
    """Until cancelled. A saving that fails is said and left out: the run itself does not depend on it."""
    every_s = services.settings.save_work_every_s
    if every_s <= 0:
        return
    loop = asyncio.get_running_loop()
    due, saved, number = loop.time() + every_s, 0, 0
    while True:
        await asyncio.sleep(min(LOOK_S, every_s))
        if loop.time() < due:
            continue
        began, number = loop.time(), number + 1
        try:
            # A training that ends just now takes its files away.
            files = await asyncio.to_thread(snapshot, Folder(root), root / ".saving")
            newest = max((path.stat().st_mtime_ns for path in files), default=0)
            if newest == saved:
                continue
            await save_work(services.pool, services.objects, run, files, number)
        except (psycopg.Error, PoolTimeout, OSError, MaquetteError) as error:
            log.warning("run %s: its checkpoint was not saved (%s)", run["id"], type(error).__name__)
        else:
            saved = newest
            size_mb = sum(path.stat().st_size for path in files) / 1e6
            log.info("run %s: saved a checkpoint of %.0f MB", run["id"], size_mb)
        spent = loop.time() - began
        due = loop.time() + max(every_s, spent / SHARE - spent)
