"""/bucket: make, read and list buckets. Row security: only the service sees them unless a policy says more."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg.rows import DictRow
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from maquette.embedded.storage.callers import transaction_as
from maquette.embedded.storage.faults import Fault, invalid_request, no_such_bucket
from maquette.embedded.storage.names import check_bucket
from maquette.embedded.storage.service import json_body, service_of, text_field, wire_time

UNITS = {"": 1, "B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


async def list_buckets(request: Request) -> Response:
    """All buckets the caller may see."""
    service = service_of(request)
    async with transaction_as(service.pool, service.caller(request)) as connection:
        rows = await (await connection.execute("select * from storage.buckets order by id")).fetchall()
    return JSONResponse([_as_wire(row) for row in rows])


async def get_bucket(request: Request) -> Response:
    """One bucket."""
    service = service_of(request)
    async with transaction_as(service.pool, service.caller(request)) as connection:
        found = await connection.execute("select * from storage.buckets where id = %s", [request.path_params["bucket"]])
        row = await found.fetchone()
    if row is None:
        raise no_such_bucket()
    return JSONResponse(_as_wire(row))


async def create_bucket(request: Request) -> Response:
    """A new bucket; answers its name."""
    service = service_of(request)
    caller = service.caller(request)
    body = await json_body(request)
    name = check_bucket(text_field(body, "name"))
    identifier = check_bucket(str(body.get("id") or name))
    mimes = body.get("allowed_mime_types")
    if mimes is not None and not (isinstance(mimes, list) and all(isinstance(mime, str) for mime in mimes)):
        raise invalid_request("body/allowed_mime_types must be a list of strings")
    try:
        async with transaction_as(service.pool, caller) as connection:
            await connection.execute(
                "insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types, owner_id)"
                " values (%s, %s, %s, %s, %s, %s)",
                [identifier, name, body.get("public") is True, _size(body.get("file_size_limit")), mimes, caller.owner],
            )
    except psycopg.errors.UniqueViolation:
        raise Fault(409, "Duplicate", "The resource already exists", "BucketAlreadyExists") from None
    return JSONResponse({"name": name})


def _size(value: object) -> int | None:
    """Bytes; Supabase also takes ``"10MB"``."""
    if value is None:
        return None
    match = re.fullmatch(r"\s*(\d{1,15})\s*([KMG]?B)?\s*", str(value).upper())
    if match is None:
        raise invalid_request("body/file_size_limit must be a number of bytes")
    return int(match[1]) * UNITS[match[2] or ""]


def _as_wire(row: DictRow) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "owner": str(row["owner"] or ""),
        "public": row["public"],
        "file_size_limit": row["file_size_limit"],
        "allowed_mime_types": row["allowed_mime_types"],
        "created_at": wire_time(row["created_at"]),
        "updated_at": wire_time(row["updated_at"]),
    }


ROUTES = [
    Route("/bucket", list_buckets, methods=["GET"]),
    Route("/bucket", create_bucket, methods=["POST"]),
    Route("/bucket/{bucket}", get_bucket, methods=["GET"]),
]
