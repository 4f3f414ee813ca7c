"""What every route needs, opened once at the start: settings, the pool, the object store, the gate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from maquette.api.hardware import Hardware
from maquette.api.lending import Lending
from maquette.api.owners import Gate
from maquette.db.connection import Pool
from maquette.db.rows import Connection
from maquette.realtime.announcements import Announcements
from maquette.rendering.gallery import Gallery
from maquette.settings import Connections, Settings
from maquette.storage.client import Objects


@dataclass(frozen=True)
class Service:
    """Held in ``app.state.service`` while the application runs."""

    settings: Settings
    connections: Connections
    pool: Pool
    objects: Objects
    gallery: Gallery
    gate: Gate
    announcements: Announcements
    upload_slots: asyncio.Semaphore
    """Uploads that may decode photos at the same moment: each has a process of its own, and memory has an end."""

    shared_places: asyncio.Semaphore
    """Pictures that visitors of share links may have in the making at the same moment."""

    download_slots: asyncio.Semaphore
    """Archives that may be on their way at the same moment."""

    lending: Lending = field(default_factory=Lending)
    """Signed addresses of reads, shared by all of them."""

    hardware: Hardware = field(default_factory=Hardware)

    public_url: str = ""
    """How the caller reached this server; the embedded storage is reached the same way."""

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """A connection whose block is one transaction: all of it is there afterwards, or nothing."""
        return self._transaction()

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[Connection]:
        """A connection for a single statement, which is of one moment by itself: no round trips to begin and commit."""
        async with self.pool.connection() as conn:
            await conn.set_autocommit(True)
            try:
                yield conn
            finally:
                if not conn.closed:
                    await conn.set_autocommit(False)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        async with self.pool.connection() as conn:
            yield conn


def service_of(connection: HTTPConnection) -> Service:
    """The service behind a request or a WebSocket, knowing how its caller reached it."""
    service: Service = connection.app.state.service
    scheme = {"ws": "http", "wss": "https"}.get(connection.url.scheme, connection.url.scheme)
    return replace(service, public_url=f"{scheme}://{connection.url.netloc}")


Serving = Annotated[Service, Depends(service_of)]
