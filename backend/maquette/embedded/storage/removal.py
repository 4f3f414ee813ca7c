"""DELETE of objects: the rows first, in one transaction; then the files they named."""

from __future__ import annotations

from typing import Any

from psycopg.rows import DictRow
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from maquette.embedded.storage.callers import Caller, transaction_as
from maquette.embedded.storage.faults import invalid_request, no_such_key
from maquette.embedded.storage.routing import KeyRoute
from maquette.embedded.storage.service import Service, json_body, service_of, wire_time

MOST = 1000


async def remove_objects(request: Request) -> Response:
    """Many at once; answers those that were there and may be deleted by this caller."""
    service = service_of(request)
    caller = service.caller(request)
    keys = (await json_body(request)).get("prefixes")
    if not isinstance(keys, list) or not 0 < len(keys) <= MOST:
        raise invalid_request(f"body/prefixes must be a list of 1 to {MOST} keys")
    if not all(isinstance(key, str) and "\0" not in key for key in keys):
        raise invalid_request("body/prefixes must be a list of strings")
    bucket = await service.bucket(request.path_params["bucket"])
    return JSONResponse([_as_wire(row) for row in await remove_keys(service, caller, bucket["id"], keys)])


async def remove_object(request: Request) -> Response:
    """One; a missing one is refused."""
    service = service_of(request)
    caller = service.caller(request)
    bucket = await service.bucket(request.path_params["bucket"])
    if not await remove_keys(service, caller, bucket["id"], [request.path_params["key"]]):
        raise no_such_key()
    return JSONResponse({"message": "Successfully deleted"})


async def remove_keys(service: Service, caller: Caller, bucket: str, keys: list[str]) -> list[DictRow]:
    """Remove what is there and this caller may remove; the rows that went."""
    async with transaction_as(service.pool, caller) as connection:
        deleted = await connection.execute(
            "delete from storage.objects where bucket_id = %s and name = any(%s) returning *", [bucket, keys]
        )
        rows = await deleted.fetchall()
    for row in rows:
        await service.files.remove(bucket, row["name"], row["version"])
    return rows


def _as_wire(row: DictRow) -> dict[str, Any]:
    times = {name: wire_time(row[name]) for name in ("created_at", "updated_at", "last_accessed_at")}
    texts = {name: str(row[name]) if row[name] else None for name in ("id", "owner")}
    kept = ("bucket_id", "name", "owner_id", "version", "metadata", "user_metadata")
    return {name: row[name] for name in kept} | times | texts


ROUTES = [
    KeyRoute("/object/{bucket}", remove_objects, methods=["DELETE"]),
    KeyRoute("/object/{bucket}/{key:path}", remove_object, methods=["DELETE"]),
]
