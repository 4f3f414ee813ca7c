"""One request at a time on an unfinished upload."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from starlette.requests import ClientDisconnect

from maquette.embedded.storage.tus import InterruptedFault, locked

IDLE_S = 60.0
"""A body of which nothing comes for so long is over."""


class Hold:
    """Held by the request that works on an upload; another one can ask it to leave."""

    def __init__(self, idle_s: float) -> None:
        self.released = anyio.Event()
        self._idle_s = idle_s
        self._asked = False
        self._listening: anyio.CancelScope | None = None

    def ask(self) -> None:
        """Leave as soon as you wait for your client again."""
        self._asked = True
        if self._listening is not None:
            self._listening.cancel()

    async def hear(self, stream: AsyncIterator[bytes]) -> bytes | None:
        """The next bytes of the body, None at its end, and a fault where this request should write no more."""
        if not self._asked:
            with anyio.move_on_after(self._idle_s) as self._listening:
                try:
                    return await anext(stream, None)
                except ClientDisconnect:
                    # Nobody reads the answer. What came so far stays, and the client goes on from there.
                    raise InterruptedFault(400, "The client went away") from None
                finally:
                    self._listening = None
        if self._asked:
            raise InterruptedFault(400, "Request aborted due to lock acquired")
        raise InterruptedFault(408, "TUS request body idle timeout - no bytes received")


class Holds:
    """Which uploads are worked on. In memory: there is one server on a home, and a killed one holds nothing."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._held: dict[str, Hold] = {}

    def __contains__(self, upload: str) -> bool:
        return upload in self._held

    @asynccontextmanager
    async def take(self, upload: str, *, from_others: bool) -> AsyncIterator[Hold]:
        """Hold an upload for the block; a 423 where another request does.

        ``from_others``: ask that one to stop and wait until it has written down what it got. So HEAD finds the true
        offset while the server still believes in a connection that broke, as on Supabase (its LockNotifier).
        """
        while (other := self._held.get(upload)) is not None:
            if not from_others:
                raise locked()
            other.ask()
            await other.released.wait()
        hold = self._held[upload] = Hold(self._idle_s)
        try:
            yield hold
        finally:
            del self._held[upload]
            hold.released.set()
