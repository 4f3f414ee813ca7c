"""Deliveries: what was or is to be told to webhooks. Events bring them in by a trigger, in their own transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import LiteralString
from uuid import UUID

from maquette.db.rows import Connection, Page, Row, fetch_all, fetch_one, newest_first
from maquette.errors import NotFoundError, WrongStateError

KEPT_DAYS = 30
TEST = "test"


class DeliveryNotFoundError(NotFoundError):
    """No such delivery of this webhook."""

    code = "delivery_not_found"


class DeliveryWaitsError(WrongStateError):
    """It is still being tried."""

    code = "delivery_waits"


async def add_test(conn: Connection, webhook_id: UUID) -> Row:
    """Something to tell that means nothing, for trying a webhook out."""
    row = await fetch_one(
        conn,
        "insert into maquette.webhook_deliveries (webhook_id, type, payload)"
        " values (%s, %s, jsonb_build_object('type', %s::text, 'timestamp', now(), 'data', '{}'::jsonb)) returning *",
        [webhook_id, TEST, TEST],
    )
    if row is None:
        raise RuntimeError("insert into webhook_deliveries returned no row")
    await wake(conn)
    return row


async def wake(conn: Connection) -> None:
    """Tell whoever delivers that something is due."""
    await conn.execute("select pg_notify('maquette_webhooks', '')")


async def page(conn: Connection, webhook_id: UUID, *, limit: int, cursor: str | None = None) -> Page:
    """Deliveries of a webhook, newest first."""
    select: LiteralString = "select * from maquette.webhook_deliveries where webhook_id = %s"
    return await newest_first(conn, select, webhook_id, "created_at", limit=limit, cursor=cursor)


async def again(conn: Connection, webhook_id: UUID, delivery_id: UUID) -> Row:
    """Deliver once more what was delivered or given up. ``delivery_not_found``; ``delivery_waits``."""
    row = await fetch_one(
        conn,
        "select status, next_attempt_at from maquette.webhook_deliveries where id = %s and webhook_id = %s for update",
        [delivery_id, webhook_id],
    )
    if row is None:
        raise DeliveryNotFoundError(
            f"This webhook has no delivery {delivery_id}.",
            suggestion="List them with GET /api/v1/webhooks/{id}/deliveries.",
        )
    if row["status"] == "waiting":
        raise DeliveryWaitsError(
            "This delivery is still being tried.", suggestion=f"The next attempt comes at {row['next_attempt_at']}."
        )
    renewed = await fetch_one(
        conn,
        "update maquette.webhook_deliveries set status = 'waiting', attempts = 0, next_attempt_at = now()"
        " where id = %s returning *",
        [delivery_id],
    )
    if renewed is None:
        raise RuntimeError("a locked delivery is gone")
    await wake(conn)
    return renewed


async def take_due(conn: Connection, limit: int, hold: timedelta) -> list[Row]:
    """Up to ``limit`` deliveries whose moment has come, with their webhook's address and secrets.

    They are ours for as long as ``hold``: another server takes them only when we have not said how they went by then.
    An attempt counts from here, so that one that kills its server does not come back for ever.
    """
    return await fetch_all(
        conn,
        "with due as (select d.id from maquette.webhook_deliveries d"
        " join maquette.webhooks w on w.id = d.webhook_id and (w.disabled_at is null or d.type = 'test')"
        " where d.status = 'waiting' and d.next_attempt_at <= now()"
        " order by d.next_attempt_at limit %s for update of d skip locked)"
        " update maquette.webhook_deliveries d"
        " set next_attempt_at = now() + %s, attempts = attempts + 1, last_attempt_at = now()"
        " from due, maquette.webhooks w where d.id = due.id and w.id = d.webhook_id"
        " returning d.id, d.webhook_id, d.type, d.payload, d.attempts, w.url, w.secret, w.previous_secret,"
        " w.previous_secret_until",
        [limit, hold],
    )


async def seconds_to_next(conn: Connection) -> float | None:
    """How long until one is due, none of the disabled; None: none waits."""
    row = await fetch_one(
        conn,
        "select extract(epoch from min(d.next_attempt_at) - now())::float as seconds"
        " from maquette.webhook_deliveries d join maquette.webhooks w on w.id = d.webhook_id"
        " where d.status = 'waiting' and (w.disabled_at is null or d.type = 'test')",
        [],
    )
    return None if row is None or row["seconds"] is None else float(row["seconds"])


async def note(
    conn: Connection,
    delivery_id: UUID,
    *,
    attempts: int,
    status: str,
    wait: timedelta | None,
    answered_status: int | None,
    answered_after_s: float,
    error: str | None,
) -> None:
    """How an attempt went. Nothing changes where another attempt was begun meanwhile."""
    await conn.execute(
        "update maquette.webhook_deliveries set status = %s, next_attempt_at = now() + coalesce(%s, interval '0'),"
        " answered_status = %s, answered_after_s = %s, error = %s"
        " where id = %s and attempts = %s and status = 'waiting'",
        [status, wait, answered_status, answered_after_s, error, delivery_id, attempts],
    )


async def forget_old(conn: Connection) -> None:
    """Remove what was told or given up long ago, and what disabled webhooks would have been told."""
    await conn.execute(
        "delete from maquette.webhook_deliveries d where d.created_at < now() - make_interval(days => %s)"
        " and (d.status <> 'waiting' or exists (select 1 from maquette.webhooks w"
        " where w.id = d.webhook_id and w.disabled_at is not null))",
        [KEPT_DAYS],
    )
