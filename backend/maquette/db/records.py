"""The rows that belong to a project, as lists for a reader: each with the bucket and path of its objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString
from uuid import UUID

from maquette.db import staleness
from maquette.db.rows import Connection, Page, Row, decode_cursor, encode_cursor, fetch_all, fetch_one
from maquette.errors import GoneError, NotFoundError, WrongStateError


class VersionNotFoundError(NotFoundError):
    """The project has no such model version."""

    code = "version_not_found"


class NotGeneratedError(WrongStateError):
    """The project has no model yet."""

    code = "nothing_generated"


class ExportNotFoundError(NotFoundError):
    """No such export."""

    code = "export_not_found"


class FileRemovedError(GoneError):
    """The record is there, but its file was removed: it had its time, or storage has lost it."""

    code = "file_removed"


# One query a noun. Joins name the project too, or Postgres may think it cheaper to read everybody's rows.
# `objects` collects {name: {bucket, path, bytes, sha256, mime, removed_at}} so that the API can sign them.
_OBJECT: LiteralString = (
    "jsonb_build_object('id', {a}.id, 'bucket', {a}.bucket, 'path', {a}.path, 'bytes', {a}.bytes,"
    " 'sha256', {a}.sha256, 'mime', {a}.mime, 'removed_at', {a}.removed_at)"
)


def object_of(alias: LiteralString) -> LiteralString:
    """An entry of ``objects``, by the alias that public.artifacts has in the query."""
    return _OBJECT.replace("{a}", alias)


EXPECTED_QUALITY: LiteralString = (
    "(select jsonb_object_agg(e.quality_class, jsonb_build_object('psnr', e.psnr, 'ssim', e.ssim))"
    " from public.expected_quality() e)"
)
"""``{"normal": {"psnr", "ssim"}, "warning": …}``: what each class asks for, said beside the numbers."""

_LISTS: dict[str, tuple[LiteralString, LiteralString]] = {
    "images": (
        "select t.*, jsonb_build_object('original', "
        + object_of("o")
        + ", 'processed', "
        + object_of("p")
        + ", 'mask', "
        + object_of("m")
        + ") as objects"
        " from public.source_images t left join public.artifacts o on o.id = t.original_artifact_id"
        " left join public.artifacts p on p.id = t.processed_artifact_id"
        " left join public.artifacts m on m.id = t.mask_artifact_id",
        "image_index",
    ),
    "views": (
        "select t.*, jsonb_build_object('image', " + object_of("i") + ") as objects"
        " from public.multiview_generation t left join public.artifacts i on i.id = t.image_artifact_id",
        "view_index",
    ),
    "depth-maps": (
        "select t.*, v.view_index, v.name, v.image_artifact_id as view_artifact_id, jsonb_build_object('depth', "
        + object_of("d")
        + ", 'heatmap', "
        + object_of("h")
        + ") as objects"
        " from public.depth_maps t"
        " join public.multiview_generation v on v.id = t.view_id and v.project_id = t.project_id"
        " left join public.artifacts d on d.id = t.depth_artifact_id"
        " left join public.artifacts h on h.id = t.heatmap_artifact_id",
        "view_index",
    ),
    "models": (
        "select t.*, public.quality_class(t.psnr, t.ssim) as quality_class, "
        + EXPECTED_QUALITY
        + " as expected_quality, jsonb_build_object('model', "
        + object_of("m")
        + ", 'unfiltered', "
        + object_of("u")
        + ", 'filtered', "
        + object_of("f")
        + ", 'checkpoint', "
        + object_of("c")
        + ", 'preview', "
        + object_of("p")
        + ") as objects"
        " from public.gaussian_splat_models t join public.artifacts m on m.id = t.model_artifact_id"
        " left join public.artifacts u on u.id = t.unfiltered_artifact_id"
        " left join public.artifacts f on f.id = t.filtered_artifact_id"
        " left join public.artifacts c on c.id = t.checkpoint_artifact_id"
        " left join public.artifacts p on p.id = t.preview_artifact_id",
        "version",
    ),
    "iterations": ("select t.*, '{}'::jsonb as objects from public.enhancement_iterations t", "version"),
    "enhanced-views": (
        "select t.*, i.run_id, i.version, i.iteration, v.view_index, v.name, jsonb_build_object('rendered', "
        + object_of("r")
        + ", 'enhanced', "
        + object_of("e")
        + ", 'confidence', "
        + object_of("c")
        + ") as objects"
        " from public.enhanced_views t"
        " join public.enhancement_iterations i on i.id = t.iteration_id and i.project_id = t.project_id"
        " join public.multiview_generation v on v.id = t.view_id and v.project_id = t.project_id"
        " left join public.artifacts r on r.id = t.rendered_artifact_id"
        " left join public.artifacts e on e.id = t.enhanced_artifact_id"
        " left join public.artifacts c on c.id = t.confidence_artifact_id",
        "version * 100000 + t.view_index",
    ),
    "metrics": (
        "select t.*, '{}'::jsonb as objects from public.refinement_metrics t",
        "version * 100000 + coalesce(t.view_index, -1)",
    ),
    "losses": ("select t.*, '{}'::jsonb as objects from public.training_losses t", "version"),
    "meshes": (
        "select t.*, (select jsonb_object_agg(f.name, "
        + object_of("a")
        + ") from public.mesh_files f join public.artifacts a on a.id = f.artifact_id"
        " where f.mesh_id = t.id and f.project_id = t.project_id) as objects from public.meshes t",
        "version",
    ),
    "exports": (
        "select t.*, round(t.bytes / 1e6, 3)::float8 as file_size_mb, jsonb_build_object('file', "
        + object_of("f")
        + ") as objects"
        " from public.export_history t join public.artifacts f on f.id = t.artifact_id",
        "0",
    ),
}

_CURRENT: dict[str, LiteralString] = {
    "images": " and t.replaced_at is null",
    "views": " and t.replaced_at is null",
    "depth-maps": " and v.replaced_at is null",
}
"""What leaves out rows that newer ones have replaced."""

LISTS = tuple(_LISTS)
"""Nouns that :func:`page` knows."""


async def page(
    conn: Connection, noun: str, project_id: UUID, *, limit: int, cursor: str | None = None, history: bool = False
) -> Page:
    """Rows of a noun in LISTS, in their natural order (index or version), then by age and id.

    ``history``: also those that newer ones have replaced.
    """
    select, order = _LISTS[noun]
    key, created, row_id = decode_cursor(cursor, 3) if cursor else ("-1", "-infinity", str(UUID(int=0)))
    query: LiteralString = (
        "select * from (select q.*, ("
        + order.replace("t.", "q.")
        + ")::bigint as sort_key from ("
        + select
        + " where t.project_id = %s"
        + ("" if history else _CURRENT.get(noun, ""))
        + ") q) s where (sort_key, created_at, id) > (%s::bigint, %s::timestamptz, %s::uuid)"
        " order by sort_key, created_at, id limit %s"
    )
    rows = await fetch_all(conn, query, [project_id, key, created, row_id, limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    following = None
    if more:
        last = rows[-1]
        following = encode_cursor(last["sort_key"], last["created_at"].isoformat(), last["id"])
    for row in rows:
        del row["sort_key"]
    return Page(await staleness.mark(conn, project_id, noun, rows), following)


async def model(conn: Connection, project_id: UUID, version: int | None) -> Row:
    """A model version, the promoted one where ``version`` is None, with its objects."""
    base = _LISTS["models"][0]
    if version is None:
        row = await fetch_one(conn, base + " where t.project_id = %s and t.promoted", [project_id])
    else:
        row = await fetch_one(conn, base + " where t.project_id = %s and t.version = %s", [project_id, version])
    if row is not None:
        return row
    any_version = await fetch_one(
        conn, "select max(version) as newest from public.gaussian_splat_models where project_id = %s", [project_id]
    )
    if any_version is None or any_version["newest"] is None:
        raise NotGeneratedError(
            "This project has no model yet.", suggestion="Call POST /api/v1/generate/{project_id} first."
        )
    raise VersionNotFoundError(
        f"This project has no model version {version}; the newest is {any_version['newest']}.",
        suggestion="List the versions with GET /api/v1/projects/{id}/models.",
    )


def still_there(objects: Mapping[str, Any], needed: Mapping[str, str], *, suggestion: str) -> None:
    """``file_removed`` where one of the objects that a call needs is gone; ``needed``: what a reader calls each."""
    for name, called in needed.items():
        removed_at = objects[name]["removed_at"]
        if removed_at is not None:
            raise FileRemovedError(
                f"{called} was removed on {removed_at[:10]}.", suggestion=suggestion, file=name, removed_at=removed_at
            )


async def mesh(conn: Connection, project_id: UUID, version: int, preset: str, *, filtered: bool) -> Row | None:
    """The mesh of a version, with its objects; None where none was made, or some of its files have gone."""
    row = await fetch_one(
        conn,
        _LISTS["meshes"][0] + " where t.project_id = %s and t.version = %s and t.preset = %s and t.filtered = %s",
        [project_id, version, preset, filtered],
    )
    return None if row is None or any(one["removed_at"] for one in row["objects"].values()) else row


async def scene_still_there(conn: Connection, model: Row, *, suggestion: str) -> None:
    """``file_removed`` where the views that a version was trained on have gone, or one of them."""
    row = await fetch_one(
        conn,
        "select to_jsonb(min(a.removed_at)) #>> '{}' as removed_at from public.multiview_generation v"
        " join public.artifacts a on a.id = v.image_artifact_id where v.run_id = %s and v.replaced_at is null",
        [model["view_run_id"]],
    )
    views = {"views": row or {"removed_at": None}}
    still_there(views, {"views": f"What version {model['version']} was trained on"}, suggestion=suggestion)


async def photos_still_there(conn: Connection, project_id: UUID) -> None:
    """``file_removed`` where storage has lost a photo that a generate would use."""
    row = await fetch_one(
        conn,
        "select i.image_index, to_jsonb(a.removed_at) #>> '{}' as removed_at from public.source_images i"
        " join public.artifacts a on a.id = i.processed_artifact_id where i.project_id = %s and i.replaced_at is null"
        " and i.verdict <> 'rejected' and a.removed_at is not null order by i.image_index limit 1",
        [project_id],
    )
    if row is not None:
        suggestion = f"Send it again with PUT /api/v1/projects/{{id}}/images/{row['image_index']}."
        still_there({"processed": row}, {"processed": f"Photo {row['image_index']}"}, suggestion=suggestion)


async def promote(conn: Connection, project_id: UUID, version: int) -> Row:
    """Make a version the project's chosen one; of two at the same time the later one stays."""
    # Two that each see the old choice would both set their own, and one would break on the unique index.
    await conn.execute("select 1 from public.projects where id = %s for no key update", [project_id])
    await model(conn, project_id, version)
    await conn.execute(
        "update public.gaussian_splat_models set promoted = false where project_id = %s and promoted and version <> %s",
        [project_id, version],
    )
    await conn.execute(
        "update public.gaussian_splat_models set promoted = true"
        " where project_id = %s and version = %s and not promoted",
        [project_id, version],
    )
    return await model(conn, project_id, version)


async def export(conn: Connection, export_id: UUID) -> Row:
    """One export with its file."""
    row = await fetch_one(conn, _LISTS["exports"][0] + " where t.id = %s", [export_id])
    if row is None:
        raise ExportNotFoundError(
            f"There is no export {export_id}.", suggestion="Make it again with POST /api/v1/export/{project_id}."
        )
    return row


async def photos(conn: Connection, project_id: UUID) -> list[Row]:
    """Index, kind, SHA-256 and verdict of every photo of a project as it is now, in upload order."""
    return await fetch_all(
        conn,
        "select image_index, kind, sha256, verdict from public.source_images"
        " where project_id = %s and replaced_at is null order by image_index",
        [project_id],
    )


async def images_of_run(conn: Connection, run_id: UUID) -> list[Row]:
    """The photos that one upload brought, with their objects."""
    rows = await fetch_all(conn, _LISTS["images"][0] + " where t.run_id = %s order by t.image_index", [run_id])
    return await staleness.mark(conn, rows[0]["project_id"], "images", rows) if rows else []


async def image(conn: Connection, project_id: UUID, image_id: UUID) -> Row:
    """One photo of a project, also one that was replaced, with its objects."""
    rows = await fetch_all(conn, _LISTS["images"][0] + " where t.project_id = %s and t.id = %s", [project_id, image_id])
    if not rows:
        raise RuntimeError(f"project {project_id} has lost its photo {image_id}")
    return (await staleness.mark(conn, project_id, "images", rows))[0]


async def view_splits(conn: Connection, run_id: UUID) -> dict[int, str]:
    """``training`` or ``held_out`` by view index, of the views that one generate made."""
    rows = await fetch_all(
        conn,
        "select view_index, split from public.multiview_generation where run_id = %s and replaced_at is null",
        [run_id],
    )
    return {int(row["view_index"]): str(row["split"]) for row in rows}


async def versions(conn: Connection, project_id: UUID) -> list[int]:
    """The model versions of a project, oldest first."""
    rows = await fetch_all(
        conn, "select version from public.gaussian_splat_models where project_id = %s order by version", [project_id]
    )
    return [row["version"] for row in rows]
