"""One LISTEN connection a process, for all channels that anything in it wants to hear."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from maquette.db.connection import connect_async, is_transaction_pooler
from maquette.errors import MaquetteError

log = logging.getLogger("maquette.db")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0


@dataclass(frozen=True)
class _Ear:
    channel: str
    heard: Callable[[str], None]
    missed: Callable[[], None]


class Listener:
    """Calls back on the event loop with each notification's payload.

    Notifications are lost while there is no connection: after each (re)connect ``missed`` is called, so whoever
    needs to know everything looks at the rows then. ``application_name`` is ``maquette-listener``.
    """

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._ears: list[_Ear] = []
        self._live = asyncio.Event()

    def hear(self, channel: str, heard: Callable[[str], None], missed: Callable[[], None]) -> None:
        """Listen to a channel too; call it before :meth:`running`. The callbacks must be quick and not raise."""
        self._ears.append(_Ear(channel, heard, missed))

    @property
    def listening(self) -> bool:
        """Whether a change committed now would be heard."""
        return self._live.is_set()

    async def until_listening(self, timeout_s: float) -> bool:
        """Wait for the connection; whether it is there."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._live.wait(), timeout_s)
        return self.listening

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen for as long as the block lasts. On a transaction pooler there is no LISTEN, and this does nothing."""
        if is_transaction_pooler(self._url):
            yield
            return
        task = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _listen(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                conn = await connect_async(self._url, "maquette-listener")
                async with conn:
                    await conn.set_autocommit(True)
                    for channel in {ear.channel for ear in self._ears}:
                        await conn.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
                    self._live.set()
                    pause_s = _FIRST_PAUSE_S
                    for ear in self._ears:
                        ear.missed()
                    async for notice in conn.notifies():
                        for ear in self._ears:
                            if ear.channel == notice.channel:
                                ear.heard(notice.payload)
            except (psycopg.Error, MaquetteError) as error:
                log.warning("lost the connection that listens for changes (%s); again soon", type(error).__name__)
            finally:
                self._live.clear()
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
