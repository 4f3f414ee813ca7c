"""The Realtime service as an ASGI app: WebSockets at ``/realtime/v1/websocket``, and a status."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from maquette.db.connection import Pool
from maquette.db.listener import Listener
from maquette.embedded.callers import Caller, CredentialRefused, Keys, caller_by_credential
from maquette.embedded.realtime.catalogue import Catalogue
from maquette.embedded.realtime.frames import MalformedFrame, Version, decode
from maquette.embedded.realtime.outbox import Outbox
from maquette.embedded.realtime.reader import Reader
from maquette.embedded.realtime.registry import Registry
from maquette.embedded.realtime.session import Backstage, Session
from maquette.settings import Connections

log = logging.getLogger("maquette.realtime")

MOST_FRAME_CHARACTERS = 256 * 1024
"""Of a client's message. Joins and tokens are a few thousand."""

_TOO_BIG, _NO_FRAME, _FAULT, _TOO_SLOW = 1009, 1007, 1011, 1013


@asynccontextmanager
async def serve_realtime(
    parent: Starlette, connections: Connections, pool: Pool, listener: Listener
) -> AsyncIterator[None]:
    """Put the service at ``/realtime/v1`` of an app for as long as the block lasts.

    ``pool`` should be the service's own. Enter this before ``listener`` runs: it listens to a channel.
    """
    catalogue, registry = Catalogue(pool), Registry()
    reader = Reader(pool, listener, catalogue, registry)
    backstage = Backstage(Keys.of(connections), pool, listener, catalogue, registry)
    app = Starlette(routes=[Route("/status", _status), WebSocketRoute("/websocket", _talk)])
    app.state.backstage = backstage
    mount = Mount("/realtime/v1", app)
    parent.router.routes.append(mount)
    try:
        async with reader.running():
            yield
    finally:
        parent.router.routes.remove(mount)


async def _status(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _talk(socket: WebSocket) -> None:
    backstage: Backstage = socket.app.state.backstage
    version = socket.query_params.get("vsn", "1.0.0")
    caller = _caller(socket, backstage.keys)
    if isinstance(caller, Response):
        await socket.send_denial_response(caller)
        return
    if version not in ("1.0.0", "2.0.0"):
        await socket.send_denial_response(_denial(400, "vsn must be 1.0.0 or 2.0.0"))
        return
    await socket.accept()
    outbox = Outbox()
    session = Session(backstage, cast(Version, version), caller, outbox)
    tasks = [
        asyncio.create_task(_receive(socket, session, cast(Version, version))),
        asyncio.create_task(outbox.send_all(socket.send_text)),
        asyncio.create_task(outbox.overflowed.wait()),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        session.end()
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    if outbox.overflowed.is_set():
        log.warning("a client that did not read its messages was cut off")
        # Its line is full, so it may never take this: returning ends it either way.
        with contextlib.suppress(Exception):
            await asyncio.wait_for(socket.close(_TOO_SLOW, "too slow"), 0.1)
        return
    code = results[0]
    if isinstance(code, Exception):
        log.error("a client's message could not be answered; its socket is closed", exc_info=code)
        code = _FAULT
    if isinstance(code, int):
        with contextlib.suppress(RuntimeError):  # the client may have gone first
            await socket.close(code)


def _caller(socket: WebSocket, keys: Keys) -> Caller | Response:
    """The caller by key, or the refusal: a gateway's 401 without a key, Phoenix's 403 for a bad one."""
    credential = socket.headers.get("x-api-key") or socket.query_params.get("apikey")
    if not credential:
        return _denial(401, "No API key found in request")
    try:
        return caller_by_credential(credential, keys)
    except CredentialRefused:
        return _denial(403, "Invalid API key")


def _denial(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status)


async def _receive(socket: WebSocket, session: Session, version: Version) -> int | None:
    """Take frames until the client goes; the code to close with, where it has to be sent away."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text = message.get("text")
        if text is None:
            continue  # binary frames carry broadcasts, which are not offered
        if len(text) > MOST_FRAME_CHARACTERS:
            return _TOO_BIG
        try:
            frame = decode(version, text)
        except MalformedFrame:
            return _NO_FRAME
        await session.take(frame)
