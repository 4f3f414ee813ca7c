"""What two versions of a project have in common, and the numbers that tell them apart."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from maquette.db.rows import Connection, Row, fetch_all


async def parents(conn: Connection, project_id: UUID) -> dict[int, int | None]:
    """The tree of versions: the parent of each."""
    rows = await fetch_all(
        conn, "select version, parent_version from public.gaussian_splat_models where project_id = %s", [project_id]
    )
    return {row["version"]: row["parent_version"] for row in rows}


def way_between(parents: Mapping[int, int | None], a: int, b: int) -> tuple[int | None, list[int]]:
    """The newest common ancestor of two versions (one of them, where that is it), and the way from ``a`` over it to
    ``b``, both included. Of two trees: None, and no way.
    """
    up, down = _ancestors(parents, a), _ancestors(parents, b)
    common = next((version for version in up if version in down), None)
    if common is None:
        return None, []
    return common, [*up[: up.index(common)], *reversed(down[: down.index(common) + 1])]


def _ancestors(parents: Mapping[int, int | None], version: int) -> list[int]:
    """A version, its parent, and so on."""
    line: list[int] = []
    at: int | None = version
    while at is not None:
        line.append(at)
        at = parents[at]
    return line


async def metrics(conn: Connection, model: Row) -> list[Row]:
    """What was measured of a version on each view by ``split`` and ``name``, with the ``eval_set_id`` of held-out ones.

    By name, because the index of a view belongs to one generate alone. ``photo`` is the one that the version was made
    of, which another may have replaced since.
    """
    return await fetch_all(
        conn,
        "select m.split, m.eval_set_id, m.view_index, v.name, v.photo, m.psnr, m.ssim, m.lpips, m.depth_consistency"
        " from public.refinement_metrics m"
        " cross join lateral (select g.name, g.source_image_id as photo from public.multiview_generation g"
        "  where g.run_id = %s and g.view_index = m.view_index order by exists (select from public.artifact_inputs i"
        "   where i.artifact_id = %s and i.input_artifact_id = g.image_artifact_id) desc, g.generation desc limit 1) v"
        " where m.project_id = %s and m.version = %s order by v.name",
        [model["view_run_id"], model["model_artifact_id"], model["project_id"], model["version"]],
    )


async def held_out_photos(conn: Connection, view_run_id: UUID) -> list[Row]:
    """The held-out views of one generate by name, each with its picture."""
    return await fetch_all(
        conn,
        "select v.view_index, v.name, jsonb_build_object('photo', jsonb_build_object('id', a.id, 'bucket', a.bucket,"
        " 'path', a.path, 'removed_at', a.removed_at)) as objects from public.multiview_generation v"
        " left join public.artifacts a on a.id = v.image_artifact_id"
        " where v.run_id = %s and v.split = 'held_out' and v.replaced_at is null order by v.name",
        [view_run_id],
    )
