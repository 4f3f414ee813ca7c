"""POST /object/list: one level of a bucket, folders first, as the caller sees it."""

from __future__ import annotations

from typing import Any

from psycopg import sql
from psycopg.rows import DictRow
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from maquette.embedded.storage.callers import transaction_as
from maquette.embedded.storage.faults import invalid_request
from maquette.embedded.storage.service import json_body, service_of, wire_time

COLUMNS = ("name", "updated_at", "created_at", "last_accessed_at")

# starts_with finds its range in the index on (bucket_id, name).
QUERY = """
with seen as (
    select id, updated_at, created_at, last_accessed_at, metadata, substr(name, length(%(prefix)s) + 1) as rest
    from storage.objects
    where bucket_id = %(bucket)s and starts_with(name, %(prefix)s)
), entries as (
    select distinct
        split_part(rest, '/', 1) as name, null::uuid as id, null::timestamptz as updated_at,
        null::timestamptz as created_at, null::timestamptz as last_accessed_at, null::jsonb as metadata
    from seen where strpos(rest, '/') > 0
    union all
    select rest, id, updated_at, created_at, last_accessed_at, metadata from seen where strpos(rest, '/') = 0
)
select * from entries
where %(search)s = '' or starts_with(lower(name), lower(%(search)s))
order by id is not null, {column} {order}, name {order}
limit %(limit)s offset %(offset)s
"""


async def list_objects(request: Request) -> Response:
    """Whoever may see nothing gets an empty list, not a refusal."""
    service = service_of(request)
    caller = service.caller(request)
    body = await json_body(request)
    prefix = str(body.get("prefix") or "").strip("/")
    sort = body.get("sortBy")
    if not isinstance(sort, dict):
        sort = {}
    column, order = sort.get("column") or "name", sort.get("order") or "asc"
    if column not in COLUMNS or order not in ("asc", "desc"):
        raise invalid_request("body/sortBy names no column or order")
    query = sql.SQL(QUERY).format(column=sql.Identifier(column), order=sql.SQL(order))
    search = str(body.get("search") or "")
    if "\0" in prefix + search:
        raise invalid_request("body holds a zero byte")
    async with transaction_as(service.pool, caller) as connection:
        found = await connection.execute(
            query,
            {
                "bucket": request.path_params["bucket"],
                "prefix": f"{prefix}/" if prefix else "",
                "search": search,
                "limit": _number(body, "limit", 100, 1000),
                "offset": _number(body, "offset", 0, 1 << 40),
            },
        )
        rows = await found.fetchall()
    return JSONResponse([_as_wire(row) for row in rows])


def _number(body: dict[str, Any], name: str, default: int, most: int) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise invalid_request(f"body/{name} must be a number")
    return min(value, most)


def _as_wire(row: DictRow) -> dict[str, Any]:
    return {
        "name": row["name"],
        "id": str(row["id"]) if row["id"] else None,
        "updated_at": wire_time(row["updated_at"]),
        "created_at": wire_time(row["created_at"]),
        "last_accessed_at": wire_time(row["last_accessed_at"]),
        "metadata": row["metadata"],
    }


ROUTES = [Route("/object/list/{bucket}", list_objects, methods=["POST"])]
