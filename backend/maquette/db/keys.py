"""Keys of programs, by the SHA-256 of each; the keys themselves are kept nowhere."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg import errors

from maquette.db.rows import Connection, Row, fetch_all, fetch_one
from maquette.errors import BadInputError, NotFoundError
from maquette.machine_keys import SHOWN, hash_of


class KeyNotFoundError(NotFoundError):
    """No such key."""

    code = "key_not_found"


class UserNotFoundError(BadInputError):
    """A key should act for somebody who has no account."""

    code = "user_not_found"


async def create(conn: Connection, key: str, name: str, owner_id: UUID, expires_at: datetime | None = None) -> Row:
    """Remember a new key of a user. ``user_not_found`` where there is no such user."""
    try:
        row = await fetch_one(
            conn,
            "insert into maquette.api_keys (owner_id, name, key_sha256, key_prefix, expires_at)"
            " values (%s, %s, %s, %s, %s) returning *",
            [owner_id, name, hash_of(key), key[:SHOWN], expires_at],
        )
    except errors.ForeignKeyViolation:
        raise _no_user(str(owner_id)) from None
    if row is None:
        raise RuntimeError("insert into api_keys returned no row")
    return row


async def user_named(conn: Connection, who: str) -> UUID:
    """The id of the user with this id or e-mail address. ``user_not_found`` otherwise."""
    row = await fetch_one(conn, "select id from auth.users where id::text = lower(%s) or email = lower(%s)", [who, who])
    if row is None:
        raise _no_user(who)
    return UUID(str(row["id"]))


def _no_user(who: str) -> UserNotFoundError:
    return UserNotFoundError(
        f"There is no user {who}.", suggestion="Give the e-mail address or the id of a user who has signed up."
    )


async def valid(conn: Connection, sha256: str) -> Row | None:
    """``id``, ``owner_id`` and ``expires_at`` of the key with this hash, where it opens anything now.

    One look-up in the unique index. That comparison takes its time by the hash, of which nobody can choose the
    beginning without knowing the key, so it tells nothing. Notes the use, at most once a minute.
    """
    row = await fetch_one(
        conn,
        "select id, owner_id, expires_at,"
        " coalesce(last_used_at < now() - interval '1 minute', true) as unnoted"
        " from maquette.api_keys where key_sha256 = %s and revoked_at is null"
        " and (expires_at is null or expires_at > now())",
        [sha256],
    )
    if row is not None and row.pop("unnoted"):
        # Another process may be noting the same use: whoever comes second finds nothing to do.
        await conn.execute(
            "update maquette.api_keys set last_used_at = now()"
            " where id = %s and coalesce(last_used_at < now() - interval '1 minute', true)",
            [row["id"]],
        )
    return row


async def everyone(conn: Connection) -> list[Row]:
    """All keys with the ``email`` of their users, newest first, and a ``state``: active, expired or revoked."""
    return await fetch_all(
        conn,
        "select k.id, k.owner_id, u.email, k.name, k.key_prefix, k.created_at, k.last_used_at, k.expires_at,"
        " k.revoked_at, case when k.revoked_at is not null then 'revoked'"
        " when k.expires_at <= now() then 'expired' else 'active' end as state"
        " from maquette.api_keys k join auth.users u on u.id = k.owner_id order by k.created_at desc, k.id",
        [],
    )


async def revoke(conn: Connection, which: str) -> Row:
    """Revoke the key with this id or shown prefix, for good; again changes nothing. ``key_not_found`` otherwise."""
    row = await fetch_one(
        conn,
        "update maquette.api_keys set revoked_at = coalesce(revoked_at, now())"
        " where id::text = lower(%s) or key_prefix = %s returning *",
        [which, which],
    )
    if row is None:
        raise KeyNotFoundError(
            f"There is no key {which}.", suggestion="List the keys with `maquette keys list` and give the id of one."
        )
    return row
