"""Wakes whoever waits for news of a project: one LISTEN connection a process, however many people watch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

import psycopg

from maquette.db.connection import connect_async, is_transaction_pooler
from maquette.errors import MaquetteError

log = logging.getLogger("maquette.api")

CHANNEL = "maquette_events"
RECHECK_S = 10.0
"""A watcher looks at the rows this often without any news: notifications may be lost, rows are not."""

RECHECK_WITHOUT_LISTEN_S = 1.0
_RECONNECT_S = 2.0


class Announcements:
    """Notifications carry keys only; watchers read the rows again and decide by ``seq``."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._watchers: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)
        self._listening = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen for as long as the block lasts."""
        if is_transaction_pooler(self._url):
            yield  # no LISTEN there: watchers poll
            return
        task = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @contextmanager
    def watching(self, project_id: UUID) -> Iterator[asyncio.Event]:
        """An event that is set whenever something happened in the project."""
        event = asyncio.Event()
        self._watchers[project_id].add(event)
        try:
            yield event
        finally:
            self._watchers[project_id].discard(event)
            if not self._watchers[project_id]:
                del self._watchers[project_id]

    async def news(self, event: asyncio.Event) -> None:
        """Return at the next notification, or when it is time to look at the rows anyway."""
        patience_s = RECHECK_S if self._listening else RECHECK_WITHOUT_LISTEN_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), patience_s)
        event.clear()

    async def _listen(self) -> None:
        while True:
            try:
                conn = await connect_async(self._url, "maquette-announcements")
                async with conn:
                    await conn.set_autocommit(True)
                    await conn.execute(f"listen {CHANNEL}")
                    self._listening = True
                    self._wake_all()  # whatever happened while nobody listened
                    async for notice in conn.notifies():
                        self._wake(notice.payload)
            except (psycopg.Error, MaquetteError) as error:
                log.warning("lost the connection that listens for events (%s); again soon", type(error).__name__)
            finally:
                self._listening = False
            await asyncio.sleep(_RECONNECT_S)

    def _wake(self, payload: str) -> None:
        try:
            project_id = UUID(json.loads(payload)["project_id"])
        except (ValueError, KeyError, TypeError):
            log.warning("a notification on %s is not ours", CHANNEL)
            return
        for event in self._watchers.get(project_id, ()):
            event.set()

    def _wake_all(self) -> None:
        for events in self._watchers.values():
            for event in events:
                event.set()
