"""Carries out the replacement of one photo at once: decode in a child process, store, then one transaction.

Nothing is written over: the new photo is a row of its own at the same place, and the old one stays as history. Steps
that read photos keep it out while they wait or run, so that none of them sees two photos of one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from maquette.db import runs
from maquette.db.rows import Connection, Row, fetch_all, fetch_one, insert
from maquette.errors import BadInputError, NotFoundError, WrongStateError
from maquette.execution.keeper import Stored, record_artifacts, store_files
from maquette.execution.makers import makers
from maquette.execution.process import Outcome
from maquette.execution.uploads import image_row, read_photos, without_copy
from maquette.settings import Settings
from maquette.steps.parameters import UploadParameters
from maquette.steps.records import Image, Images
from maquette.steps.waiting import HeldOutPhotoFixedError
from maquette.storage import keys
from maquette.storage.client import Objects

READ_PHOTOS = ("generate", "refine")
"""Steps that read photos while they run."""


class ImageNotFoundError(NotFoundError):
    """The project has no photo of this index."""

    code = "image_not_found"


class PhotosInUseError(WrongStateError):
    """A step that reads the photos waits or runs."""

    code = "photos_in_use"


class DuplicatePhotoError(BadInputError):
    """The project has this very photo at another place."""

    code = "duplicate_photo"


@dataclass(frozen=True)
class Prepared:
    """A photo whose objects are in their buckets; rows of it there are none yet."""

    run_id: UUID
    image: Image
    stored: list[Stored]
    outcome: Outcome
    parameters: UploadParameters


async def replaceable(conn: Connection, project: Row, image_index: int) -> Row:
    """The photo that stands at this index now, with ``processed_sha256``, where it may be replaced at this moment.

    Lock the project first. Raises ``image_not_found``, ``photos_in_use`` or ``held_out_photo_fixed``.
    """
    current = await fetch_one(
        conn,
        "select i.*, case when a.removed_at is null then a.sha256 end as processed_sha256,"
        " coalesce(e.image_names ? %s, false) as held_out"
        " from public.source_images i left join public.artifacts a on a.id = i.processed_artifact_id"
        " left join public.eval_sets e on e.project_id = i.project_id"
        " where i.project_id = %s and i.image_index = %s and i.replaced_at is null",
        [f"{image_index:04d}.jpg", project["id"], image_index],
    )
    if current is None:
        raise ImageNotFoundError(
            f"This project has no photo {image_index}.",
            suggestion="GET /api/v1/projects/{id}/images lists them; the number is `image_index`.",
            image_index=image_index,
        )
    if current["held_out"]:
        raise HeldOutPhotoFixedError(current["filename"])
    for run in await runs.unfinished(conn, project["id"]):
        if run["step"] in READ_PHOTOS:
            raise PhotosInUseError(
                f"The step '{run['step']}' is {run['status']} in this project, with the photos as they are.",
                suggestion=f"Wait for it, or cancel it with POST /api/v1/runs/{run['id']}/cancel; then send the photo.",
                run_id=str(run["id"]),
            )
    return current


async def prepare(
    *,
    objects: Objects,
    settings: Settings,
    project_id: UUID,
    image_index: int,
    folder: Path,
    parameters: UploadParameters,
) -> Prepared:
    """Decode, judge and store the one photo in ``folder/incoming``.

    Raises the upload step's own error where it cannot be used. Objects are named by their contents, so what a later
    refusal leaves behind is in nobody's way and goes with the project.
    """
    images, outcome = await read_photos(settings, folder, parameters)
    (image,) = images.images
    image, run_id = image.model_copy(update={"image_index": image_index}), uuid4()
    stored = await store_files(objects, Images(images=(image,)), folder, project_id, keys.maker(run_id, 1))
    return Prepared(run_id, image, stored, outcome, parameters)


async def write(conn: Connection, project: Row, prepared: Prepared) -> Row:
    """The new photo's row in the place of the old one, with the run that brought it; the row as it was where the same
    picture stands there already. Lock the project first. Raises what :func:`replaceable` does, or ``duplicate_photo``.
    """
    image = prepared.image
    current = await replaceable(conn, project, image.image_index)
    digests = {one.placed.file.kind: one.sha256 for one in prepared.stored}
    if digests.get("processed") == current["processed_sha256"] and current["sha256"] == image.sha256:
        return current
    await _refuse_copy(conn, project["id"], image)
    made_by = makers("upload")
    run = await runs.create(
        conn,
        project["id"],
        "upload",
        id=prepared.run_id,
        parameters={**prepared.parameters.model_dump(), "replaces_image_index": image.image_index},
        code_version=made_by["maquette"],
        model_versions=made_by,
    )
    ids = await record_artifacts(conn, run, prepared.stored, {})
    await conn.execute("update public.source_images set replaced_at = now() where id = %s", [current["id"]])
    row = await insert(
        conn,
        "source_images",
        {
            **image_row(project["id"], prepared.run_id, 0, image, ids),
            "generation": current["generation"] + 1,
            "replaces_id": current["id"],
        },
    )
    result = {"images": 1, "usable": 1, "replaced_image_index": image.image_index}
    await runs.complete_at_once(conn, prepared.run_id, result=result, timings=prepared.outcome.timings)
    return row


async def _refuse_copy(conn: Connection, project_id: UUID, image: Image) -> None:
    others = await fetch_all(
        conn,
        "select sha256, filename from public.source_images"
        " where project_id = %s and image_index <> %s and replaced_at is null and verdict <> 'rejected'",
        [project_id, image.image_index],
    )
    judged = without_copy(image, {row["sha256"]: str(row["filename"]) for row in others})
    if judged.verdict == "rejected":
        raise DuplicatePhotoError(
            judged.reasons[0].message,
            suggestion="Send another photo: one that the project has at another place adds nothing here.",
            filename=image.filename,
        )
