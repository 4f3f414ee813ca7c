"""The Storage service as an ASGI app, to be mounted at ``/storage/v1``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from maquette.db.connection import Pool
from maquette.embedded.storage import (
    buckets,
    downloads,
    listing,
    paging,
    relocation,
    removal,
    resumable,
    signing,
    transforms,
    uploads,
)
from maquette.embedded.storage.callers import Keys
from maquette.embedded.storage.cors import CORS
from maquette.embedded.storage.faults import HANDLERS, Fault
from maquette.embedded.storage.files import FileStore
from maquette.embedded.storage.headers import HARDENED
from maquette.embedded.storage.holds import Holds
from maquette.embedded.storage.partials import Partials
from maquette.embedded.storage.service import Service
from maquette.embedded.storage.sweeping import keep_swept
from maquette.settings import Connections


@contextlib.asynccontextmanager
async def run_storage_app(connections: Connections, home: Path, pool: Pool) -> AsyncIterator[Starlette]:
    """The service as :func:`create_storage_app` makes it, swept of what crashes left for as long as the block lasts."""
    app = create_storage_app(connections, home, pool)
    sweeper = asyncio.create_task(keep_swept(app.state.service))
    try:
        yield app
    finally:
        sweeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeper


def create_storage_app(connections: Connections, home: Path, pool: Pool) -> Starlette:
    """The service over ``home/storage`` and the tables of schema storage.

    ``pool`` should be the service's own, not the API's: an API handler that waits for this service while it holds a
    connection must not be able to hold the one this service needs. One app at a time on a home.
    """
    # Named routes first: each list's last one takes any bucket.
    app = Starlette(
        routes=[
            Route("/status", status),
            *buckets.ROUTES,
            *relocation.ROUTES,
            *listing.ROUTES,
            *paging.ROUTES,
            *signing.ROUTES,
            *downloads.ROUTES,
            *transforms.ROUTES,
            *resumable.ROUTES,
            *removal.ROUTES,
            *uploads.ROUTES,
        ],
        middleware=[HARDENED, CORS],
        exception_handlers={**HANDLERS, 404: _no_route, 405: _no_route},
    )
    files = FileStore(home / "storage")
    app.state.service = Service(Keys.of(connections), pool, files, Partials(files), Holds())
    return app


async def status(request: Request) -> Response:
    """It runs."""
    return JSONResponse({"status": "ok"})


async def _no_route(request: Request, exc: Exception) -> Response:
    fault = Fault(404, "Not Found", f"Route {request.method}:{request.url.path} not found", "NotFound", 404)
    return JSONResponse(fault.body, fault.http_status)
