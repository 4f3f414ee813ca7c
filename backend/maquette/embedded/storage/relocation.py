"""Move and copy: the bytes get a second name (a hard link), the row changes, the first name goes."""

from __future__ import annotations

from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from maquette.embedded.storage.callers import transaction_as
from maquette.embedded.storage.downloads import find_object
from maquette.embedded.storage.faults import already_exists, no_such_key
from maquette.embedded.storage.names import check_key
from maquette.embedded.storage.service import json_body, service_of, text_field
from maquette.embedded.storage.uploads import INSERT, RETURNING, UPSERT

Place = tuple[str, str]


async def move(request: Request) -> Response:
    """Give an object another key, or another bucket."""
    service = service_of(request)
    caller = service.caller(request)
    (from_bucket, from_key), (to_bucket, to_key) = await _places(request)
    renewed = str(uuid4())
    try:
        async with transaction_as(service.pool, caller) as connection:
            found = await connection.execute(
                "select version from storage.objects where bucket_id = %s and name = %s for update",
                [from_bucket, from_key],
            )
            row = await found.fetchone()
            if row is None:
                raise no_such_key()
            await connection.execute(
                "update storage.objects set bucket_id = %s, name = %s, version = %s where bucket_id = %s and name = %s",
                [to_bucket, to_key, renewed, from_bucket, from_key],
            )
            await service.files.link((from_bucket, from_key, row["version"]), (to_bucket, to_key, renewed))
    except psycopg.errors.UniqueViolation:
        raise already_exists() from None
    await service.files.remove(from_bucket, from_key, row["version"])
    return JSONResponse({"message": "Successfully moved"})


async def copy(request: Request) -> Response:
    """A second object with the same bytes."""
    service = service_of(request)
    caller = service.caller(request)
    (from_bucket, from_key), (to_bucket, to_key) = await _places(request)
    upsert = request.headers.get("x-upsert", "").lower() == "true"
    source = await find_object(service, caller, from_bucket, from_key)
    copied = (to_bucket, to_key, str(uuid4()))
    try:
        await service.files.link((from_bucket, from_key, source["version"]), copied)
    except FileNotFoundError:
        raise no_such_key() from None
    try:
        async with transaction_as(service.pool, caller) as connection:
            made = await connection.execute(
                INSERT + (UPSERT if upsert else "") + RETURNING,
                {
                    "bucket": to_bucket,
                    "key": to_key,
                    "owner": source["owner"],
                    "owner_id": caller.owner,
                    "version": copied[2],
                    "metadata": Jsonb(source["metadata"]),
                    "user_metadata": Jsonb(source["user_metadata"]) if source["user_metadata"] else None,
                },
            )
            [row] = await made.fetchall()
    except (psycopg.errors.UniqueViolation, psycopg.errors.InsufficientPrivilege) as error:
        await service.files.remove(*copied)
        if isinstance(error, psycopg.errors.UniqueViolation):
            raise already_exists() from None
        raise
    if row["replaced"]:
        await service.files.remove(to_bucket, to_key, row["replaced"])
    return JSONResponse({"Id": str(row["id"]), "Key": f"{to_bucket}/{to_key}"})


async def _places(request: Request) -> tuple[Place, Place]:
    service = service_of(request)
    body = await json_body(request)
    source = await service.bucket(text_field(body, "bucketId"))
    target = source
    if body.get("destinationBucket"):
        target = await service.bucket(text_field(body, "destinationBucket"))
    return (
        (source["id"], check_key(text_field(body, "sourceKey"))),
        (target["id"], check_key(text_field(body, "destinationKey"))),
    )


ROUTES = [
    Route("/object/move", move, methods=["POST"]),
    Route("/object/copy", copy, methods=["POST"]),
]
