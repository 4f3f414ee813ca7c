"""POST and PUT of objects. The row comes after the file is on disk, in one transaction, under the caller's role."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from maquette.embedded.storage.bodies import Described, drain, read_upload
from maquette.embedded.storage.callers import SERVICE, Caller, transaction_as
from maquette.embedded.storage.faults import Fault, already_exists, invalid_request, mime_not_allowed, no_such_bucket
from maquette.embedded.storage.files import Stored
from maquette.embedded.storage.names import check_key
from maquette.embedded.storage.routing import KeyRoute
from maquette.embedded.storage.service import Service, service_of, wire_time
from maquette.embedded.storage.tokens import verify

INSERT = (
    "insert into storage.objects (bucket_id, name, owner, owner_id, version, metadata, user_metadata)"
    " values (%(bucket)s, %(key)s, %(owner)s, %(owner_id)s, %(version)s, %(metadata)s, %(user_metadata)s)"
)
# Postgres 18 gives the replaced row too: its file goes once this one is in.
UPSERT = (
    " on conflict (bucket_id, name) do update set owner = excluded.owner, owner_id = excluded.owner_id,"
    " version = excluded.version, metadata = excluded.metadata, user_metadata = excluded.user_metadata,"
    " last_accessed_at = now()"
)
RETURNING = " returning new.id, old.version as replaced"


@dataclass(frozen=True)
class Target:
    """Where an upload goes and as whom."""

    bucket: DictRow
    key: str
    caller: Caller
    owner: str | None
    upsert: bool

    def allow(self, mime: str) -> None:
        """A fault where the bucket does not take this type; ``image/*`` in its list takes all images."""
        allowed = self.bucket["allowed_mime_types"]
        if not allowed:
            return
        plain = mime.split(";")[0].strip().lower()
        family = plain.split("/")[0] + "/*"
        if not {plain, family, "*/*"} & {one.lower() for one in allowed}:
            raise mime_not_allowed(plain)


async def upload(request: Request) -> Response:
    """An object under the caller's own rights; PUT and ``x-upsert: true`` replace."""
    service = service_of(request)
    try:
        caller = service.caller(request)
        key = check_key(request.path_params["key"])
        bucket = await service.bucket(request.path_params["bucket"])
        upsert = request.method == "PUT" or request.headers.get("x-upsert", "").lower() == "true"
        return await _store(request, service, Target(bucket, key, caller, caller.owner, upsert))
    except (Fault, psycopg.errors.InsufficientPrivilege):
        await drain(request)
        raise


async def upload_signed(request: Request) -> Response:
    """An object by a token that somebody with the right to upload it had made."""
    service = service_of(request)
    try:
        key = check_key(request.path_params["key"])
        token = request.query_params.get("token", "")
        grant = verify(service.keys, "upload", request.path_params["bucket"], key, token)
        bucket = await service.bucket(request.path_params["bucket"])
        return await _store(request, service, Target(bucket, key, SERVICE, grant.owner, grant.upsert))
    except (Fault, psycopg.errors.InsufficientPrivilege):
        await drain(request)
        raise


async def check_may_upload(service: Service, target: Target) -> None:
    """Ask Postgres before gigabytes are sent: write the row and take it back."""
    async with transaction_as(service.pool, target.caller) as connection:
        if target.caller.role == SERVICE.role:
            # No row security to ask, so no dead row either.
            taken = await connection.execute(
                "select 1 from storage.objects where bucket_id = %s and name = %s", [target.bucket["id"], target.key]
            )
            if not target.upsert and await taken.fetchone():
                raise already_exists()
            return
        await _write_row(connection, target, str(uuid4()), {}, None)
        raise psycopg.Rollback


async def _store(request: Request, service: Service, target: Target) -> Response:
    await check_may_upload(service, target)
    version = str(uuid4())
    place = (target.bucket["id"], target.key, version)
    incoming = await service.files.receive()
    try:
        described = await read_upload(request, incoming, target.bucket["file_size_limit"], target.allow)
        stored = await incoming.complete()
        await service.files.place(stored, *place)
    finally:
        await incoming.discard()
    identifier = await name_object(service, target, version, stored, described)
    return JSONResponse({"Key": f"{target.bucket['id']}/{target.key}", "Id": identifier})


async def name_object(service: Service, target: Target, version: str, stored: Stored, described: Described) -> str:
    """Write the row of a file that lies in its place, and answer the object's id.

    Where Postgres refuses, the file is taken away again; the file of an object that was replaced goes after.
    """
    try:
        async with transaction_as(service.pool, target.caller) as connection:
            row = await _write_row(connection, target, version, describe(stored, described), described.user_metadata)
    except (Fault, psycopg.errors.InsufficientPrivilege):
        # Only a sure refusal: after a line lost during commit the row may be there, and needs its file.
        await service.files.remove(target.bucket["id"], target.key, version)
        raise
    if row["replaced"]:
        await service.files.remove(target.bucket["id"], target.key, row["replaced"])
    return str(row["id"])


def describe(stored: Stored, described: Described) -> dict[str, Any]:
    """The metadata column, as Supabase writes it."""
    return {
        "eTag": stored.etag,
        "size": stored.size,
        "mimetype": described.mime,
        "cacheControl": described.cache_control,
        "lastModified": wire_time(datetime.now(UTC)),
        "contentLength": stored.size,
        "httpStatusCode": 200,
    }


async def _write_row(
    connection: AsyncConnection[DictRow],
    target: Target,
    version: str,
    metadata: dict[str, Any],
    user_metadata: dict[str, Any] | None,
) -> DictRow:
    try:
        cursor = await connection.execute(
            INSERT + (UPSERT if target.upsert else "") + RETURNING,
            {
                "bucket": target.bucket["id"],
                "key": target.key,
                "owner": _as_uuid(target.owner),
                "owner_id": target.owner,
                "version": version,
                "metadata": Jsonb(metadata),
                "user_metadata": Jsonb(user_metadata) if user_metadata is not None else None,
            },
        )
    except psycopg.errors.UniqueViolation:
        raise already_exists() from None
    except psycopg.errors.ForeignKeyViolation:
        raise no_such_bucket() from None  # Deleted while the bytes came.
    except psycopg.DataError:
        raise invalid_request("The metadata holds what the database cannot") from None
    [row] = await cursor.fetchall()
    return row


def _as_uuid(owner: str | None) -> UUID | None:
    try:
        return UUID(owner) if owner else None
    except ValueError:
        return None


ROUTES = [
    KeyRoute("/object/upload/sign/{bucket}/{key:path}", upload_signed, methods=["PUT"]),
    KeyRoute("/object/{bucket}/{key:path}", upload, methods=["POST", "PUT"]),
]
