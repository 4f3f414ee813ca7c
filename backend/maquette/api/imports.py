"""A bundle becomes a new project of whoever sends it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from maquette.api.capacity import Room, check_stored, room_for_upload
from maquette.api.incoming import (
    FileTooLargeError,
    FormLimits,
    Received,
    UnknownFieldError,
    UploadTooLargeError,
    receive,
)
from maquette.api.owners import Owner
from maquette.api.problems import error_responses
from maquette.api.rates import limited
from maquette.api.repeats import IdempotencyKey, Keyed
from maquette.api.service import Service, Serving
from maquette.api.shapes import Project
from maquette.api.uploads import NoFilesError, arrival
from maquette.db import projects, runs
from maquette.db.rows import Row
from maquette.execution import imports
from maquette.execution.bundle_check import check_bundle
from maquette.recon.bundle import Bundle, BundleTooLargeError, open_bundle
from maquette.recon.digest import sha256_of
from maquette.settings import Settings
from maquette.steps.limits import too_many_photos

router = APIRouter(tags=["projects"])

CALL = "import_project"


class _Asked(BaseModel):
    """What makes two calls the same call."""

    sha256: str


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
                            "description": "A bundle as `POST /export/{project_id}` with `format` `bundle` wrote it, as"
                            " large as all files of an upload may be (2048 MB) unless the server is set otherwise.",
                            "example": "Garden fountain v3.bundle.zip",
                        },
                    },
                }
            }
        },
    }
}


@router.post(
    "/projects/import",
    status_code=201,
    response_model=Project,
    summary="Import a bundle as a new project",
    responses={
        200: {"model": Project, "description": "An earlier call with the same Idempotency-Key imported it."},
        **error_responses(408, 409, 413, 429),
    },
    openapi_extra=_FORM,
    dependencies=[Depends(limited("uploads"))],
)
async def import_project(
    request: Request, service: Serving, owner: Owner, response: Response, idempotency_key: IdempotencyKey = None
) -> Row:
    """The project is yours, with every photo, version, metric and export of the bundle under new ids; its events begin
    with `imported`. Importing twice makes two projects.

    `422 no_files`, `unknown_field`, `bundle_unreadable` (cut, changed, or no bundle), `bundle_newer` (update this
    server first); `413 bundle_too_large`, `too_many_photos`, `project_too_large`, `storage_quota_reached`;
    `503 disk_low`, `disk_full`. Whatever goes wrong, nothing of it stays.
    """
    settings = service.settings
    async with arrival(settings.home) as folder:
        room = Room(settings) if idempotency_key else await room_for_upload(service, owner, None)
        try:
            # Not a file among others: it may be as large as all of an upload.
            limits = FormLimits(1, settings.max_upload_mb, settings.max_upload_mb, room)
            received = await receive(request, folder / "incoming", limits)
        except (FileTooLargeError, UploadTooLargeError) as error:
            raise _too_large(settings) from error
        _check_form(received)
        path = folder / "incoming" / "0000"
        keyed = None
        if idempotency_key:
            asked = _Asked(sha256=await asyncio.to_thread(sha256_of, path))
            keyed = Keyed.of(owner, CALL, idempotency_key, asked)
        async with service.upload_slots, _holding(service, owner, idempotency_key):
            project = await _made_before(service, owner, keyed)
            if project is not None:
                response.status_code = 200
            else:
                await check_bundle(path)
                with contextlib.ExitStack() as stack:
                    bundle = await asyncio.to_thread(stack.enter_context, open_bundle(path))
                    project = await bring_in(service, owner, bundle, folder / "objects", keyed)
    response.headers["Location"] = f"/api/v1/projects/{project['id']}"
    return project


async def bring_in(service: Service, owner: UUID, bundle: Bundle, folder: Path, keyed: Keyed | None = None) -> Row:
    """The project that a bundle becomes, within the limits of this server and of its owner; ``folder`` holds a few
    objects on their way. Raises what :func:`import_project` names.
    """
    settings = service.settings
    async with service.transaction() as conn:
        coming = await imports.settle(conn, bundle)
        if coming.photos > settings.max_photos:
            raise too_many_photos(settings.max_photos, 0)
        await check_stored(settings, conn, owner, None, coming.bytes)
    async with imports.in_place(service.objects, bundle, coming, folder), service.transaction() as conn:
        project = await imports.write(conn, owner, coming)
        if keyed:
            await keyed.keep(conn, project["id"], project["id"])
    return project


@contextlib.asynccontextmanager
async def _holding(service: Service, owner: UUID, key: str | None) -> AsyncIterator[None]:
    """Of two imports with one key at the same moment the second one waits, and is answered with the first one's."""
    if key is None:
        yield
        return
    async with service.transaction() as conn:
        await runs.hold_upload_key(conn, owner, f"import {key}")
        yield


async def _made_before(service: Service, owner: UUID, keyed: Keyed | None) -> Row | None:
    if keyed is None:
        return None
    async with service.transaction() as conn:
        made = await keyed.made_before(conn)
        return None if made is None else await projects.get(conn, made, owner)


def _check_form(received: Received) -> None:
    if not received.filenames:
        raise NoFilesError("The form holds no bundle.", suggestion="Send it as `file`: curl -F file=@name.bundle.zip.")
    extra = [kind for kind in received.kinds if kind != "file"] + list(received.fields)
    if extra:
        raise UnknownFieldError(
            f"The form has a field '{extra[0]}', which an import does not take.",
            suggestion="Send the bundle as `file`, and rename the project afterwards with PATCH.",
            field=extra[0],
        )


def _too_large(settings: Settings) -> BundleTooLargeError:
    return BundleTooLargeError(
        f"The bundle is larger than the {settings.max_upload_mb} MB that this server takes.",
        suggestion="Export it with `light`, which leaves out intermediates, or ask whoever runs the server to raise"
        " MAQUETTE_MAX_UPLOAD_MB; `maquette data import` has no such limit.",
        max_mb=settings.max_upload_mb,
    )
