"""Shared shapes of row modules: the connection type, pages with a cursor, and insertion of a mapping."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection, DataError, sql
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from maquette.errors import BadInputError

Connection = AsyncConnection[DictRow]
Row = dict[str, Any]


class BadCursorError(BadInputError):
    """A list was asked to go on from something that is no cursor of ours."""

    code = "bad_cursor"


@dataclass(frozen=True)
class Page:
    """A part of a list; ``next`` continues it, None at its end."""

    items: list[Row]
    next: str | None


def encode_cursor(*values: object) -> str:
    """An opaque cursor after the row with these sort values."""
    return base64.urlsafe_b64encode(json.dumps([str(v) for v in values]).encode()).decode()


def decode_cursor(cursor: str, length: int) -> list[str]:
    """The sort values in a cursor; ``bad_cursor`` for anything else."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, binascii.Error):
        values = None
    if not isinstance(values, list) or len(values) != length:
        raise bad_cursor()
    return [str(v) for v in values]


def bad_cursor() -> BadCursorError:
    """The cursor has another form, or holds values that are none, such as a time that is no time."""
    return BadCursorError(
        "The cursor is not one that a list of ours gave out.",
        suggestion="Pass `next` of the previous answer unchanged, or leave the cursor out to begin again.",
    )


async def newest_first(
    conn: Connection, select: LiteralString, of: UUID, moment: LiteralString, *, limit: int, cursor: str | None
) -> Page:
    """A page of ``select``, which ends in a condition on ``of``, by its column ``moment`` and id, newest first."""
    after = decode_cursor(cursor, 2) if cursor else ["infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
    order: LiteralString = moment + " desc, id desc"
    query = select + " and (" + moment + ", id) < (%s::timestamptz, %s::uuid) order by " + order + " limit %s"
    try:
        rows = await fetch_all(conn, query, [of, *after, limit + 1])
    except DataError:
        raise bad_cursor() from None
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(rows, encode_cursor(rows[-1][moment].isoformat(), rows[-1]["id"]) if more else None)


async def insert(conn: Connection, table: LiteralString, values: Mapping[str, Any]) -> Row:
    """Insert one row into a public table and return it; dicts and lists become jsonb."""
    query = sql.SQL("insert into public.{} ({}) values ({}) returning *").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
    )
    cursor = await conn.execute(query, [_adapt(v) for v in values.values()])
    row = await cursor.fetchone()
    if row is None:
        raise RuntimeError(f"insert into {table} returned no row")
    return row


def _adapt(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict | list | tuple) else value


async def fetch_all(conn: Connection, query: LiteralString, parameters: Sequence[Any] | Mapping[str, Any]) -> list[Row]:
    """All rows of a query."""
    return await (await conn.execute(query, parameters)).fetchall()


async def fetch_one(
    conn: Connection, query: LiteralString, parameters: Sequence[Any] | Mapping[str, Any]
) -> Row | None:
    """The first row of a query, if any."""
    return await (await conn.execute(query, parameters)).fetchone()
