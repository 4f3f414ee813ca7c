"""The Storage service as an ASGI app, to be mounted at ``/storage/v1``."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from maquette.db.connection import Pool
from maquette.embedded.storage import buckets, downloads, listing, relocation, removal, signing, uploads
from maquette.embedded.storage.callers import Keys
from maquette.embedded.storage.faults import HANDLERS, Fault
from maquette.embedded.storage.files import FileStore
from maquette.embedded.storage.service import Service
from maquette.settings import Connections


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
            *signing.ROUTES,
            *downloads.ROUTES,
            *removal.ROUTES,
            *uploads.ROUTES,
        ],
        exception_handlers={**HANDLERS, 404: _no_route, 405: _no_route},
    )
    if connections.jwt_secret is None:
        raise ValueError("the storage service belongs to the embedded stack, which always has a jwt_secret")
    keys = Keys(connections.secret_key, connections.publishable_key, connections.jwt_secret)
    app.state.service = Service(keys, pool, FileStore(home / "storage"))
    return app


async def status(request: Request) -> Response:
    """It runs."""
    return JSONResponse({"status": "ok"})


async def _no_route(request: Request, exc: Exception) -> Response:
    fault = Fault(404, "Not Found", f"Route {request.method}:{request.url.path} not found", "NotFound", 404)
    return JSONResponse(fault.body, fault.http_status)
