"""POST /object/list-v2: a bucket page by page, with a cursor; whole keys or, with a delimiter, one level of folders."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import DictRow
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from maquette.embedded.storage.callers import transaction_as
from maquette.embedded.storage.faults import invalid_request
from maquette.embedded.storage.service import json_body, service_of, wire_time

MOST = 1000

# Folders have no time of their own: by time they come first in ascending order.
SORT_KEYS: dict[str, LiteralString] = {
    "name": "'-infinity'::timestamptz",
    "created_at": "coalesce(created_at, '-infinity')",
    "updated_at": "coalesce(updated_at, '-infinity')",
}
DIRECTIONS: dict[str, tuple[LiteralString, LiteralString]] = {"asc": ("asc", ">"), "desc": ("desc", "<")}

QUERY: LiteralString = """
with seen as (
    select id, name, updated_at, created_at, last_accessed_at, metadata, substr(name, length(%(prefix)s) + 1) as rest
    from storage.objects
    where bucket_id = %(bucket)s and starts_with(name, %(prefix)s)
), entries as (
    select distinct
        %(prefix)s || split_part(rest, '/', 1) || '/' as name, null::uuid as id, null::timestamptz as updated_at,
        null::timestamptz as created_at, null::timestamptz as last_accessed_at, null::jsonb as metadata
    from seen where %(folders)s and strpos(rest, '/') > 0
    union all
    select name, id, updated_at, created_at, last_accessed_at, metadata
    from seen where not (%(folders)s and strpos(rest, '/') > 0)
), sorted as (
    select *, {key} as sort_key from entries
)
select id, name, updated_at, created_at, last_accessed_at, metadata from sorted
where %(after)s::text is null
    or (sort_key, name collate "C") {past} (%(at)s::text::timestamptz, %(after)s::text collate "C")
order by sort_key {order}, name collate "C" {order}
limit %(limit)s
"""


async def list_page(request: Request) -> Response:
    """One page and, where there is more, the cursor of the next."""
    service = service_of(request)
    caller = service.caller(request)
    body = await json_body(request)
    prefix, folders = body.get("prefix") or "", body.get("with_delimiter") is True
    limit = body.get("limit", MOST)
    if not isinstance(prefix, str) or "\0" in prefix:
        raise invalid_request("body/prefix must be a string")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise invalid_request("body/limit must be >= 1")
    limit = min(limit, MOST)
    column, order, at, after = _read_cursor(body["cursor"]) if body.get("cursor") else _read_sort(body.get("sortBy"))
    direction, past = DIRECTIONS[order]
    query = sql.SQL(QUERY).format(key=sql.SQL(SORT_KEYS[column]), order=sql.SQL(direction), past=sql.SQL(past))
    async with transaction_as(service.pool, caller) as connection:
        found = await connection.execute(
            query,
            {
                "bucket": request.path_params["bucket"],
                "prefix": prefix,
                "folders": folders,
                "at": at,
                "after": after,
                "limit": limit + 1,
            },
        )
        rows = await found.fetchall()
    page: dict[str, Any] = {"hasNext": len(rows) > limit}
    rows = rows[:limit]
    if page["hasNext"]:
        page["nextCursor"] = _cursor(column, order, rows[-1])
    page["folders"] = [_as_wire(row, folders) for row in rows if row["id"] is None]
    page["objects"] = [_as_wire(row, folders) for row in rows if row["id"] is not None]
    return JSONResponse(page)


Place = tuple[str, str, str | None, str | None]
"""Sort column, order, and the sort key and name after which the page begins."""


def _read_sort(sort: object) -> Place:
    if not isinstance(sort, dict):
        sort = {}
    column, order = sort.get("column") or "name", sort.get("order") or "asc"
    if column not in SORT_KEYS or order not in DIRECTIONS:
        raise invalid_request("body/sortBy names no column or order")
    return column, order, None, None


def _cursor(column: str, order: str, last: DictRow) -> str:
    at = last[column] if column != "name" else None
    place = [column, order, at.isoformat() if at else "-infinity", last["name"]]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read_cursor(cursor: object) -> Place:
    try:
        column, order, at, after = json.loads(base64.urlsafe_b64decode(str(cursor)))
        if at != "-infinity":
            datetime.fromisoformat(at)
        if column not in SORT_KEYS or order not in DIRECTIONS or not isinstance(after, str) or "\0" in after:
            raise ValueError(cursor)
    except (ValueError, TypeError):
        raise invalid_request("body/cursor is not one of this service") from None
    return column, order, at, after


def _as_wire(row: DictRow, folders: bool) -> dict[str, Any]:
    known: dict[str, Any] = {
        "id": str(row["id"]) if row["id"] else None,
        "name": row["name"],
        "updated_at": wire_time(row["updated_at"]),
        "created_at": wire_time(row["created_at"]),
        "last_accessed_at": wire_time(row["last_accessed_at"]),
        "metadata": row["metadata"],
    }
    # The last part of the path, only where paths are split.
    return {"key": row["name"].rstrip("/").rpartition("/")[2], **known} if folders else known


ROUTES = [Route("/object/list-v2/{bucket}", list_page, methods=["POST"])]
