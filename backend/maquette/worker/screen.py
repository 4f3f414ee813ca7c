"""Keeps the pictures that a training shows, the newest one always first: none is worth waiting for."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import psycopg
from psycopg_pool import PoolTimeout

from maquette.db.rows import Row
from maquette.errors import MaquetteError
from maquette.execution.training_previews import save_preview
from maquette.steps.records import Preview
from maquette.worker.services import Services

log = logging.getLogger(__name__)


class Screen:
    """What a step showed last, until it is kept."""

    def __init__(self) -> None:
        self._newest: Preview | None = None
        self._came = asyncio.Event()

    def show(self, preview: Preview) -> None:
        """In place of one that was not kept yet."""
        self._newest = preview
        self._came.set()

    async def newest(self) -> Preview:
        """Wait for one that was not taken yet, and take it."""
        while self._newest is None:
            self._came.clear()
            await self._came.wait()
        preview, self._newest = self._newest, None
        return preview


async def keep_what_is_shown(services: Services, run: Row, root: Path, screen: Screen) -> None:
    """Until cancelled. A picture that cannot be kept is said and left out: the run itself does not depend on it."""
    number = 0
    while True:
        preview = await screen.newest()
        number += 1
        try:
            await save_preview(services.pool, services.objects, run, preview, number, root)
        except (psycopg.Error, PoolTimeout, OSError, MaquetteError) as error:
            log.warning("run %s: a picture of its training was not kept (%s)", run["id"], type(error).__name__)
