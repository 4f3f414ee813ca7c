"""Share links: a key that lets whoever has it look at one model of a project."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from maquette.db.rows import Connection, Page, Row, fetch_all, fetch_one, insert, newest_first
from maquette.errors import MaquetteError, NotFoundError

# 32 random bytes. At a million guesses a second, somebody would need longer than the universe is old to find one of a
# million links, so guessing needs no further guard.
KEY_BYTES = 32
_KEY = re.compile("[A-Za-z0-9_-]{43}")

_STATE: LiteralString = (
    "case when revoked_at is not null then 'revoked' when expires_at <= now() then 'expired' else 'active' end as state"
)


class ShareNotFoundError(NotFoundError):
    """No such link."""

    code = "share_not_found"


class ShareRevokedError(MaquetteError):
    """The owner took the link back."""

    code = "share_revoked"
    status = 410


class ShareExpiredError(MaquetteError):
    """The link was for a while, and that is over."""

    code = "share_expired"
    status = 410


async def create(
    conn: Connection,
    project_id: UUID,
    *,
    title: str,
    version: int | None,
    allow_download: bool,
    expires_at: datetime | None,
) -> Row:
    """A new link. ``version`` None: whichever version is promoted when somebody looks."""
    row = await insert(
        conn,
        "share_links",
        {
            "project_id": project_id,
            "share_key": secrets.token_urlsafe(KEY_BYTES),
            "title": title,
            "version": version,
            "allow_download": allow_download,
            "expires_at": expires_at,
        },
    )
    return {**row, "state": "active"}


async def get(conn: Connection, project_id: UUID, share_id: UUID) -> Row:
    """A link of a project, with its ``state``. ``share_not_found`` where the project has no such link."""
    row = await fetch_one(
        conn,
        "select *, " + _STATE + " from public.share_links where id = %s and project_id = %s",
        [share_id, project_id],
    )
    if row is None:
        raise _not_found(share_id)
    return row


async def page(conn: Connection, project_id: UUID, *, limit: int, cursor: str | None = None) -> Page:
    """The links of a project, newest first, with their ``state``."""
    select: LiteralString = "select *, " + _STATE + " from public.share_links where project_id = %s"
    return await newest_first(conn, select, project_id, "created_at", limit=limit, cursor=cursor)


async def revoke(conn: Connection, project_id: UUID, share_id: UUID) -> None:
    """End a link, for good; again changes nothing. ``share_not_found`` where the project has no such link."""
    row = await fetch_one(
        conn,
        "update public.share_links set revoked_at = coalesce(revoked_at, now())"
        " where id = %s and project_id = %s returning id",
        [share_id, project_id],
    )
    if row is None:
        raise _not_found(share_id)


def _not_found(share_id: UUID) -> ShareNotFoundError:
    return ShareNotFoundError(
        f"This project has no share link {share_id}.",
        suggestion="List the links with GET /api/v1/projects/{id}/shares.",
    )


async def by_key(conn: Connection, share_key: str) -> Row:
    """The link with this key. ``share_not_found``, ``share_revoked`` or ``share_expired`` where it opens nothing."""
    row = await _by_key(conn, share_key) if _KEY.fullmatch(share_key) else None
    if row is None:
        raise ShareNotFoundError("There is no such share link.", suggestion="Check that the link was copied whole.")
    if row["state"] == "revoked":
        raise ShareRevokedError("This link was taken back by its owner.", suggestion="Ask them for a new one.")
    if row["state"] == "expired":
        raise ShareExpiredError("This link has expired.", suggestion="Ask whoever sent it for a new one.")
    return row


async def _by_key(conn: Connection, share_key: str) -> Row | None:
    return await fetch_one(conn, "select *, " + _STATE + " from public.share_links where share_key = %s", [share_key])


async def note_view(conn: Connection, share_id: UUID) -> None:
    """Remember that somebody looked, at most once a minute."""
    await conn.execute(
        "update public.share_links set last_viewed_at = now()"
        " where id = %s and coalesce(last_viewed_at < now() - interval '1 minute', true)",
        [share_id],
    )


NOT_SHARED = ("bundle", "colmap")
"""Formats whose files hold the photos, or the whole project: a link shows one model and no photos."""


async def files(conn: Connection, project_id: UUID, version: int) -> list[Row]:
    """``format``, ``bytes``, ``bucket`` and ``path`` of a version: the model itself and its newest exports, without
    those that hold more than the model.
    """
    return await fetch_all(
        conn,
        "select distinct on (format) format, bytes, bucket, path from ("
        " select e.format, a.bytes, a.bucket, a.path, e.created_at, false as whole"
        " from public.export_history e join public.artifacts a on a.id = e.artifact_id"
        " where e.project_id = %(project)s and e.version = %(version)s and a.removed_at is null"
        " and e.format <> all(%(private)s)"
        " union all"
        " select reverse(split_part(reverse(a.path), '.', 1)), a.bytes, a.bucket, a.path, m.created_at, true"
        " from public.gaussian_splat_models m join public.artifacts a on a.id = m.model_artifact_id"
        " where m.project_id = %(project)s and m.version = %(version)s and a.removed_at is null) found"
        # Of what was exported in the model's own format, perhaps cropped, none takes the place of the model.
        " order by format, whole desc, created_at desc",
        {"project": project_id, "version": version, "private": list(NOT_SHARED)},
    )
