"""Large files by resumable upload (tus): announced here, sent to storage, then named in an upload.

The bytes go to Supabase's own resumable upload, or the embedded one, by a token that opens one object and nothing else.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import jwt
from fastapi import APIRouter, Body, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from maquette.api.capacity import Room, check_stored, holding_capacity
from maquette.api.incoming import FormLimits, plain_name
from maquette.api.owners import Owner
from maquette.api.paths import ProjectId
from maquette.api.problems import error_responses
from maquette.api.repeats import IdempotencyKey, Keyed
from maquette.api.service import Service, Serving
from maquette.api.staged import IncomingExpiredError, incoming_not_found, remove_staged
from maquette.db import incoming, projects
from maquette.db.rows import Row
from maquette.errors import WrongStateError
from maquette.storage.buckets import PROJECT_UPLOADS
from maquette.storage.client import StorageRefusedError
from maquette.storage.keys import incoming as incoming_key

router = APIRouter(tags=["steps"])

CALL = "announce_incoming"
CHUNK_BYTES: Final = 6 * 1024 * 1024
"""Supabase takes chunks of exactly 6 MiB, the last one excepted."""
MIME: Final = "application/octet-stream"
"""What a file is, its content says, when it is taken in."""
MOST_OPEN = 50
"""Of one owner. A token does not bound how much is sent by it: the bucket does, and this number."""

IncomingId = Annotated[
    UUID, Path(description="The incoming file, a UUID.", examples=["3f0d6c1e-8a55-4d0b-9a53-4f1f5b8f7e21"])
]


class TooManyIncomingError(WrongStateError):
    """The owner has as many announced files as one may have."""

    code = "too_many_incoming"


class Announcement(BaseModel):
    """A file that is to come."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(
        min_length=1,
        max_length=1000,
        description="The file's name, by which the photos show it.",
        examples=["walk.mp4"],
    )
    bytes: int = Field(ge=1, le=2**53 - 1, strict=True, description="Its size, exactly.", examples=[412_345_678])


class ResumableUpload(BaseModel):
    """What a tus client needs: each field goes to tus-js-client as it is."""

    endpoint: str = Field(
        description="Where uploads are created.", examples=["http://127.0.0.1:8400/storage/v1/upload/resumable/sign"]
    )
    headers: dict[str, str] = Field(
        description="`x-signature`, a token for this one object. With every request; never in an address."
    )
    metadata: dict[str, str] = Field(description="`bucketName`, `objectName` and `contentType` for `Upload-Metadata`.")
    chunk_bytes: int = Field(description="Every chunk but the last has exactly so many bytes.", examples=[CHUNK_BYTES])
    expires_in_s: int = Field(
        description="For so many seconds the token is good. Read the incoming file again for a new one; the upload goes"
        " on with that.",
        examples=[7200],
    )


class IncomingFile(BaseModel):
    """A file on its way into a project."""

    id: UUID
    project_id: UUID
    name: str = Field(examples=["walk.mp4"])
    bytes: int = Field(examples=[412_345_678])
    complete: bool = Field(description="All of it is in storage: `POST /upload` can take it in.")
    run_id: UUID | None = Field(description="The upload that took it in. Null: none yet.")
    created_at: datetime
    expires_at: datetime = Field(description="A day after it was announced: what is not taken in by then is removed.")
    upload: ResumableUpload | None = Field(description="How to send it. Null once it is complete.")


@router.post(
    "/projects/{project_id}/incoming",
    status_code=201,
    response_model=IncomingFile,
    summary="Announce a large file",
    responses={
        200: {"model": IncomingFile, "description": "An earlier call with the same Idempotency-Key announced it."},
        **error_responses(404, 409, 410, 413),
    },
)
async def announce_incoming(
    service: Serving,
    owner: Owner,
    response: Response,
    project_id: ProjectId,
    body: Annotated[Announcement, Body()],
    idempotency_key: IdempotencyKey = None,
) -> IncomingFile:
    """For a video or archive that a broken line should not send back to its beginning. Send it with any tus 1.0 client
    by what `upload` says, then name its `id` as `incoming` in `POST /upload`. Repeating the call with its
    Idempotency-Key answers the same file with a new token.

    `409 too_many_incoming`; `410 incoming_expired`; `413 file_too_large`, `project_too_large`,
    `storage_quota_reached`; `503 disk_low`.
    """
    settings = service.settings
    filename = plain_name(body.name) or "file"
    keyed = Keyed.of(project_id, CALL, idempotency_key, body)
    async with service.transaction() as conn:
        await projects.get(conn, project_id, owner)
        made = await keyed.made_before(conn) if keyed else None
        if made is not None:
            row = await incoming.of_project(conn, project_id, made)
            response.status_code = 200
        else:
            room = Room(settings)
            FormLimits(1, settings.max_file_mb, settings.max_upload_mb, room).check_file(filename, body.bytes)
            await holding_capacity(conn, owner)
            if await incoming.open_files(conn, owner) >= MOST_OPEN:
                raise TooManyIncomingError(
                    f"{MOST_OPEN} files of yours are announced and not taken in.",
                    suggestion="Take them in with POST /upload, or give them up with DELETE; a day makes them go.",
                    allowed=MOST_OPEN,
                )
            await check_stored(settings, conn, owner, project_id, body.bytes)
            await asyncio.to_thread(room.check_disk)
            row = await incoming.announce(conn, project_id, filename, body.bytes)
            if keyed:
                await keyed.keep(conn, project_id, row["id"])
    if row is None or row["expired"]:
        raise IncomingExpiredError.told()
    response.headers["Location"] = f"/api/v1/projects/{project_id}/incoming/{row['id']}"
    return await _shown(service, row)


@router.get(
    "/projects/{project_id}/incoming/{incoming_id}",
    response_model=IncomingFile,
    summary="Read an announced file",
    responses=error_responses(404, 410),
)
async def read_incoming(service: Serving, owner: Owner, project_id: ProjectId, incoming_id: IncomingId) -> IncomingFile:
    """Whether it is complete, and a new token where it is not. Never cached: it holds a credential.

    `410 incoming_expired`.
    """
    async with service.transaction() as conn:
        await projects.get(conn, project_id, owner)
        row = await incoming.of_project(conn, project_id, incoming_id)
    if row is None:
        raise incoming_not_found(incoming_id)
    if row["expired"]:
        raise IncomingExpiredError.told()
    return await _shown(service, row)


@router.delete(
    "/projects/{project_id}/incoming/{incoming_id}",
    status_code=204,
    summary="Give up an announced file",
    responses=error_responses(404, 409),
)
async def forget_incoming(service: Serving, owner: Owner, project_id: ProjectId, incoming_id: IncomingId) -> None:
    """What of it is in storage is removed. `409 incoming_used` where an upload has taken it in."""
    async with service.transaction() as conn:
        await projects.get(conn, project_id, owner)
        # One that is being taken in is waited for.
        await incoming.hold(conn, [incoming_id])
        row = await incoming.of_project(conn, project_id, incoming_id)
        if row is None:
            raise incoming_not_found(incoming_id)
        if row["run_id"]:
            raise incoming.used(incoming_id, row["run_id"])
        await remove_staged(service.objects, [row])
        await incoming.forget(conn, [incoming_id])


async def _shown(service: Service, row: Row) -> IncomingFile:
    key = incoming_key(row["project_id"], row["id"])
    taken = row["run_id"] is not None
    upload = None
    # A file of another size is complete too, for storage: the upload that names it says what is wrong.
    if not taken and await service.objects.size(PROJECT_UPLOADS, key) is None:
        try:
            upload = _resumable(service, key, await service.objects.upload_token(PROJECT_UPLOADS, key))
        except StorageRefusedError:
            if await service.objects.size(PROJECT_UPLOADS, key) is None:
                raise  # else its last bytes came in between
    shown = {name: row[name] for name in ("id", "project_id", "bytes", "run_id", "created_at", "expires_at")}
    return IncomingFile(name=row["filename"], complete=upload is None, upload=upload, **shown)


def _resumable(service: Service, key: str, token: str) -> ResumableUpload:
    connections = service.connections
    # The embedded storage is reached the way this call came.
    base = service.public_url if connections.embedded else connections.supabase_url
    return ResumableUpload(
        endpoint=f"{base}/storage/v1/upload/resumable/sign",
        headers={"x-signature": token},
        metadata={"bucketName": PROJECT_UPLOADS, "objectName": key, "contentType": MIME},
        chunk_bytes=CHUNK_BYTES,
        expires_in_s=_lifetime_s(token),
    )


def _lifetime_s(token: str) -> int:
    """How long storage made it good for, from its own claims. Nothing is trusted for it, so nothing is verified."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return int(claims["exp"]) - int(claims["iat"])
