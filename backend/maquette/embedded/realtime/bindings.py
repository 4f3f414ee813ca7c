"""What a client asks for in a join, checked: the ``postgres_changes`` of its configuration.

Answers and their words as in supabase/realtime: extensions/postgres_cdc_rls/subscriptions.ex and the trigger function
subscription_check_filters of its tenant migrations (release of August 2026). One difference: where a role may not
select a table, the real service accepts the subscription and sends an empty message with "Error 401" for every change
of anybody's; we refuse it at once, so that strangers do not even learn that something changed.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

import psycopg

from maquette.db.connection import Pool
from maquette.embedded.callers import Caller
from maquette.embedded.realtime.catalogue import Catalogue, Name, Table
from maquette.embedded.realtime.filters import (
    BadFilter,
    Condition,
    RawFilter,
    condition,
    parse_filters,
    parse_row,
    takes,
)

EVENTS = ("INSERT", "UPDATE", "DELETE")
MOST_BINDINGS = 100


class BindingRefused(Exception):  # noqa: N818 - told in a system message
    """A subscription that cannot be had; the message is for the client."""


@dataclass(frozen=True)
class Wanted:
    """One entry of ``postgres_changes`` as read from the client; ``*`` is anything."""

    id: int
    event: str
    schema: str
    table: str
    filters: tuple[RawFilter, ...]
    select: frozenset[str] | None

    def __str__(self) -> str:
        filters = ", ".join(map(str, self.filters))
        return f"[event: {self.event}, schema: {self.schema}, table: {self.table}, filters: [{filters}]]"


@dataclass(frozen=True)
class Binding:
    """A subscription to one table that is in force."""

    id: int
    event: str
    table: Name
    key_conditions: tuple[Condition, ...]
    """Those on the primary key, which are known before the row is read."""

    row_conditions: tuple[Condition, ...]
    select: frozenset[str] | None


def identifiers(params: list[dict[str, Any]]) -> list[int]:
    """An integer for each entry: the same for equal ones, never zero, another for different ones."""
    taken: dict[int, str] = {}
    ids = []
    for entry in params:
        text = json.dumps(entry, sort_keys=True)
        number = zlib.crc32(text.encode()) % (2**27 - 1) + 1
        while taken.setdefault(number, text) != text:
            number += 1
        ids.append(number)
    return ids


def parse_binding(number: int, params: dict[str, Any]) -> Wanted:
    """An entry of ``postgres_changes``, as the real service reads it."""
    schema, table, text, select = (params.get(name) for name in ("schema", "table", "filter", "select"))
    if not all(value is None or isinstance(value, str) for value in (schema, table, text)) or (
        schema is None and table is None
    ):
        raise BindingRefused(
            "No subscription params provided. Please provide at least a `schema` or `table` to subscribe to"
        )
    if isinstance(select, str):
        raise BindingRefused("Error parsing `select` params: expected a list of column name strings")
    chosen = frozenset(one for one in select if isinstance(one, str)) if isinstance(select, list) else frozenset()
    schema, table = schema or "public", table or "*"
    if chosen and "*" in (schema, table):
        raise BindingRefused("Column selection is not supported for wildcard subscriptions.")
    try:
        filters = tuple(parse_filters(text or ""))
    except BadFilter as bad:
        raise BindingRefused(f"Error parsing `filter` params: {bad}") from None
    event = str(params.get("event", "*")).upper()
    return Wanted(number, event if event in EVENTS else "*", schema, table, filters, chosen or None)


async def bind(pool: Pool, catalogue: Catalogue, caller: Caller, wanted: list[Wanted]) -> list[Binding]:
    """The wanted subscriptions for this caller, all of them or :class:`BindingRefused`."""
    try:
        return await _bind(pool, await catalogue.tables(), caller, wanted)
    except BindingRefused:
        # Perhaps a table was published a moment ago, and the word of it is still on its way.
        catalogue.forget()
        return await _bind(pool, await catalogue.tables(), caller, wanted)


async def _bind(pool: Pool, tables: dict[Name, Table], caller: Caller, wanted: list[Wanted]) -> list[Binding]:
    bindings = []
    for one in wanted:
        found = [
            table
            for (schema, name), table in sorted(tables.items())
            if one.schema in ("*", schema) and one.table in ("*", name)
        ]
        if not found:
            raise BindingRefused(
                "Unable to subscribe to changes with given parameters. "
                f"Please check Realtime is enabled for the given connect parameters: {one}"
            )
        allowed = [table for table in found if table.key_readable(caller.role)]
        if not allowed:
            reason = "permission denied for table" if found[0].key else "no primary key in table"
            raise _impossible(one, f"{reason} {found[0].name[1]}")
        try:
            bindings += [await _bind_table(pool, table, caller, one) for table in allowed]
        except BadFilter as bad:
            raise _impossible(one, str(bad)) from None
    return bindings


async def _bind_table(pool: Pool, table: Table, caller: Caller, one: Wanted) -> Binding:
    readable = {column.name for column in table.readable(caller.role)}
    for name in sorted(one.select or ()):
        if name not in readable:
            raise BadFilter(f"invalid column for select {name}")
    on_key: list[Condition] = []
    on_row: list[Condition] = []
    for raw in one.filters:
        if raw.column not in readable:
            raise BadFilter(f"invalid column for filter {raw.column}")
        made = await _read_condition(pool, table, raw)
        (on_key if raw.column in table.key else on_row).append(made)
    return Binding(one.id, one.event, table.name, tuple(on_key), tuple(on_row), one.select)


async def _read_condition(pool: Pool, table: Table, raw: RawFilter) -> Condition:
    column = table.by_name[raw.column]
    if not takes(raw.operator, column.type_name, column.is_enum):
        raise BadFilter(f"operator {raw.operator} is not supported on column {raw.column} of type {column.type_name}")
    if raw.operator == "is":
        if raw.value != "null" and column.type_name != "bool":
            raise BadFilter(f"is {raw.value} filter requires a boolean column, got {column.type_name}")
        return condition(raw, column.type_name, None)
    array = "[]" if raw.operator == "in" else ""
    try:
        async with pool.connection() as conn:
            found = await conn.execute(
                "select realtime.read_value(%s, (format_type(%s::bigint::oid, null) || %s)::regtype)::text as read",
                [raw.value, column.type_oid, array],
            )
            row = await found.fetchone()
    except (psycopg.DataError, UnicodeEncodeError) as error:
        diag = error.diag.message_primary if isinstance(error, psycopg.Error) else None
        raise BadFilter(diag or "the value is no text that the database can hold") from None
    return condition(raw, column.type_name, parse_row(row["read"]) if row else None)


def _impossible(one: Wanted, reason: str) -> BindingRefused:
    return BindingRefused(
        "Unable to subscribe to changes with given parameters. "
        f"An exception happened so please check your connect parameters: {one}. Exception: {reason}"
    )
