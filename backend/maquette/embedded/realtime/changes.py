"""A change as it was notified, and as it is told."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from maquette.embedded.realtime.catalogue import Name, Table
from maquette.embedded.realtime.filters import parse_row

MOST_RECORD_BYTES = 1024 * 1024
MOST_FIELD_BYTES = 64
"""Of a larger record only fields up to this size are told, with an error, as the real service does."""


@dataclass(frozen=True)
class Change:
    """``key`` and ``old_key`` hold values in the order of the primary key; ``old_key`` only where it changed."""

    table: Name
    type: str
    key: tuple[Any, ...]
    old_key: tuple[Any, ...] | None
    committed_at: str
    """When this process heard of the commit, which is within milliseconds: UTC, milliseconds, Z."""


@dataclass(frozen=True)
class Row:
    """A row as one viewer sees it: its JSON, or the SQLSTATE of why it could not be read."""

    record: str | None
    failure: str | None = None

    def values(self) -> dict[str, Any]:
        """The row as filters read it."""
        return dict(parse_row(self.record)) if self.record is not None else {}


def moment_now() -> str:
    """A time as Supabase writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def describe(change: Change, table: Table, role: str, select: frozenset[str] | None, row: Row | None) -> str:
    """The ``data`` of a message, as JSON text."""
    parts = {
        "schema": json.dumps(change.table[0]),
        "table": json.dumps(change.table[1]),
        "type": json.dumps(change.type),
        "commit_timestamp": json.dumps(change.committed_at),
        "errors": "null",
        "columns": table.columns_json(role, select),
    }
    if row is not None and row.failure is not None:
        refused = row.failure == "42501"
        what = "401: Unauthorized" if refused else "500: Internal Server Error, RLS policy evaluation failed"
        parts |= {"errors": json.dumps([f"Error {what}"]), "columns": "[]", "record": "{}"}
    elif row is not None and row.record is not None:
        parts["record"] = _chosen(row.record, select, table)
        if len(row.record) > MOST_RECORD_BYTES:
            parts["errors"] = json.dumps(["Error 413: Payload Too Large"])
    if change.type != "INSERT":
        old = change.key if change.old_key is None else change.old_key
        parts["old_record"] = json.dumps(dict(zip(table.key, old, strict=True)))
    return "{" + ",".join(f'"{name}":{text}' for name, text in parts.items()) + "}"


def _chosen(record: str, select: frozenset[str] | None, table: Table) -> str:
    if select is None and len(record) <= MOST_RECORD_BYTES:
        return record
    # Number by number as Postgres wrote it: a float would round what numeric and bigint hold.
    fields = json.loads(record, parse_float=_Verbatim, parse_int=_Verbatim)
    kept = {}
    for name, value in fields.items():
        text = value if isinstance(value, _Verbatim) else json.dumps(value, default=str)
        small = len(record) <= MOST_RECORD_BYTES or len(text) <= MOST_FIELD_BYTES
        if small and (select is None or name in select or name in table.key):
            kept[name] = text
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in kept.items()) + "}"


class _Verbatim(str):
    """A number's own digits."""

    __slots__ = ()
