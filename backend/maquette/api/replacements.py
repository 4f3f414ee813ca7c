"""Replace one photo: the old one stays as history, and what was made of it becomes stale until a refine or generate."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field

from maquette.api.calls import Reuse
from maquette.api.capacity import Room, check_stored, room_for_upload
from maquette.api.incoming import FormLimits, Received, UnknownFieldError, receive
from maquette.api.links import with_links
from maquette.api.owners import Owner
from maquette.api.paths import ProjectId
from maquette.api.problems import error_responses
from maquette.api.rates import limited
from maquette.api.repeats import IdempotencyKey, Keyed
from maquette.api.results import REUSED_BECAUSE
from maquette.api.service import Service, Serving
from maquette.api.shapes import Image
from maquette.api.uploads import NoFilesError, arrival, parameters_of
from maquette.db import projects, records, staleness
from maquette.db.rows import Connection, Row
from maquette.execution import replacements
from maquette.execution.keeper import remove_files
from maquette.recon.digest import sha256_of
from maquette.steps.folder import write_json
from maquette.steps.limits import too_many_photos
from maquette.steps.parameters import UploadParameters

router = APIRouter(tags=["records"])

CALL = "replace_image"

ImageIndex = Annotated[
    int, Path(ge=0, le=2**31 - 1, description="The photo's `image_index`, a count from 0.", examples=[2])
]


class Stale(BaseModel):
    """What was made from photos that have been replaced since, of the whole project."""

    views: list[str] = Field(description="Names of views.", examples=[["0002.jpg"]])
    depth_maps: list[str] = Field(description="Names of the views they are of.", examples=[["0002.jpg"]])
    models: list[int] = Field(description="Versions.", examples=[[0, 1]])


class Replacement(BaseModel):
    """The photo that counts now, and what has to be made again."""

    project_id: UUID
    changed: bool = Field(description="False: this very picture stood there already.")
    reused: bool = Field(description="Nothing was taken in: this is the answer to an earlier call.")
    reused_because: Reuse | None = Field(description=REUSED_BECAUSE)
    image: Image = Field(description="The new photo; `replaces_id` is the one before it.")
    stale: Stale
    next_step: Literal["generate", "refine"] | None = Field(
        description="What brings the project up to date: refine makes this photo's view again; generate is needed where"
        " the photo has none. Null: nothing was made from another photo."
    )


class _Asked(BaseModel):
    """What makes two calls the same call."""

    image_index: int
    filename: str
    sha256: str
    original_resolution: bool


_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "One photo: JPEG, PNG, WEBP, TIFF or HEIC, as large as an upload's (500 MB)"
                            " unless the server is set otherwise.",
                            "example": "left-again.jpg",
                        },
                        "original_resolution": {
                            "type": "boolean",
                            "default": False,
                            "description": UploadParameters.model_fields["original_resolution"].description,
                            "example": False,
                        },
                    },
                }
            }
        },
    }
}


@router.put(
    "/projects/{project_id}/images/{image_index}",
    response_model=Replacement,
    summary="Replace a photo",
    responses=error_responses(404, 408, 409, 413, 429),
    openapi_extra=_FORM,
    dependencies=[Depends(limited("uploads"))],
)
async def replace_image(
    request: Request,
    service: Serving,
    owner: Owner,
    project_id: ProjectId,
    image_index: ImageIndex,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Send a photo again, retouched or taken anew. It is judged as an upload's photos are; the old one stays in
    `GET /projects/{id}/images?all=true`, and what was made of it says `stale`. The next refine makes its view again:
    a picture from the same place keeps its camera, another one is placed among the others, which stay where they are.

    `404 image_not_found`; `409 photos_in_use` while a generate or refine waits or runs, `held_out_photo_fixed` for a
    photo that measures quality; `422 no_files`, `no_usable_photos` (with the reasons), `duplicate_photo`,
    `unknown_field`; `413 too_many_photos`, `file_too_large`, `project_too_large`, `storage_quota_reached`;
    `503 disk_low`, `disk_full`. Whatever goes wrong, nothing has changed.
    """
    settings = service.settings
    async with arrival(settings.home) as folder:
        # As for an upload: a repeated call is let in to be compared.
        room = Room(settings) if idempotency_key else await room_for_upload(service, owner, project_id)
        limits = FormLimits(1, settings.max_file_mb, settings.max_upload_mb, room)
        received = await receive(request, folder / "incoming", limits)
        parameters, filename = _parameters(received), received.filenames[0]
        asked = _Asked(
            image_index=image_index,
            filename=filename,
            sha256=await asyncio.to_thread(sha256_of, folder / "incoming" / "0000"),
            original_resolution=parameters.original_resolution,
        )
        keyed = Keyed.of(project_id, CALL, idempotency_key, asked)
        async with service.upload_slots:
            async with service.transaction() as conn:
                # Before the work of reading it, and again when it is done.
                project = await projects.get(conn, project_id, owner)
                made = await keyed.made_before(conn) if keyed else None
                if made is None:
                    await replacements.replaceable(conn, project, image_index)
                    await check_stored(settings, conn, owner, project_id, received.size)
            if made is not None:
                return await _answer(service, owner, project_id, made, changed=True, reused=True)
            await asyncio.to_thread(write_json, folder / "incoming.json", received.entries())
            prepared = await replacements.prepare(
                objects=service.objects,
                settings=settings,
                project_id=project_id,
                image_index=image_index,
                folder=folder,
                parameters=parameters,
            )
        async with _stored(service, prepared), service.transaction() as conn:
            # The lock keeps new steps out, and another photo for the same place, until this one stands there.
            project = await projects.get(conn, project_id, owner, lock=True)
            made = await keyed.made_before(conn) if keyed else None
            reused, changed = made is not None, True
            if made is None:
                await _check_room(conn, service, project_id, image_index)
                row = await replacements.write(conn, project, prepared)
                made, changed = row["id"], row["run_id"] == prepared.run_id
                if keyed:
                    await keyed.keep(conn, project_id, row["id"])
    return await _answer(service, owner, project_id, made, changed=changed, reused=reused)


@contextlib.asynccontextmanager
async def _stored(service: Service, prepared: replacements.Prepared) -> AsyncIterator[None]:
    """Objects of a photo whose project is deleted meanwhile came too late to go with it, and no row names them."""
    try:
        yield
    except projects.ProjectNotFoundError:
        await remove_files(service.objects, prepared.stored)
        raise


def _parameters(received: Received) -> UploadParameters:
    if not received.filenames:
        raise NoFilesError(
            "The form holds no photo.", suggestion="Send the new photo as `file`: curl -X PUT -F file=@photo.jpg."
        )
    if received.kinds[0] != "file":
        raise UnknownFieldError(
            f"The form has a field '{received.kinds[0]}', but one photo takes the place of one photo.",
            suggestion="Send the new photo as `file`.",
            field=received.kinds[0],
        )
    if "project_id" in received.fields:
        raise UnknownFieldError(
            "The form has a field 'project_id', but the address names the project.",
            suggestion="Send the photo as `file`; the only text field is original_resolution.",
            field="project_id",
        )
    return parameters_of(received)


async def _check_room(conn: Connection, service: Service, project_id: UUID, image_index: int) -> None:
    """In the place of a rejected photo, which takes no room, a good one needs some."""
    photos = await records.photos(conn, project_id)
    others = sum(photo["verdict"] != "rejected" for photo in photos if photo["image_index"] != image_index)
    if others >= service.settings.max_photos:
        raise too_many_photos(service.settings.max_photos, others)


async def _answer(
    service: Service, owner: UUID, project_id: UUID, image_id: UUID, *, changed: bool, reused: bool
) -> dict[str, Any]:
    async with service.transaction() as conn:
        await projects.get(conn, project_id, owner)
        row = await records.image(conn, project_id, image_id)
        stale = await staleness.summary(conn, project_id)
        next_step = await _next_step(conn, project_id, row, stale)
    (image,) = await with_links(service, [row])
    return {
        "project_id": project_id,
        "changed": changed,
        "reused": reused,
        "reused_because": "idempotency_key" if reused else None,
        "image": image,
        "stale": stale,
        "next_step": next_step,
    }


async def _next_step(conn: Connection, project_id: UUID, image: Row, stale: Row) -> str | None:
    """By the chosen version: its views are what a refine begins with."""
    models = await records.page(conn, "models", project_id, limit=1)
    if not models.items:
        return "generate"
    chosen = await records.model(conn, project_id, None)
    waiting = await staleness.views_to_renew(conn, chosen["view_run_id"])
    if any(view["image_index"] == image["image_index"] for view in waiting):
        return "refine"
    return "generate" if image["placed"] is None and image["generation"] > 0 else None
