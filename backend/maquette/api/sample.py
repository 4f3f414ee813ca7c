"""The ready sample as a project of whoever asks: what comes out, before there are photos of one's own."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import APIRouter, Response

from maquette.api.capacity import room_for_upload
from maquette.api.imports import bring_in
from maquette.api.owners import Owner
from maquette.api.problems import error_responses
from maquette.api.service import Serving
from maquette.api.shapes import Project
from maquette.api.uploads import arrival
from maquette.db import runs
from maquette.db.rows import Row
from maquette.execution.sample import open_sample, opened_before

router = APIRouter(tags=["projects"])


@router.post(
    "/projects/sample",
    status_code=201,
    response_model=Project,
    summary="Open the ready sample",
    responses={
        200: {"model": Project, "description": "You have it already: the project that an earlier call made."},
        **error_responses(404, 413),
    },
)
async def open_sample_project(service: Serving, owner: Owner, response: Response) -> Row:
    """A finished project that comes with the server: photos, views, depth maps, versions with their metrics, exports.
    It is yours like any other: refine, export, share, rename or delete it. Called again it is opened again, and made
    anew only where you deleted it.

    `404 sample_missing`; `413 too_many_photos`, `project_too_large`, `storage_quota_reached`; `503 disk_low`,
    `disk_full`. Whatever goes wrong, nothing of it stays.
    """
    async with arrival(service.settings.home) as folder, service.upload_slots, service.transaction() as held:
        # Of two clicks the second waits, and is answered with the first one's.
        await runs.hold_upload_key(held, owner, "sample")
        with contextlib.ExitStack() as stack:
            bundle = await asyncio.to_thread(stack.enter_context, open_sample())
            async with service.transaction() as conn:
                project = await opened_before(conn, owner, bundle)
            if project is not None:
                response.status_code = 200
            else:
                await room_for_upload(service, owner, None)
                project = await bring_in(service, owner, bundle, folder / "objects")
    response.headers["Location"] = f"/api/v1/projects/{project['id']}"
    return project
