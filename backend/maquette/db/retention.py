"""What retention asks and writes: projects nobody touched lately, intermediates, and which objects rows know of.

Days are counted by the database's clock, never by a worker's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_all, fetch_one

# Every change of a run, a version, a photo or the name is an event, and an event touches its project (append_event).
# Runs are asked besides, for whoever sets updated_at by hand. Reading leaves no trace in the database: signed
# addresses are fetched from storage itself, so a download does not count.
_IDLE: LiteralString = (
    "select p.id, p.owner_id, p.name, t.touched_at from public.projects p cross join lateral (select greatest("
    "  p.updated_at, (select max(greatest(r.queued_at, r.started_at, r.finished_at)) from public.runs r"
    "   where r.project_id = p.id)) as touched_at) t"
    " where t.touched_at < now() - make_interval(days => %(days)s)"
    " and not exists (select from public.runs r where r.project_id = p.id and r.status in ('queued', 'running'))"
    # Whoever was given a link may come any day.
    " and (not %(unshared)s or not exists (select from public.share_links s where s.project_id = p.id"
    "  and s.revoked_at is null and (s.expires_at is null or s.expires_at > now())))"
)

PAGE = 200


async def idle(conn: Connection, days: int, *, unshared: bool, after: UUID | None) -> list[Row]:
    """Up to PAGE projects (``id``, ``owner_id``, ``name``, ``touched_at``) that nobody has touched for so long, by id.

    None of them has an unfinished run; with ``unshared`` none has a share link that still opens.
    """
    return await fetch_all(
        conn,
        _IDLE + " and p.id > %(after)s order by p.id limit %(limit)s",
        {"days": days, "unshared": unshared, "after": after or UUID(int=0), "limit": PAGE},
    )


async def hold(conn: Connection, project_id: UUID) -> Row | None:
    """Lock a project's row until the transaction ends, as a new step and a deletion do; None where it is gone."""
    return await fetch_one(conn, "select * from public.projects where id = %s for no key update", [project_id])


async def hold_idle(conn: Connection, project_id: UUID, days: int, *, unshared: bool) -> Row | None:
    """Lock a project that :func:`idle` named; None where it is gone, or was touched since."""
    if await hold(conn, project_id) is None:
        return None
    # Asked after the lock was got: a step that was called while we waited for it is seen.
    return await fetch_one(conn, _IDLE + " and p.id = %(id)s", {"days": days, "unshared": unshared, "id": project_id})


async def intermediates(conn: Connection, project_id: UUID, kinds: Sequence[str], *, limit: int | None) -> list[Row]:
    """Artifacts of these kinds (``id``, ``bucket``, ``path``, ``bytes``) whose objects are there and may go.

    Left out is what the promoted version and the newest one need to be looked at, exported and refined: their files,
    and the views with their masks and depths, cameras, points and lenses that count now of the generates they live in.
    """
    return await fetch_all(
        conn,
        """
        with kept as materialized (
            select m.* from public.gaussian_splat_models m where m.project_id = %(project)s
             and (m.promoted or m.version = (
              select max(n.version) from public.gaussian_splat_models n where n.project_id = %(project)s))
        ), views as materialized (
            select v.image_artifact_id, v.mask_artifact_id, v.prior_artifact_id, v.run_id, v.made_by_run_id
            from public.multiview_generation v
            where v.replaced_at is null and v.run_id in (select view_run_id from kept)
        ), needed (id) as (
            select unnest(array[model_artifact_id, filtered_artifact_id, checkpoint_artifact_id, preview_artifact_id])
            from kept
            union all select unnest(array[image_artifact_id, mask_artifact_id, prior_artifact_id]) from views
            union all select a.id from public.artifacts a where a.kind in ('cameras', 'sparse_points', 'lenses')
             and a.run_id in (select run_id from views union all select made_by_run_id from views)
        )
        select a.id, a.bucket, a.path, a.bytes from public.artifacts a
        where a.project_id = %(project)s and a.removed_at is null and a.kind = any(%(kinds)s)
          and not exists (select from needed n where n.id = a.id)
        order by a.bucket, a.path limit %(limit)s
        """,
        {"project": project_id, "kinds": list(kinds), "limit": limit},
    )


async def mark_removed(conn: Connection, artifact_ids: Iterable[UUID]) -> None:
    """Say that these objects are gone. Their rows stay, so that lineage can still be read."""
    await conn.execute(
        "update public.artifacts set removed_at = now() where id = any(%s) and removed_at is null",
        [list(artifact_ids)],
    )


async def now(conn: Connection) -> datetime:
    """The database's clock, which is the only one that decides anything."""
    row = await fetch_one(conn, "select clock_timestamp() as now", [])
    if row is None:
        raise RuntimeError("the database has no clock")
    moment: datetime = row["now"]
    return moment


async def projects_with_objects(conn: Connection) -> list[UUID]:
    """Projects that have rows of objects which should be there."""
    rows = await fetch_all(conn, "select distinct project_id from public.artifacts where removed_at is null", [])
    return [row["project_id"] for row in rows]


async def recorded(conn: Connection, project_id: UUID, bucket: str) -> dict[str, Row]:
    """``id`` and ``bytes`` of the objects that should be in a bucket, by path."""
    rows = await fetch_all(
        conn,
        "select id, path, bytes from public.artifacts where project_id = %s and bucket = %s and removed_at is null",
        [project_id, bucket],
    )
    return {row["path"]: row for row in rows}


async def known(conn: Connection, bucket: str, paths: Iterable[str]) -> set[str]:
    """Those of the paths that a row says hold an object."""
    rows = await fetch_all(
        conn,
        "select path from public.artifacts where bucket = %s and path = any(%s) and removed_at is null",
        [bucket, list(paths)],
    )
    return {row["path"] for row in rows}


async def name_of(conn: Connection, project_id: UUID) -> str | None:
    """How a project is called; None where there is none any more."""
    row = await fetch_one(conn, "select name from public.projects where id = %s", [project_id])
    return str(row["name"]) if row else None


async def claim_collection(conn: Connection) -> bool:
    """Whether a daily collection is due and nobody else is at it: held until the transaction ends.

    The transaction stays open meanwhile. A lock of the session would do, but not through a transaction pooler.
    """
    mine = await fetch_one(
        conn, "select pg_try_advisory_xact_lock(hashtextextended('maquette collection', 0)) as mine", []
    )
    if mine is None or not mine["mine"]:
        return False
    # Asked with the lock in hand. An hour less than a day, because workers ask once an hour.
    due = await fetch_one(
        conn,
        "select coalesce(collected_at < now() - interval '23 hours', true) as due from public.installation",
        [],
    )
    return bool(due and due["due"])


async def note_collection(conn: Connection) -> None:
    """The next one is due in a day."""
    await conn.execute("update public.installation set collected_at = clock_timestamp()")
