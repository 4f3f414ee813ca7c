"""Upload: photos into a project, each with a verdict."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, ValidationError

from maquette.api import staged
from maquette.api.calls import Reuse
from maquette.api.capacity import Room, check_stored, room_for_upload
from maquette.api.incoming import FormLimits, Received, receive
from maquette.api.links import with_links
from maquette.api.owners import Owner
from maquette.api.problems import error_responses
from maquette.api.rates import limited
from maquette.api.rejections import describe_validation
from maquette.api.repeats import IdempotencyKey, key_reused
from maquette.api.results import REUSED_BECAUSE
from maquette.api.service import Service, Serving
from maquette.api.shapes import SIGNED, Image
from maquette.api.upload_form import FORM
from maquette.db import idempotency, incoming, projects, records, runs
from maquette.db.rows import Row
from maquette.errors import BadInputError, MaquetteError
from maquette.execution.uploads import execute_upload
from maquette.recon.digest import sha256_of
from maquette.steps.folder import write_json
from maquette.steps.limits import too_many_photos
from maquette.steps.parameters import UploadParameters

router = APIRouter(tags=["steps"])

FORGOTTEN_AFTER_S = 24 * 3600.0
FILES_A_PHOTO = 2
"""A mask may come with each photo."""


class NoFilesError(BadInputError):
    """The form holds no file."""

    code = "no_files"


class NoUsablePhotosError(BadInputError):
    """Every file was rejected."""

    code = "no_usable_photos"


class UploadAnswer(BaseModel):
    """The photos as taken in."""

    project_id: UUID
    run_id: UUID
    reused: bool = Field(description="Nothing was taken in: this is the answer to an earlier call.")
    reused_because: Reuse | None = Field(description=REUSED_BECAUSE)
    original_url: str | None = Field(description=f"The first usable photo as sent. {SIGNED}")
    processed_url: str | None = Field(description=f"The first usable photo, upright and without EXIF. {SIGNED}")
    images: list[Image] = Field(description="The photos of this upload, each with a verdict and the reasons for it.")
    capture: dict[str, Any] | None = Field(
        description="The verdict on the photos as a set: `status`, `reasons` with one action each, and of each video"
        " (`videos`) how many frames were `wanted`, why so many (`wanted_because`), and how many were `chosen`."
    )
    degraded: bool = Field(description="A fallback was used; `warnings` says which.")
    warnings: list[dict[str, Any]]


@router.post(
    "/upload",
    response_model=UploadAnswer,
    summary="Photos into a project",
    responses=error_responses(404, 408, 409, 410, 413, 429),
    openapi_extra=FORM,
    dependencies=[Depends(limited("uploads"))],
)
async def upload(
    request: Request, service: Serving, owner: Owner, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Photos are turned upright, stripped of EXIF and judged; several uploads to one project add up.

    `422 no_files`, `no_usable_photos` (with the reasons for each file), `mixed_inputs`, `archive_unreadable`,
    `six_views_wrong_count` and others of six views; `413 too_many_photos`, `archive_too_large`, `file_too_large`,
    `upload_too_large`, `project_too_large`, `storage_quota_reached`;
    `503 disk_low`, `disk_full`. Of `incoming` files: `404 incoming_not_found`; `409 incoming_incomplete`,
    `incoming_used`, `incoming_of_another_project`; `410 incoming_expired`; `422 incoming_wrong_size`.
    Whatever goes wrong with some files, the project stays as usable as it was. `GET /health` shows all `limits`.
    """
    settings = service.settings
    # What an earlier call has taken in already takes no room again, so a call with a key is let in to be compared.
    room = Room(settings) if idempotency_key else await room_for_upload(service, owner, None)
    limits = FormLimits(
        FILES_A_PHOTO * settings.max_photos, settings.max_file_mb, settings.max_upload_mb, room, staged=True
    )
    async with arrival(settings.home) as folder:
        received = await receive(request, folder / "incoming", limits)
        parameters = parameters_of(received)
        if not received.filenames:
            raise NoFilesError(
                "The form holds no photos.",
                suggestion="Send at least one photo as `file`, for example curl -F file=@a.jpg -F file=@b.jpg.",
            )
        ids = staged.named_in(received)
        async with service.upload_slots, _holding(service, owner, idempotency_key, ids.values()):
            found = await staged.find(service, owner, received, ids)
            hashes = await asyncio.to_thread(_hashes, folder / "incoming", len(received.filenames), found)
            earlier = await _with_key(service, owner, received, hashes, parameters, idempotency_key)
            if earlier is not None:
                await staged.remove_taken(service.objects, found.values())
                return await _answer(service, earlier, reused=True)
            project, already = await _project(service, owner, received)
            try:
                taken = await staged.fetch(service, found, folder / "incoming", limits, received.size)
                hashes |= taken
                await asyncio.to_thread(write_json, folder / "incoming.json", received.entries())
                run = await execute_upload(
                    pool=service.pool,
                    objects=service.objects,
                    settings=settings,
                    project=project,
                    folder=folder,
                    parameters=parameters,
                    photos_already=already,
                    idempotency_key=idempotency_key,
                    input_hash=_identity(received, hashes),
                    taken={found[place]["id"]: sha256 for place, sha256 in taken.items()},
                )
            except MaquetteError as error:
                # A caller who named no project learns which one was made, and goes on with it.
                error.details.setdefault("project_id", str(project["id"]))
                raise
            await staged.remove_taken(service.objects, found.values())
    return await _answer(service, run, reused=False)


@contextlib.asynccontextmanager
async def _holding(service: Service, owner: UUID, key: str | None, staged_ids: Collection[UUID]) -> AsyncIterator[None]:
    """Two uploads with the same key, or of the same incoming file, at the same moment, here or through another server:
    the second one waits."""
    if key is None and not staged_ids:
        yield
        return
    async with service.transaction() as conn:
        if key is not None:
            await runs.hold_upload_key(conn, owner, key)
        await incoming.hold(conn, staged_ids)
        yield


async def _with_key(
    service: Service,
    owner: UUID,
    received: Received,
    hashes: Mapping[int, str],
    parameters: UploadParameters,
    key: str | None,
) -> Row | None:
    """The upload that the same key made, in whichever of the owner's projects."""
    if key is None:
        return None
    async with service.transaction() as conn:
        run = await runs.upload_with_key(conn, owner, key, within=idempotency.LIFETIME)
    if run is None:
        return None
    named = received.fields.get("project_id")
    differing = ["files"] if run["input_hash"] != _identity(received, hashes) else []
    differing += [name for name, value in parameters if run["parameters"].get(name) != value]
    if named and named.lower() != str(run["project_id"]):
        differing.append("project_id")
    if differing:
        raise key_reused(differing, run_id=str(run["id"]))
    return run


def _identity(received: Received, hashes: Mapping[int, str]) -> str:
    """What makes two forms bring the same files. Cameras give many photos one name, and what comes out of a video or
    an archive has other names: files are the same where their names and their bytes, by SHA-256, are."""
    files = [
        [kind, name, hashes.get(place)]
        for place, (kind, name) in enumerate(zip(received.kinds, received.filenames, strict=True))
    ]
    return hashlib.sha256(json.dumps(["upload", *files]).encode()).hexdigest()


def _hashes(folder: Path, count: int, found: Mapping[int, Row]) -> dict[int, str]:
    """SHA-256 of each file by its place; of staged ones where they were taken in before."""
    known = {place: row["sha256"] for place, row in found.items() if row["sha256"]}
    return known | {place: sha256_of(folder / f"{place:04d}") for place in range(count) if place not in found}


async def _answer(service: Service, run: Row, *, reused: bool) -> dict[str, Any]:
    async with service.transaction() as conn:
        rows = await records.images_of_run(conn, run["id"])
    images = await with_links(service, rows)
    usable = next((image for image in images if image["verdict"] != "rejected"), None)
    if usable is None:
        files = [{"filename": image["filename"], "reasons": image["reasons"]} for image in images]
        raise NoUsablePhotosError(
            f"None of the {len(images)} files can be used.",
            suggestion="See the reasons for each file; send other photos to the same project_id.",
            project_id=str(run["project_id"]),
            run_id=str(run["id"]),
            files=files,
        )
    return {
        "project_id": run["project_id"],
        "run_id": run["id"],
        "reused": reused,
        "reused_because": "idempotency_key" if reused else None,
        "original_url": usable["original_url"],
        "processed_url": usable["processed_url"],
        "images": images,
        "capture": run["result"].get("capture"),
        "degraded": run["degraded"],
        "warnings": run["warnings"],
    }


def parameters_of(received: Received) -> UploadParameters:
    """How the photos of a form are taken in. Raises ``invalid_parameters``."""
    given = {name: text for name, text in received.fields.items() if name != "project_id" and text}
    try:
        parameters = UploadParameters.model_validate(given)
    except ValidationError as error:
        raise describe_validation(
            [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
        ) from None
    return parameters


async def _project(service: Service, owner: UUID, received: Received) -> tuple[Row, int]:
    """The project named in the form, or a new one, and how many usable photos it holds."""
    named = received.fields.get("project_id")
    async with service.transaction() as conn:
        if not named:
            await check_stored(service.settings, conn, owner, None, received.size)
            stem = PurePath(received.filenames[0]).stem or "Photos"
            project = await projects.create(conn, owner, f"{stem[:150]}, {datetime.now(UTC):%Y-%m-%d}")
            return project, 0
        try:
            project_id = UUID(named)
        except ValueError:
            raise projects.ProjectNotFoundError(
                f"There is no project '{named[:100]}'.",
                suggestion="Leave project_id out to create a project, or take an id from GET /api/v1/projects.",
            ) from None
        project = await projects.get(conn, project_id, owner)
        # Rejected ones take no room: whoever sent bad photos can send better ones.
        already = sum(photo["verdict"] != "rejected" for photo in await records.photos(conn, project_id))
        if already >= service.settings.max_photos:
            raise too_many_photos(service.settings.max_photos, already)
        await check_stored(service.settings, conn, owner, project_id, received.size)
        return project, already


@contextlib.asynccontextmanager
async def arrival(home: Path) -> AsyncIterator[Path]:
    """A folder of its own for one upload, gone afterwards."""
    folder = home / "incoming" / uuid.uuid4().hex
    (folder / "incoming").mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def forget_old_arrivals(home: Path) -> None:
    """Remove what uploads left behind when their server was killed."""
    for folder in (home / "incoming").glob("*"):
        if folder.is_dir() and folder.stat().st_mtime < time.time() - FORGOTTEN_AFTER_S:
            shutil.rmtree(folder, ignore_errors=True)
