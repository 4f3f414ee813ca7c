"""What was made from photos that have been replaced since, and what waits to be made again.

Derived from lineage by the SQL function ``stale_artifacts`` each time it is asked; nothing of it is stored.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_all, fetch_one

_SHOWN_BY = {
    "images": "processed_artifact_id",
    "views": "image_artifact_id",
    "depth-maps": "view_artifact_id",
    "models": "model_artifact_id",
}
"""The artifact whose staleness a row of each noun shows. A depth map is as old as its view."""

Because = list[dict[str, Any]]


async def stale_artifacts(conn: Connection, project_id: UUID) -> dict[UUID, Because]:
    """For each stale artifact the photos that have been replaced since: ``image_index``, ``image_id``, ``filename``,
    ``replaced_at``.
    """
    rows = await fetch_all(conn, "select artifact_id, stale_because from public.stale_artifacts(%s)", [project_id])
    return {row["artifact_id"]: row["stale_because"] for row in rows}


async def mark(conn: Connection, project_id: UUID, noun: str, rows: list[Row]) -> list[Row]:
    """The rows with ``stale`` and ``stale_because``, where the noun has them."""
    if noun not in _SHOWN_BY or not rows:
        return rows
    found = await stale_artifacts(conn, project_id)
    because = [found.get(row[_SHOWN_BY[noun]]) for row in rows]
    return [
        {**row, "stale": why is not None, "stale_because": why or []} for row, why in zip(rows, because, strict=True)
    ]


async def summary(conn: Connection, project_id: UUID) -> Row:
    """Names of stale ``views`` and of the views of stale ``depth_maps``, and the versions of stale ``models``; of what
    counts now.
    """
    row = await fetch_one(
        conn,
        "with stale as materialized (select artifact_id from public.stale_artifacts(%(id)s)), views as ("
        " select v.id, v.name from public.multiview_generation v join stale s on s.artifact_id = v.image_artifact_id"
        " where v.project_id = %(id)s and v.replaced_at is null)"
        " select array(select distinct name from views order by name) as views,"
        " array(select distinct v.name from views v join public.depth_maps d on d.view_id = v.id order by v.name)"
        "  as depth_maps,"
        " array(select m.version from public.gaussian_splat_models m"
        "  join stale s on s.artifact_id = m.model_artifact_id where m.project_id = %(id)s order by m.version)"
        "  as models",
        {"id": project_id},
    )
    return row or {"views": [], "depth_maps": [], "models": []}


async def views_to_renew(conn: Connection, view_run_id: UUID) -> list[Row]:
    """The views of a generate whose photo is another one now: ``view_index``, ``name``, and of the new photo
    ``image_index``, ``filename``, ``focal_px``, ``sha256`` and ``artifact``.
    """
    return await fetch_all(
        conn,
        "select v.view_index, v.name, now.image_index, now.filename, now.focal_px, now.sha256, to_jsonb(a) as artifact"
        " from public.multiview_generation v"
        " join public.source_images made_of on made_of.id = v.source_image_id"
        " join public.source_images now on now.project_id = made_of.project_id"
        "  and now.image_index = made_of.image_index and now.replaced_at is null"
        " join public.artifacts a on a.id = now.processed_artifact_id"
        # The same picture sent again is the same object.
        " where v.run_id = %s and v.replaced_at is null and a.id is distinct from made_of.processed_artifact_id"
        " order by v.view_index",
        [view_run_id],
    )


async def views_without_depth(conn: Connection, view_run_id: UUID) -> list[str]:
    """Names of views that were made again and have no depth map yet."""
    rows = await fetch_all(
        conn,
        "select v.name from public.multiview_generation v where v.run_id = %s and v.replaced_at is null"
        " and v.generation > 0 and not exists (select from public.depth_maps d where d.view_id = v.id)"
        " order by v.view_index",
        [view_run_id],
    )
    return [str(row["name"]) for row in rows]
