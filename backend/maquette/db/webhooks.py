"""Webhooks: addresses of others' programs that are called when something happened in a project."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, get_args
from typing import Literal as OneOf
from uuid import UUID

from psycopg import sql

from maquette.db.rows import Connection, Page, Row, fetch_all, fetch_one, newest_first
from maquette.errors import NotFoundError, WrongStateError

Told = OneOf["run.completed", "run.failed", "run.cancelled", "model.created", "model.promoted", "export.created"]
TOLD: tuple[Told, ...] = get_args(Told)
"""What can be told. ``maquette.webhook_type`` in SQL names the same."""

MOST = 20
"""Webhooks of one owner: each is a call for each event."""

SECRET_BYTES = 32
PREVIOUS_SECRET_LASTS = timedelta(hours=24)
GONE = "the address answered 410 Gone"

_STATE: LiteralString = "case when disabled_at is null then 'active' else 'disabled' end as state"

_DISABLE = sql.SQL(
    "disabled_at = coalesce(disabled_at, now()), disabled_because = coalesce(disabled_because, 'its owner disabled it')"
)
_ENABLE = sql.SQL("disabled_at = null, disabled_because = null")


class WebhookNotFoundError(NotFoundError):
    """No such webhook of this owner."""

    code = "webhook_not_found"


class TooManyWebhooksError(WrongStateError):
    """One owner may have only so many."""

    code = "too_many_webhooks"


def new_secret() -> str:
    """A secret as Standard Webhooks writes it: ``whsec_`` and base64 of 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


async def create(
    conn: Connection, owner: UUID, *, url: str, types: Sequence[Told], project_id: UUID | None, description: str
) -> Row:
    """A new webhook with a secret. ``too_many_webhooks`` where the owner has :data:`MOST`."""
    # Two calls at once must not both find room.
    await conn.execute("select pg_advisory_xact_lock(hashtextextended('webhooks ' || %s::text, 0))", [owner])
    count = await fetch_one(conn, "select count(*) as n from maquette.webhooks where owner_id = %s", [owner])
    if count is not None and count["n"] >= MOST:
        raise TooManyWebhooksError(
            f"You have {MOST} webhooks, and more are not kept for one owner.",
            suggestion="Delete one with DELETE /api/v1/webhooks/{id}, or let one hear of all projects.",
        )
    row = await fetch_one(
        conn,
        "insert into maquette.webhooks (owner_id, project_id, url, description, types, secret)"
        " values (%s, %s, %s, %s, %s, %s) returning *, " + _STATE,
        [owner, project_id, url, description, list(types), new_secret()],
    )
    if row is None:
        raise RuntimeError("insert into webhooks returned no row")
    return row


async def get(conn: Connection, owner: UUID, webhook_id: UUID) -> Row:
    """A webhook with its ``state``. ``webhook_not_found`` where the owner has no such one."""
    row = await fetch_one(
        conn,
        "select *, " + _STATE + " from maquette.webhooks where id = %s and owner_id = %s",
        [webhook_id, owner],
    )
    if row is None:
        raise _not_found(webhook_id)
    return row


async def page(conn: Connection, owner: UUID, *, limit: int, cursor: str | None = None) -> Page:
    """The owner's webhooks, newest first, with their ``state``."""
    select: LiteralString = "select *, " + _STATE + " from maquette.webhooks where owner_id = %s"
    return await newest_first(conn, select, owner, "created_at", limit=limit, cursor=cursor)


async def change(conn: Connection, owner: UUID, webhook_id: UUID, values: Mapping[str, Any]) -> Row:
    """Set ``url``, ``description``, ``types``, or the state by ``disabled``. ``webhook_not_found`` otherwise."""
    parts: list[sql.Composable] = [
        sql.SQL("{} = %s").format(sql.Identifier(name)) for name in ("url", "description", "types") if name in values
    ]
    given = [values[name] for name in ("url", "description", "types") if name in values]
    if "disabled" in values:
        parts.append(_DISABLE if values["disabled"] else _ENABLE)
    if not parts:
        return await get(conn, owner, webhook_id)
    query = sql.SQL("update maquette.webhooks set {} where id = %s and owner_id = %s returning *, {}").format(
        sql.SQL(", ").join(parts), sql.SQL(_STATE)
    )
    row = await (await conn.execute(query, [*given, webhook_id, owner])).fetchone()
    if row is None:
        raise _not_found(webhook_id)
    return row


async def renew_secret(conn: Connection, owner: UUID, webhook_id: UUID) -> Row:
    """Another secret; the one before signs beside it for :data:`PREVIOUS_SECRET_LASTS`."""
    row = await fetch_one(
        conn,
        "update maquette.webhooks set previous_secret = secret, previous_secret_until = now() + %s, secret = %s"
        " where id = %s and owner_id = %s returning *, " + _STATE,
        [PREVIOUS_SECRET_LASTS, new_secret(), webhook_id, owner],
    )
    if row is None:
        raise _not_found(webhook_id)
    return row


async def delete(conn: Connection, owner: UUID, webhook_id: UUID) -> None:
    """With its deliveries. ``webhook_not_found`` where the owner has no such one."""
    rows = await fetch_all(
        conn, "delete from maquette.webhooks where id = %s and owner_id = %s returning id", [webhook_id, owner]
    )
    if not rows:
        raise _not_found(webhook_id)


async def disable(conn: Connection, webhook_id: UUID, because: str) -> None:
    """Tell it nothing from now on, until its owner enables it again."""
    await conn.execute(
        "update maquette.webhooks set disabled_at = now(), disabled_because = %s where id = %s and disabled_at is null",
        [because, webhook_id],
    )


def secrets_of(row: Row, now: datetime) -> list[str]:
    """What its calls are signed with at this moment, the newest first."""
    until: datetime | None = row["previous_secret_until"]
    return [row["secret"], *([row["previous_secret"]] if until is not None and now < until else [])]


def _not_found(webhook_id: UUID) -> WebhookNotFoundError:
    return WebhookNotFoundError(
        f"There is no webhook {webhook_id}.", suggestion="List yours with GET /api/v1/webhooks."
    )
