"""Wakes whoever waits for news of a project, however many people watch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from maquette.db.listener import Listener

log = logging.getLogger("maquette.realtime")

CHANNEL = "maquette_events"
RECHECK_S = 10.0
"""A watcher looks at the rows this often without any news: notifications may be lost, rows are not."""

RECHECK_WITHOUT_LISTEN_S = 1.0


class Announcements:
    """Notifications carry keys only; watchers read the rows again and decide by ``seq``."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._watchers: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)
        listener.hear(CHANNEL, self._wake, self._wake_all)

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
        patience_s = RECHECK_S if self._listener.listening else RECHECK_WITHOUT_LISTEN_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), patience_s)
        event.clear()

    def _wake(self, payload: str) -> None:
        try:
            project_id = UUID(json.loads(payload)["project_id"])
        except (ValueError, KeyError, TypeError):
            log.warning("a notification on %s is not ours", CHANNEL)
            return
        for event in self._watchers.get(project_id, ()):
            event.set()

    def _wake_all(self) -> None:
        # Whatever happened while nobody listened.
        for events in self._watchers.values():
            for event in events:
                event.set()
