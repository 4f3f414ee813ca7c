"""/upload/resumable: uploads that survive broken lines and restarts of the server, by the tus protocol 1.0.

The bytes gather in a file of their own; when the last one is here they become an object exactly as in uploads.py, the
row last.
"""

from __future__ import annotations

import anyio
import psycopg
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from maquette.embedded.storage.bodies import Described, check_header_text, read_user_metadata
from maquette.embedded.storage.callers import SERVICE, transaction_as
from maquette.embedded.storage.faults import Fault
from maquette.embedded.storage.files import Stored
from maquette.embedded.storage.holds import Hold
from maquette.embedded.storage.names import check_bucket, check_key
from maquette.embedded.storage.partials import Partial, new_identity
from maquette.embedded.storage.senders import Sender, find_upload, identify_sender
from maquette.embedded.storage.service import Service, service_of
from maquette.embedded.storage.tus import (
    EXTENSIONS,
    OFFSET_STREAM,
    VERSION,
    TusFault,
    beyond_length,
    beyond_limit,
    conflict,
    http_time,
    in_tus,
    read_length,
    read_metadata,
    read_offset,
)
from maquette.embedded.storage.uploads import Target, check_may_upload, name_object

PATH = "/upload/resumable"
SIGNED = f"{PATH}/sign"


async def options(request: Request) -> Response:
    """What is spoken here. Needs no key, as everywhere in tus."""
    return Response(
        status_code=204,
        headers={"Tus-Resumable": VERSION, "Tus-Version": VERSION, "Tus-Extension": EXTENSIONS},
    )


async def create(request: Request, signed: bool) -> Response:
    """A new upload; refused here, before any byte, where the bucket or row security would refuse it at the end."""
    service = service_of(request)
    length, metadata = read_length(request), read_metadata(request)
    name, key = check_bucket(metadata.get("bucketName", "")), check_key(metadata.get("objectName", ""))
    sender = identify_sender(request, signed, name, key)
    bucket = await service.bucket(name)
    target = Target(bucket, key, sender.caller, sender.owner, sender.upsert)
    mime, lifetime = metadata.get("contentType") or "application/octet-stream", metadata.get("cacheControl", "")
    _check_limit(target, length)
    target.allow(mime)
    check_header_text(mime)
    partial = Partial(
        bucket=bucket["id"],
        key=key,
        length=length,
        mime=mime,
        cache_control=f"max-age={lifetime}" if lifetime.isdigit() else "no-cache",
        user_metadata=read_user_metadata(metadata.get("metadata")),
        described=request.headers["upload-metadata"],
        role=sender.caller.role,
        owner=sender.owner,
        signed=sender.signed,
        upsert=sender.upsert,
        **new_identity(),
    )
    await check_may_upload(service, target)
    async with service.holds.take(partial.id, from_others=False) as hold:
        await service.partials.write(partial)
        headers = {"Location": f"{str(request.url.replace(query='')).rstrip('/')}/{partial.id}"}
        offset = 0
        if request.headers.get("content-type") == OFFSET_STREAM:
            offset = await _receive(request, service, hold, partial, 0)
            headers["Upload-Offset"] = str(offset)
        if offset == length:
            await _complete(service, partial, target)
        else:
            headers["Upload-Expires"] = http_time(partial.expires_at)
    return Response(status_code=201, headers=headers)


async def show(request: Request, signed: bool) -> Response:
    """How far an upload is. One whose bytes are all here, but which a crash kept from its end, is completed first."""
    service = service_of(request)
    partial, sender = await find_upload(request, signed)
    async with service.holds.take(partial.id, from_others=True):
        partial, sender = await find_upload(request, signed)
        offset = await service.partials.offset(partial)
        if offset == partial.length and not partial.finished:
            await _complete(service, partial, await _target(service, partial, sender))
            offset = partial.length
    headers = {
        "Upload-Offset": str(offset),
        "Upload-Length": str(partial.length),
        "Upload-Metadata": partial.described,
        "Cache-Control": "no-store",
    }
    if offset < partial.length:
        headers["Upload-Expires"] = http_time(partial.expires_at)
    return Response(headers=headers)


async def append(request: Request, signed: bool) -> Response:
    """The next bytes; with the last one the object is there."""
    service = service_of(request)
    wanted = read_offset(request)
    kind = request.headers.get("content-type")
    if kind is None:
        raise TusFault(403, "Content-Type header required\n")
    if kind != OFFSET_STREAM:
        raise TusFault(400, "Invalid content-type\n")
    partial, _ = await find_upload(request, signed)
    async with service.holds.take(partial.id, from_others=False) as hold:
        partial, sender = await find_upload(request, signed)
        offset = await service.partials.offset(partial)
        if wanted != offset:
            raise conflict()
        if not partial.finished:
            target = await _target(service, partial, sender)
            offset = await _receive(request, service, hold, partial, offset)
            if offset == partial.length:
                await _complete(service, partial, target)
    headers = {"Upload-Offset": str(offset)}
    if offset < partial.length:
        headers["Upload-Expires"] = http_time(partial.expires_at)
    return Response(status_code=204, headers=headers)


async def terminate(request: Request, signed: bool) -> Response:
    """Give up an unfinished upload and free its space."""
    service = service_of(request)
    partial, _ = await find_upload(request, signed)
    async with service.holds.take(partial.id, from_others=True):
        partial, _ = await find_upload(request, signed)
        if partial.finished:
            raise TusFault(400, "Cannot terminate an already completed upload")
        await service.partials.discard(partial.id)
    return Response(status_code=204)


async def _target(service: Service, partial: Partial, sender: Sender) -> Target:
    """Where it goes, by the bucket's limits of today."""
    bucket = await service.bucket(partial.bucket)
    target = Target(bucket, partial.key, sender.caller, partial.owner, partial.upsert)
    _check_limit(target, partial.length)
    target.allow(partial.mime)
    return target


def _check_limit(target: Target, length: int) -> None:
    limit = target.bucket["file_size_limit"]
    if limit is not None and length > limit:
        raise beyond_limit()


async def _receive(request: Request, service: Service, hold: Hold, partial: Partial, offset: int) -> int:
    """Write the body behind what is here; what came stays, however the body ends. The bytes that are here then."""
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and offset + int(stated) > partial.length:
        raise beyond_length()
    incoming = await service.partials.open(partial, offset)
    start, stream = incoming.mark(), request.stream()
    try:
        while (data := await hold.hear(stream)) is not None:
            if incoming.size + len(data) > partial.length:
                # A body of no stated length: none of it counts, or the upload would look complete.
                await incoming.back_to(start)
                raise beyond_length()
            await incoming.write(data)
    finally:
        with anyio.CancelScope(shield=True):
            await service.partials.pause(partial, incoming)
    return incoming.size


async def _complete(service: Service, partial: Partial, target: Target) -> None:
    """Make the object. Every part can be done again after a crash between any two of them."""
    if not await _is_named(service, partial):
        stored: Stored = await service.partials.stored(partial)
        await service.files.adopt(stored, partial.bucket, partial.key, partial.id)
        described = Described(partial.mime, partial.cache_control, partial.user_metadata)
        try:
            await name_object(service, target, partial.id, stored, described)
        except (Fault, psycopg.errors.InsufficientPrivilege):
            # Refused for good, and its bytes take room.
            await service.partials.discard(partial.id)
            raise
    await service.partials.finish(partial)


async def _is_named(service: Service, partial: Partial) -> bool:
    async with transaction_as(service.pool, SERVICE) as connection:
        found = await connection.execute(
            "select 1 from storage.objects where bucket_id = %s and name = %s and version = %s",
            [partial.bucket, partial.key, partial.id],
        )
        return await found.fetchone() is not None


def _routes(path: str, *, signed: bool) -> list[Route]:
    one = f"{path}/{{upload}}"
    return [
        *(Route(each, options, methods=["OPTIONS"]) for each in (path, f"{path}/", one)),
        *(Route(each, in_tus(create, signed=signed), methods=["POST"]) for each in (path, f"{path}/")),
        Route(one, in_tus(show, signed=signed), methods=["HEAD"]),
        Route(one, in_tus(append, signed=signed), methods=["PATCH"]),
        Route(one, in_tus(terminate, signed=signed), methods=["DELETE"]),
    ]


ROUTES = [*_routes(SIGNED, signed=True), *_routes(PATH, signed=False)]
