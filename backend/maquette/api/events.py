"""A project's history without gaps: read on from a number, or watch it live."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Annotated, Any
from uuid import UUID

import psycopg
from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import WebSocketRequestValidationError
from pydantic import BaseModel, Field
from starlette.websockets import WebSocketState

from maquette.api.owners import SOCKET_PROTOCOL, Identity, Owner
from maquette.api.paths import ProjectId, loggable
from maquette.api.problems import UnknownRouteError, error_responses
from maquette.api.rejections import describe_validation, missing_for_malformed_id, sayable
from maquette.api.service import Service, Serving
from maquette.api.shapes import Event
from maquette.api.status import Status, snapshot
from maquette.db import events, projects
from maquette.errors import MaquetteError

router = APIRouter(tags=["records"])

BATCH = 500
REFUSED = 4000
"""Close codes 4401, 4403, 4404, 4422: this plus the HTTP status."""

ASK_AGAIN_S = 2.0
"""While the database cannot say whether a key still holds. Events stand still meanwhile, too."""

After = Annotated[
    int,
    Query(
        ge=0,
        le=2**62,
        description="Only events with a higher `seq`, a count. Default 0: from the beginning.",
        examples=[0],
    ),
]


class EventListing(BaseModel):
    """A part of the history."""

    items: list[Event]
    next: int | None = Field(
        description="Pass it as `after` to read on; null when there is no more yet.", examples=[500]
    )


@router.get(
    "/projects/{project_id}/events",
    response_model=EventListing,
    summary="The history of a project",
    responses=error_responses(404),
)
async def list_events(
    service: Serving,
    owner: Owner,
    project_id: ProjectId,
    after: After = 0,
    limit: Annotated[
        int, Query(ge=1, le=1000, description="Events at most in one answer, a count. Default 500.", examples=[500])
    ] = BATCH,
) -> dict[str, Any]:
    """Oldest first; `seq` has no gaps, so a watcher knows what it has missed.

    The same address as a WebSocket is live: first `init` with the status as it is, then every event after `after`, old
    and new, in order. Messages are `{"type", "seq", "run_id", "payload", "created_at"}` like the entries here; that of
    `init` is `{"type", "seq", "payload"}`, with the answer of `GET /status/{project_id}` and its `event_seq`.

    Refusals are told in a message `{"type": "error", "error": {…}}`, without a `seq`, and close with 4401, 4403, 4404
    or 4422: 4401 also comes later, when the token expires or the key is revoked, and 4404 when the project is deleted.
    Pages offer their credentials as protocols: `new WebSocket(url, ["maquette", "bearer." + token])`.
    """
    async with service.transaction() as conn:
        await projects.get(conn, project_id, owner)
        rows = await events.after(conn, project_id, after, limit=limit + 1)
    more = len(rows) > limit
    items = rows[:limit]
    return {"items": items, "next": items[-1]["seq"] if more else None}


@router.websocket("/projects/{project_id}/events")
async def watch_events(socket: WebSocket, service: Serving, project_id: UUID, after: After = 0) -> None:
    """First `init` with the status as it is, then every event after `after`, old and new, in order.

    What it sends, and why it closes, is told at :func:`list_events`, which the docs show.
    """
    await _accept(socket)
    try:
        identity = await service.gate.identify(socket)
        status = await snapshot(service, identity.owner, project_id)
    except MaquetteError as error:
        await _refuse(socket, error)
        return
    init = Status.model_validate(status).model_dump(mode="json")
    await socket.send_text(json.dumps({"type": "init", "seq": status["event_seq"], "payload": init}))
    sending = asyncio.create_task(_send_events(socket, service, identity.owner, project_id, after))
    listening = asyncio.create_task(_until_closed(socket))
    staying = asyncio.create_task(_until_refused(socket, service, identity))
    try:
        await asyncio.wait({sending, listening, staying}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect):
            await listening
        for task in (sending, staying):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect):
                end = await task
                if socket.application_state is WebSocketState.CONNECTED:
                    await _refuse(socket, end)


@router.websocket("/{path:path}")
async def no_such_socket(socket: WebSocket) -> None:
    """Any other address, such as one with a part left empty; closing unaccepted would look like a refusal (403)."""
    await _accept(socket)
    path = loggable(socket.url.path)
    suggestion = "Watch /api/v1/projects/{project_id}/events; see /docs."
    await _refuse(socket, UnknownRouteError(f"There is no WebSocket at {path}.", suggestion=suggestion))


async def refuse_invalid(socket: WebSocket, error: Exception) -> None:
    """Tell a watcher what is wrong with the id or a parameter, in the words that the REST calls use."""
    assert isinstance(error, WebSocketRequestValidationError)  # noqa: S101 - registered for this class only
    await _accept(socket)
    problems = error.errors()
    await _refuse(socket, missing_for_malformed_id(problems) or describe_validation(problems))


async def _accept(socket: WebSocket) -> None:
    await socket.accept(SOCKET_PROTOCOL if SOCKET_PROTOCOL in socket.scope["subprotocols"] else None)


async def _until_refused(socket: WebSocket, service: Service, identity: Identity) -> MaquetteError:
    """Ask the gate again whenever its word has run out; returns when it no longer lets the watcher in."""
    while True:
        until = float("inf") if identity.valid_until is None else identity.valid_until
        if until > time.time():
            # At most an hour: the clock may be set anew meanwhile.
            await asyncio.sleep(min(until - time.time(), 3600))
            continue
        try:
            identity = await service.gate.identify(socket)
        except MaquetteError as error:
            if error.status < 500:
                return error
            await asyncio.sleep(ASK_AGAIN_S)
        except psycopg.OperationalError:
            await asyncio.sleep(ASK_AGAIN_S)


async def _refuse(socket: WebSocket, error: MaquetteError) -> None:
    await socket.send_json({"type": "error", "error": sayable(error.as_dict())})
    await socket.close(REFUSED + error.status, error.code)


async def _send_events(
    socket: WebSocket, service: Service, owner: UUID, project_id: UUID, after: int
) -> projects.ProjectNotFoundError:
    """Send on for as long as there is a project; returns what to tell the watcher when it was deleted."""
    with service.announcements.watching(project_id) as news:
        while True:
            async with service.transaction() as conn:
                rows = await events.after(conn, project_id, after, limit=BATCH)
                if not rows:
                    # Events end without a last one: they are deleted with their project.
                    try:
                        await projects.get(conn, project_id, owner)
                    except projects.ProjectNotFoundError as gone:
                        return gone
            for row in rows:
                await socket.send_text(json.dumps(jsonable_encoder(row)))
                after = row["seq"]
            if len(rows) < BATCH:
                await service.announcements.news(news)


async def _until_closed(socket: WebSocket) -> None:
    """Whatever a watcher sends is read and ignored; this returns when it has gone."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
