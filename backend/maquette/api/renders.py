"""Pictures of a model version from any camera: drawn when asked for, kept, and told apart by what they show."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.requests import ClientDisconnect

from maquette.api import problems
from maquette.api.cameras import Asked
from maquette.api.owners import Owner
from maquette.api.paths import ProjectId, Version
from maquette.api.problems import error_responses
from maquette.api.service import Service, Serving
from maquette.db import projects, records, views
from maquette.db.rows import Connection, Row, fetch_one
from maquette.rendering.errors import RenderBusyError
from maquette.rendering.gallery import Order, Stored
from maquette.rendering.jobs import BESIDE_THE_PHOTO, AnyCamera, Look
from maquette.rendering.pictures import Picture

router = APIRouter(tags=["records"])

FACTS = "X-Maquette-Picture"
FOR_GOOD = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"
"""Kept, and asked about each time."""
RETRY_AFTER_S = 5
NO_PHOTO = "Ask for `image`, `depth` or `alpha`, which need no photo."
NO_MODEL = "Look at another version."

_BINARY = {"schema": {"type": "string", "format": "binary"}}

IfNoneMatch = Annotated[
    str | None,
    Header(
        max_length=2000,
        description="The `ETag` of a picture one has: 304 without a body where it is still the same. Default: none.",
        examples=['"5f2b…"'],
    ),
]


PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture. `X-Maquette-Picture` holds facts about it as JSON: `width`, `height` in px; of"
        " `error` and `side_by_side` `psnr` (dB) and `ssim` of this picture against its photo and `error_scale`; of"
        " `depth` its range and, as PNG, `units_per_step` (value 0: nothing there).",
        "content": {"image/png": _BINARY, "image/jpeg": _BINARY, "image/webp": _BINARY},
        "headers": {
            "ETag": {"schema": {"type": "string"}, "description": "For `If-None-Match`."},
            FACTS: {"schema": {"type": "string"}, "description": "JSON."},
        },
    },
    304: {"description": "The picture that `If-None-Match` names is still the same."},
}
"""The documentation of an answer that is a picture."""


@router.get(
    "/projects/{project_id}/models/{version}/render",
    response_class=Response,
    summary="Look at a version from any camera",
    responses={
        **PICTURE,
        **error_responses(404, 409, 410),
    },
)
async def render_model(
    request: Request,
    service: Serving,
    owner: Owner,
    project_id: ProjectId,
    version: Version,
    asked: Annotated[Asked, Query()],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """From a source view, a free camera, or a camera by its numbers; drawn at the first call and kept for later ones.

    `404 version_not_found` or `view_not_found`; `410 file_removed`; `422 camera_unclear`, `bad_camera`, `photo_needed`,
    `render_too_large`; `503 busy` (try again after `Retry-After` seconds), `render_timed_out`, `renderer_died`,
    `render_out_of_memory`.
    """
    async with service.transaction() as conn:
        await projects.get(conn, project_id, owner)
        model = await records.model(conn, project_id, version)
        order = await order_of(conn, model, asked, service.settings.render_max_side)
    # A version never changes, but its view may get another photo, taken from elsewhere.
    return await answer(request, service, order, if_none_match, ASK_AGAIN if asked.is_of_view() else FOR_GOOD)


async def order_of(conn: Connection, model: Row, asked: Asked, most: int) -> Order:
    """What a caller asks for, settled; ``most`` px a side. Raises the errors of cameras and views."""
    project_id: UUID = model["project_id"]
    photo: Stored | None = None
    camera: AnyCamera
    if asked.is_of_view():
        view = await views.find(conn, model["view_run_id"], asked.view)
        if asked.output in BESIDE_THE_PHOTO:
            photo = _stored(view["objects"]["image"], "image", f"The photo of view {view['name']}", NO_PHOTO)
        camera = asked.source_camera(view, await _measured_at(conn, project_id), most)
    else:
        camera = asked.free_camera(most)
    look = Look(
        camera=camera,
        background=asked.colour,
        output=asked.output,
        format=asked.picture_format,
        label=f"version {model['version']}" if asked.output == "side_by_side" else "",
    )
    splats = _stored(model["objects"]["model"], "model", f"The model of version {model['version']}", NO_MODEL)
    return Order(project_id, splats, photo, look)


async def answer(request: Request, service: Service, order: Order, if_none_match: str | None, keep: str) -> Response:
    """The picture, or word that the caller has it already; ``keep``: for how long it may be kept."""
    tag = f'"{order.key}"'
    headers = {"ETag": tag, "Cache-Control": keep}
    if if_none_match is not None and _names(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    try:
        picture: Picture = await while_connected(request, service.gallery.picture(order))
    except RenderBusyError as error:
        return busy(error)
    headers[FACTS] = json.dumps(picture.facts)
    return Response(picture.data, media_type=f"image/{order.look.format}", headers=headers)


def busy(error: RenderBusyError) -> Response:
    """Word that there is no place in line, and when to ask again."""
    return problems.answer(error, {"Retry-After": str(RETRY_AFTER_S)})


async def while_connected(request: Request, work: Coroutine[Any, Any, Picture]) -> Picture:
    """The result of the work, which is given up when the caller goes away: ``ClientDisconnect``."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_until_gone(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _measured_at(conn: Connection, project_id: UUID) -> int | None:
    """The long side that metrics are computed at, px."""
    row = await fetch_one(
        conn, "select greatest(width, height) as px from public.eval_sets where project_id = %s", [project_id]
    )
    return int(row["px"]) if row else None


def _stored(stored: Row, name: str, what: str, suggestion: str) -> Stored:
    if stored["id"] is None:
        raise views.ViewNotFoundError(
            "The photo of this view is gone.", suggestion="List the views with GET /api/v1/projects/{id}/views."
        )
    records.still_there({name: stored}, {name: what}, suggestion=suggestion)
    return Stored(stored["bucket"], stored["path"], stored["sha256"], stored["bytes"])


def _names(if_none_match: str, tag: str) -> bool:
    """Whether one of the tags is this one; picture or not, `*` is any."""
    given = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in given or "*" in given
