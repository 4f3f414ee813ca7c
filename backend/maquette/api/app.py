"""The application: routers by noun under /api/v1, one error shape, and what it holds open while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import WebSocketRequestValidationError
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline

from maquette import __version__
from maquette.api import (
    comparisons,
    download,
    events,
    formats,
    health,
    imports,
    incoming_files,
    lists,
    metrics,
    problems,
    projects,
    queue,
    ready,
    renders,
    replacements,
    run_logs,
    runs,
    sample,
    session,
    shared,
    shared_renders,
    shares,
    sign_in,
    status,
    steps,
    training_previews,
    uploads,
    webhooks,
)
from maquette.api.cors import Cors
from maquette.api.guards import Guards
from maquette.api.owners import choose_gate
from maquette.api.service import Service
from maquette.api.traffic import Counted
from maquette.api.web import serve_web
from maquette.db.connection import open_pool
from maquette.db.listener import Listener
from maquette.embedded.realtime.app import serve_realtime
from maquette.embedded.storage.app import run_storage_app
from maquette.embedded.storage.routing import mount_storage
from maquette.realtime.announcements import Announcements
from maquette.rendering.gallery import Gallery
from maquette.settings import Connections, Settings, read_settings, resolve_connections
from maquette.storage.client import Objects
from maquette.webhooks.courier import Courier

PREFIX = "/api/v1"
CONCURRENT_UPLOADS = 2

DESCRIPTION = """
Photos to a 3D model in recorded steps: **upload → generate → refine → export**.

Long steps answer `202` with a `run_id`; add `?wait=SECONDS` to hold the call until they are finished. Every error has
the shape `{"error": {"code", "message", "details", "suggestion"}}` with a stable code.

The description itself is at `/api/v1/openapi.json`.
"""


def create_app(settings: Settings, connections: Connections) -> FastAPI:
    """The API. On the embedded stack it also serves Supabase's Storage at /storage/v1 and Realtime at /realtime/v1."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await asyncio.to_thread(uploads.forget_old_arrivals, settings.home)
            listener = Listener(connections.database_url)
            pool = await stack.enter_async_context(open_pool(connections.database_url))
            objects = await stack.enter_async_context(Objects.open(connections, timeout_s=settings.storage_timeout_s))
            app.state.service = Service(
                settings=settings,
                connections=connections,
                pool=pool,
                objects=objects,
                gallery=await stack.enter_async_context(Gallery.running(settings, objects)),
                gate=choose_gate(settings, connections, pool),
                announcements=Announcements(listener),
                upload_slots=asyncio.Semaphore(CONCURRENT_UPLOADS),
                shared_places=asyncio.Semaphore(shared_renders.SHARED_PLACES),
                download_slots=asyncio.Semaphore(download.MOST_AT_ONCE),
            )
            if connections.embedded:
                # Its own pool: a handler that waits for storage while it holds a connection must not starve it.
                storage_pool = await stack.enter_async_context(
                    open_pool(connections.database_url, application_name="maquette-storage")
                )
                storage = run_storage_app(connections, settings.home, storage_pool)
                mount_storage(app, await stack.enter_async_context(storage))
                realtime_pool = await stack.enter_async_context(
                    open_pool(connections.database_url, max_size=4, application_name="maquette-realtime")
                )
                await stack.enter_async_context(serve_realtime(app, connections, realtime_pool, listener))
            courier = Courier(pool, listener, settings.webhook_hosts)
            await stack.enter_async_context(listener.running())
            await stack.enter_async_context(courier.running())
            yield

    # Swagger UI comes from this server, not from a CDN: the page works on a machine without internet.
    app = FastAPIOffline(
        title="Maquette",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url="/docs",
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
        # Generated clients call their functions by it: listProjects, not listProjectsApiV1ProjectsGet.
        generate_unique_id_function=lambda route: route.name,
        swagger_ui_parameters={"persistAuthorization": False},
        # An address whose last part was left empty, as by a variable that is not set, names nothing; a redirect would
        # look like success to a program that does not follow it.
        redirect_slashes=False,
    )
    app.add_middleware(Guards)
    if settings.cors_origins:
        # Around the guards, so that a page can also read what these refuse.
        app.add_middleware(Cors, origins=settings.cors_origins)
    app.state.metrics = metrics.Metrics()
    # Around all others, so that what they refuse is counted too.
    app.add_middleware(Counted, traffic=app.state.metrics.traffic)
    problems.register(app)
    app.add_exception_handler(WebSocketRequestValidationError, events.refuse_invalid)
    for module in (
        projects,
        imports,
        sample,
        incoming_files,
        uploads,
        steps,
        formats,
        download,
        status,
        runs,
        run_logs,
        training_previews,
        queue,
        lists,
        replacements,
        renders,
        comparisons,
        shares,
        shared,
        shared_renders,
        webhooks,
        events,
        sign_in,
        session,
        health,
        ready,
    ):
        app.include_router(module.router, prefix=PREFIX)
    for module in (health, ready, metrics):
        # Where orchestrators look by habit.
        app.include_router(module.router, include_in_schema=False)

    @app.get("/docs/", include_in_schema=False)
    @app.get(f"{PREFIX}/docs", include_in_schema=False)
    async def docs() -> RedirectResponse:
        return RedirectResponse("/docs")

    serve_web(app, settings, connections)
    return app


def factory() -> FastAPI:
    """For ``uvicorn --factory maquette.api.app:factory``: settings from the environment, of a stack that runs."""
    settings = read_settings()
    return create_app(settings, resolve_connections(settings))
