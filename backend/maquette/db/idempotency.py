"""What each Idempotency-Key was answered with, for as long as keys are honoured."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from maquette.db.rows import Connection, Row, fetch_one

LIFETIME = timedelta(hours=24)


async def find(conn: Connection, scope: UUID, call: str, key: str) -> Row | None:
    """What was ``asked`` with this key and ``made`` for it; until the transaction ends, no other call gets by here."""
    await conn.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{scope} {call} {key}"])
    return await fetch_one(
        conn,
        "select asked, made from maquette.idempotency_keys"
        " where scope = %s and call = %s and key = %s and created_at > now() - %s",
        [scope, call, key, LIFETIME],
    )


async def keep(
    conn: Connection, scope: UUID, call: str, key: str, *, project_id: UUID, asked: dict[str, Any], made: UUID
) -> None:
    """Remember a key that :func:`find` did not find, and forget the old ones of the same scope."""
    await conn.execute(
        "delete from maquette.idempotency_keys where scope = %s and created_at <= now() - %s", [scope, LIFETIME]
    )
    await conn.execute(
        "insert into maquette.idempotency_keys (scope, call, key, project_id, asked, made)"
        " values (%s, %s, %s, %s, %s, %s)",
        [scope, call, key, project_id, Jsonb(asked), made],
    )
