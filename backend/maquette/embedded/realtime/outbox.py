"""What waits to be sent to one socket: bounded, so that a client that does not read costs nobody anything."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

MOST_MESSAGES = 1000
MOST_CHARACTERS = 2 * 1024 * 1024
_BURST = 64
"""Messages sent to one socket before the others get their turn."""


class Outbox:
    """``put`` never waits; ``send_all`` sends as fast as the client reads."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._size = 0
        self._filled = asyncio.Event()
        self.overflowed = asyncio.Event()
        """Set when the client has read too little for too long: its socket is to be closed."""

    def put(self, text: str) -> None:
        """Queue one message. One that is larger than the whole buffer still goes where nothing else waits."""
        if self.overflowed.is_set():
            return
        if self._texts and (len(self._texts) >= MOST_MESSAGES or self._size + len(text) > MOST_CHARACTERS):
            self._texts.clear()
            self.overflowed.set()
            return
        self._texts.append(text)
        self._size += len(text)
        self._filled.set()

    async def send_all(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Send whatever comes, until cancelled or the line breaks."""
        sent = 0
        while True:
            await self._filled.wait()
            while self._texts:
                text = self._texts.popleft()
                self._size -= len(text)
                await send(text)
                sent += 1
                if sent % _BURST == 0:
                    await asyncio.sleep(0)
            self._filled.clear()
