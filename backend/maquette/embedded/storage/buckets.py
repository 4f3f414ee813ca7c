"""/bucket: make, read, change, empty and delete. Row security: users see none unless a policy says so."""

from __future__ import annotations

import re
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import DictRow
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from maquette.embedded.storage.callers import transaction_as
from maquette.embedded.storage.faults import Fault, invalid_request, no_such_bucket
from maquette.embedded.storage.names import check_bucket
from maquette.embedded.storage.removal import MOST, remove_keys
from maquette.embedded.storage.service import json_body, service_of, text_field, wire_time

COLUMNS = ("id", "name", "created_at", "updated_at")
ORDERS: dict[str, LiteralString] = {"asc": "asc", "desc": "desc"}
LIST: LiteralString = """
select * from storage.buckets where strpos(lower(name), lower(%s)) > 0 order by {column} {order}, id limit %s offset %s
"""

UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}


async def list_buckets(request: Request) -> Response:
    """All buckets the caller may see; ``search``, ``sortColumn``, ``sortOrder``, ``limit`` and ``offset`` narrow it."""
    service = service_of(request)
    caller = service.caller(request)
    asked = request.query_params
    column, order = asked.get("sortColumn", "id"), asked.get("sortOrder", "asc")
    if column not in COLUMNS or order not in ORDERS:
        raise invalid_request("querystring/sortColumn or sortOrder names no column or order")
    query = sql.SQL(LIST).format(column=sql.Identifier(column), order=sql.SQL(ORDERS[order]))
    narrowed = [asked.get("search", ""), _count(asked.get("limit")), _count(asked.get("offset"))]
    async with transaction_as(service.pool, caller) as connection:
        rows = await (await connection.execute(query, narrowed)).fetchall()
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
    mimes = _mimes(body.get("allowed_mime_types"))
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


async def update_bucket(request: Request) -> Response:
    """Other limits, or public or not; what the body does not name stays."""
    service = service_of(request)
    caller = service.caller(request)
    body = await json_body(request)
    given: dict[str, Any] = {}
    if body.get("public") is not None:
        given["public"] = body["public"] is True
    if "file_size_limit" in body:
        given["file_size_limit"] = _size(body["file_size_limit"])
    if "allowed_mime_types" in body:
        given["allowed_mime_types"] = _mimes(body["allowed_mime_types"])
    columns = [sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in given]
    statement = sql.SQL("update storage.buckets set {} where id = %(id)s").format(
        sql.SQL(", ").join([*columns, sql.SQL("updated_at = now()")])
    )
    async with transaction_as(service.pool, caller) as connection:
        changed = await connection.execute(statement, {**given, "id": request.path_params["bucket"]})
    if changed.rowcount == 0:
        raise no_such_bucket()
    return JSONResponse({"message": "Successfully updated"})


async def empty_bucket(request: Request) -> Response:
    """Remove every object that this caller may remove."""
    service = service_of(request)
    caller = service.caller(request)
    bucket = request.path_params["bucket"]
    async with transaction_as(service.pool, caller) as connection:
        known = await connection.execute("select from storage.buckets where id = %s", [bucket])
        if await known.fetchone() is None:
            raise no_such_bucket()
        found = await (
            await connection.execute("select name from storage.objects where bucket_id = %s", [bucket])
        ).fetchall()
    for start in range(0, len(found), MOST):
        await remove_keys(service, caller, bucket, [row["name"] for row in found[start : start + MOST]])
    return JSONResponse({"message": "Successfully emptied"})


async def delete_bucket(request: Request) -> Response:
    """An empty one only; the objects' foreign key sees to that."""
    service = service_of(request)
    caller = service.caller(request)
    try:
        async with transaction_as(service.pool, caller) as connection:
            deleted = await connection.execute(
                "delete from storage.buckets where id = %s", [request.path_params["bucket"]]
            )
    except psycopg.errors.ForeignKeyViolation:
        message = "The bucket you tried to delete is not empty"
        raise Fault(409, "ResourceNotEmpty", message, "ResourceNotEmpty") from None
    if deleted.rowcount == 0:
        raise no_such_bucket()
    return JSONResponse({"message": "Successfully deleted"})


def _mimes(value: object) -> list[str] | None:
    if value is None:
        return None
    if not (isinstance(value, list) and all(isinstance(mime, str) for mime in value)):
        raise invalid_request("body/allowed_mime_types must be a list of strings")
    return value


def _count(value: str | None) -> int | None:
    if value is None:
        return None
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        raise invalid_request("querystring/limit and offset must be numbers")
    return int(value)


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
    Route("/bucket/{bucket}", update_bucket, methods=["PUT"]),
    Route("/bucket/{bucket}", delete_bucket, methods=["DELETE"]),
    Route("/bucket/{bucket}/empty", empty_bucket, methods=["POST"]),
]
