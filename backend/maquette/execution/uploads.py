"""Carries out an upload at once, in the API's own time: decode in a child process, store, then one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from maquette.db import incoming, projects, runs
from maquette.db.rows import Connection, Row, fetch_all, insert
from maquette.errors import MaquetteError
from maquette.execution.captures import judge_project
from maquette.execution.keeper import Stored, record_artifacts, remove_files, store_files
from maquette.execution.limits import upload_limits
from maquette.execution.makers import makers
from maquette.execution.memory_limit import step_memory_mb
from maquette.execution.process import Outcome, run_step_process
from maquette.settings import Settings
from maquette.steps.folder import Folder
from maquette.steps.limits import write_limits
from maquette.steps.parameters import UploadParameters
from maquette.steps.records import Image, Images, Reason, Record
from maquette.storage import keys
from maquette.storage.client import Objects

UPLOADS_AT_ONCE = 4
"""By how many an upload's share of this machine's memory is less than a step's: others come in beside it."""


class StepFailedError(MaquetteError):
    """A step ended with an error of its own; code and status are that error's."""

    def __init__(self, outcome: Outcome) -> None:
        error = outcome.error or {}
        super().__init__(str(error.get("message", "")), suggestion=str(error.get("suggestion", "")))
        self.details = dict(error.get("details") or {})
        self.code = str(error.get("code", "internal_error"))  # type: ignore[misc]
        self.status = outcome.status  # type: ignore[misc]


async def execute_upload(
    *,
    pool: AsyncConnectionPool[Connection],
    objects: Objects,
    settings: Settings,
    project: Row,
    folder: Path,
    parameters: UploadParameters,
    photos_already: int = 0,
    idempotency_key: str | None = None,
    input_hash: str = "",
    taken: Mapping[UUID, str] | None = None,
) -> Row:
    """Take in the photos in ``folder/incoming`` and return the upload's completed ``runs`` row.

    Rows appear in one transaction after all objects are in place, so a crash leaves the project as it was. Raises
    the step's own error where no file could be used.

    ``input_hash`` tells what the files were; ``taken``: which of them had come by resumable upload, by id, each with
    its SHA-256: they are marked as taken in by this upload in that same transaction.
    """
    images, outcome = await read_photos(settings, folder, parameters, photos_already=photos_already)
    async with pool.connection() as conn:
        await _refuse_mixture(conn, project["id"], images)
    run_id = uuid4()
    stored = await store_files(objects, images, folder, project["id"], keys.maker(run_id, 1))
    async with pool.connection() as conn:
        try:
            locked = await projects.get(conn, project["id"], project["owner_id"], lock=True)
        except projects.ProjectNotFoundError:
            # Deleted meanwhile, with all its objects: these came too late to go with them, and no row names them.
            await remove_files(objects, stored)
            raise
        called = {"idempotency_key": idempotency_key, "input_hash": input_hash}
        run = await _write(conn, locked, run_id, images, stored, parameters, outcome, called)
        await incoming.take_in(conn, run_id, taken or {})
        return run


async def read_photos(
    settings: Settings, folder: Path, parameters: UploadParameters, *, photos_already: int = 0
) -> tuple[Images, Outcome]:
    """Decode and judge what lies in ``folder/incoming``, in a process of its own. Raises the step's own error.

    ``photos_already``: that the project holds.
    """
    found: list[Images] = []

    async def on_record(record: Record) -> None:
        if isinstance(record, Images):
            found.append(record)

    await asyncio.to_thread(
        Folder(folder).describe_machine,
        settings.models_folder,
        allow_noncommercial=settings.allow_noncommercial_models,
        trust_code=settings.trust_model_code,
    )
    await asyncio.to_thread(write_limits, Folder(folder), upload_limits(settings, photos_already))
    outcome = await run_step_process(
        "upload",
        folder,
        parameters.model_dump(),
        memory_mb=step_memory_mb(settings.step_memory_mb, UPLOADS_AT_ONCE),
        silence_s=settings.step_silence_s,
        timeout_s=settings.step_timeout_s,
        on_progress=lambda stage, fraction, message: None,
        on_record=on_record,
    )
    if outcome.error is not None or not found:
        raise StepFailedError(outcome)
    return found[0], outcome


async def _write(
    conn: Connection,
    project: Row,
    run_id: UUID,
    images: Images,
    stored: list[Stored],
    parameters: UploadParameters,
    outcome: Outcome,
    called: Mapping[str, str | None],
) -> Row:
    known = await fetch_all(
        conn,
        "select image_index, sha256, filename from public.source_images where project_id = %s and replaced_at is null",
        [project["id"]],
    )
    first_index = max((row["image_index"] for row in known), default=-1) + 1
    earlier = {row["sha256"]: str(row["filename"]) for row in known}
    fresh = [without_copy(image, earlier) for image in images.images]
    usable = [image for image in fresh if image.verdict != "rejected"]
    made_by = makers("upload")
    if key := called["idempotency_key"]:
        await runs.free_key(conn, project["id"], "upload", key)
    run = await runs.create(
        conn,
        project["id"],
        "upload",
        id=run_id,
        parameters=parameters.model_dump(),
        code_version=made_by["maquette"],
        model_versions=made_by,
        status="queued",
        **called,
    )
    # The run row must stand before the artifacts that name it; it ends in this same transaction.
    ids = await record_artifacts(conn, run, stored, {})
    for image in fresh:
        await insert(conn, "source_images", image_row(project["id"], run_id, first_index, image, ids))
    capture = await judge_project(conn, project["id"])
    if capture is not None:
        capture = {**capture, "videos": list(images.videos)}
        await conn.execute("update public.projects set capture = %s where id = %s", [Jsonb(capture), project["id"]])
    return await runs.complete_at_once(
        conn,
        run_id,
        result={"images": len(fresh), "usable": len(usable), "capture": capture},
        timings=outcome.timings,
        warnings=[warning.model_dump(mode="json") for warning in outcome.warnings],
    )


async def _refuse_mixture(conn: Connection, project_id: UUID, images: Images) -> None:
    """Six views stand alone in a project: with photos, or twice, nobody could tell what to make of them."""
    known = await fetch_all(
        conn,
        "select distinct kind from public.source_images"
        " where project_id = %s and replaced_at is null and verdict <> 'rejected'",
        [project_id],
    )
    there, new = {row["kind"] for row in known}, {image.kind for image in images.images}
    if there and "view" in there | new:
        # Imported here: the API starts without compute.
        from maquette.steps.intake import MixedInputsError

        raise MixedInputsError(
            "Six views with depth and anything else do not go into one project, nor do they twice.",
            suggestion="Send these to a project of their own: leave project_id out.",
            project_id=str(project_id),
        )


def without_copy(image: Image, earlier: Mapping[str, str]) -> Image:
    """A photo that the project has already is recorded, and left out of what follows."""
    if image.verdict == "rejected" or image.sha256 not in earlier:
        return image
    reason = Reason(
        code="duplicate",
        message=f"'{image.filename}' is the same file as '{earlier[image.sha256]}', which the project has already.",
        suggestion="Nothing to do: the copy is left out.",
    )
    return image.model_copy(update={"verdict": "rejected", "reasons": (reason,), "processed": None, "mask": None})


def image_row(
    project_id: UUID, run_id: UUID, first_index: int, image: Image, ids: Mapping[str, UUID]
) -> dict[str, Any]:
    """The columns of a photo that its record knows; it counts from ``first_index``."""
    values = image.model_dump(exclude={"original", "processed", "mask", "image_index", "reasons"})
    return {
        **values,
        "project_id": project_id,
        "run_id": run_id,
        "image_index": first_index + image.image_index,
        "reasons": [reason.model_dump() for reason in image.reasons],
        "original_artifact_id": ids[image.original.path] if image.original else None,
        "processed_artifact_id": ids[image.processed.path] if image.processed else None,
        "mask_artifact_id": ids[image.mask.path] if image.mask else None,
    }
