"""The rows of each kind of record. A repeated attempt writes its own rows again in place of the earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from maquette.db import records
from maquette.db.rows import Connection, Row, fetch_all, fetch_one, insert
from maquette.execution.view_runs import view_run
from maquette.steps.records import (
    DepthMaps,
    EnhancedView,
    Export,
    Images,
    MadeMesh,
    Model,
    Record,
    RenewedViews,
    View,
    Views,
)

Ids = Mapping[str, UUID]


async def write_record(conn: Connection, run: Row, record: Record, ids: Ids) -> dict[str, Any]:
    """Write a record's rows; ``ids`` gives the artifact of each path. Answers what the run's result should name."""
    match record:
        case Views():
            await _views(conn, run, record, ids)
        case RenewedViews():
            await _renewed_views(conn, run, record, ids)
        case Model():
            await _model(conn, run, record, ids)
        case DepthMaps():
            await _depth_maps(conn, run, record, ids)
        case MadeMesh():
            await _mesh(conn, run, record, ids)
        case Export():
            return await _export(conn, run, record, ids)
        case Images():
            raise TypeError("images are written by execution.uploads, which numbers them")
    return {}


async def _views(conn: Connection, run: Row, record: Views, ids: Ids) -> None:
    await conn.execute(
        "insert into public.eval_sets (project_id, run_id, width, height, image_names)"
        " values (%s, %s, %s, %s, to_jsonb(%s::text[]))"
        " on conflict (project_id) do update set run_id = excluded.run_id,"
        " width = excluded.width, height = excluded.height, image_names = excluded.image_names"
        # One that holds nothing out has measured nothing.
        " where eval_sets.image_names = '[]'",
        [run["project_id"], run["id"], record.eval_width, record.eval_height, list(record.eval_names)],
    )
    for placement in record.placements:
        await conn.execute(
            "update public.source_images set placed = %s, placed_reason = nullif(%s, ''), details = details || %s"
            " where project_id = %s and image_index = %s and replaced_at is null",
            [
                placement.placed,
                placement.reason,
                Jsonb(placement.details),
                run["project_id"],
                _image_index(placement.name),
            ],
        )
    if record.capture is not None:
        await conn.execute(
            "update public.projects set capture = %s where id = %s", [Jsonb(record.capture), run["project_id"]]
        )
    before = await fetch_all(
        conn,
        "delete from public.multiview_generation where run_id = %s"
        " returning image_artifact_id, mask_artifact_id, prior_artifact_id",
        [run["id"]],
    )
    for view in record.views:
        await insert(
            conn, "multiview_generation", {"run_id": run["id"], **await _view(conn, run["project_id"], view, ids)}
        )
    await _forget_earlier(conn, before, ids)


async def _view(conn: Connection, project_id: UUID, view: View, ids: Ids) -> dict[str, Any]:
    """The columns of a view that its record knows, with the photo that counts now."""
    source = await fetch_one(
        conn,
        "select id from public.source_images where project_id = %s and image_index = %s and replaced_at is null",
        [project_id, _image_index(view.photo or view.name)],
    )
    return {
        "project_id": project_id,
        "source_image_id": source["id"] if source else None,
        "view_index": view.view_index,
        "name": view.name,
        "split": view.split,
        "camera": view.camera,
        "method": view.method,
        "image_artifact_id": ids[view.image.path],
        "mask_artifact_id": ids[view.mask.path] if view.mask else None,
        "prior_artifact_id": ids[view.prior.path] if view.prior else None,
        "details": view.details,
    }


async def _renewed_views(conn: Connection, run: Row, record: RenewedViews, ids: Ids) -> None:
    """A row of its own for each view that was made again; the one before it stays, as replaced."""
    view_run_id = await view_run(conn, run)
    for view in record.views:
        if await fetch_one(
            conn,
            "select 1 from public.multiview_generation where made_by_run_id = %s and image_artifact_id = %s",
            [run["id"], ids[view.image.path]],
        ):
            continue  # written, but the connection was cut before that was heard
        before = await fetch_one(
            conn,
            "update public.multiview_generation set replaced_at = now()"
            " where run_id = %s and view_index = %s and replaced_at is null returning id, generation, split",
            [view_run_id, view.view_index],
        )
        if before is None:
            raise RuntimeError(f"the generate {view_run_id} has no view {view.view_index}")
        made = await insert(
            conn,
            "multiview_generation",
            {
                **await _view(conn, run["project_id"], view, ids),
                "run_id": view_run_id,
                "made_by_run_id": run["id"],
                "generation": before["generation"] + 1,
                "replaces_id": before["id"],
                "split": before["split"],
            },
        )
        await conn.execute(
            "update public.source_images set placed = true, placed_reason = null where id = %s",
            [made["source_image_id"]],
        )


def _image_index(name: str) -> int:
    """Processed photos are named by their index in the project."""
    return int(Path(name).stem)


async def _model(conn: Connection, run: Row, record: Model, ids: Ids) -> None:
    if await fetch_one(
        conn,
        "select 1 from public.gaussian_splat_models where run_id = %s and version = %s and model_artifact_id = %s",
        [run["id"], record.version, ids[record.model.path]],
    ):
        return  # written, but the connection was cut before that was heard
    eval_set = await fetch_one(conn, "select id from public.eval_sets where project_id = %s", [run["project_id"]])
    eval_set_id = eval_set["id"] if eval_set else None
    view_run_id = await view_run(conn, run)
    if record.parent_version is not None:
        view_run_id = (await records.model(conn, run["project_id"], record.parent_version))["view_run_id"]
    mean = record.mean()
    await insert(
        conn,
        "gaussian_splat_models",
        {
            "project_id": run["project_id"],
            "run_id": run["id"],
            "view_run_id": view_run_id,
            "version": record.version,
            "parent_version": record.parent_version,
            "method": record.method,
            "num_gaussians": record.num_gaussians,
            "num_gaussians_unfiltered": record.num_gaussians_unfiltered,
            "sh_degree": record.sh_degree,
            "iterations": record.iterations,
            "eval_set_id": eval_set_id,
            "psnr": mean.psnr if mean else None,
            "ssim": mean.ssim if mean else None,
            "lpips": mean.lpips if mean else None,
            "depth_consistency": mean.depth_consistency if mean else None,
            "overall_quality": mean.overall_quality if mean else None,
            "bounds": record.bounds,
            "bytes": record.bytes,
            "seconds": record.seconds,
            "degraded": record.degraded,
            "model_artifact_id": ids[record.model.path],
            "unfiltered_artifact_id": ids[record.unfiltered.path],
            "filtered_artifact_id": ids[record.filtered.path],
            "checkpoint_artifact_id": ids[record.checkpoint.path],
            "preview_artifact_id": ids[record.preview.path],
            "details": record.details,
        },
    )
    for metric in record.metrics:
        await insert(
            conn,
            "refinement_metrics",
            {
                "project_id": run["project_id"],
                "run_id": run["id"],
                "version": record.version,
                "eval_set_id": eval_set_id if metric.split == "held_out" else None,
                "view_run_id": view_run_id,
                **metric.model_dump(),
            },
        )
    if record.losses is not None:
        told = record.losses
        await conn.execute(
            "insert into public.training_losses (project_id, run_id, version, definition, every, iterations, losses)"
            " values (%s, %s, %s, %s, %s, %s, %s)",
            [
                *(run["project_id"], run["id"], record.version, told.definition, told.every),
                *(list(told.iterations), list(told.losses)),
            ],
        )
    if record.iteration is not None and record.parent_version is not None:
        made = await insert(
            conn,
            "enhancement_iterations",
            {
                "project_id": run["project_id"],
                "run_id": run["id"],
                "parent_version": record.parent_version,
                "version": record.version,
                "promoted": record.promote,
                **record.iteration.model_dump(exclude={"views"}),
            },
        )
        for view in record.iteration.views:
            await _enhanced_view(conn, run, made["id"], view_run_id, view, ids)
    if record.promote:
        await records.promote(conn, run["project_id"], record.version)


async def _enhanced_view(
    conn: Connection, run: Row, iteration_id: UUID, view_run_id: UUID, view: EnhancedView, ids: Ids
) -> None:
    await insert(
        conn,
        "enhanced_views",
        {
            "project_id": run["project_id"],
            "iteration_id": iteration_id,
            "view_id": await _view_id(conn, view_run_id, view.view_index),
            "rendered_artifact_id": ids[view.rendered.path],
            "enhanced_artifact_id": ids[view.enhanced.path] if view.enhanced else None,
            "confidence_artifact_id": ids[view.confidence.path] if view.confidence else None,
            **view.model_dump(exclude={"view_index", "rendered", "enhanced", "confidence"}),
        },
    )


async def _view_id(conn: Connection, view_run_id: UUID, view_index: int) -> UUID:
    view = await fetch_one(
        conn,
        "select id from public.multiview_generation where run_id = %s and view_index = %s and replaced_at is null",
        [view_run_id, view_index],
    )
    if view is None:
        raise RuntimeError(f"the generate {view_run_id} has no view {view_index}")
    found: UUID = view["id"]
    return found


async def _depth_maps(conn: Connection, run: Row, record: DepthMaps, ids: Ids) -> None:
    before = await fetch_all(
        conn,
        "delete from public.depth_maps where run_id = %s returning depth_artifact_id, heatmap_artifact_id",
        [run["id"]],
    )
    view_run_id = await view_run(conn, run)
    for depth in record.depth_maps:
        await insert(
            conn,
            "depth_maps",
            {
                "project_id": run["project_id"],
                "run_id": run["id"],
                "view_id": await _view_id(conn, view_run_id, depth.view_index),
                "depth_artifact_id": ids[depth.depth.path],
                "heatmap_artifact_id": ids[depth.heatmap.path],
                **depth.model_dump(exclude={"view_index", "depth", "heatmap"}),
            },
        )
    await _forget_earlier(conn, before, ids)


async def _forget_earlier(conn: Connection, before: Iterable[Row], ids: Ids) -> None:
    """Drop the artifacts of rows that an earlier attempt wrote and this one wrote again; gc removes their objects."""
    old = {artifact for row in before for artifact in row.values() if artifact is not None} - set(ids.values())
    await conn.execute("delete from public.artifacts where id = any(%s)", [list(old)])


async def _mesh(conn: Connection, run: Row, record: MadeMesh, ids: Ids) -> None:
    """A mesh of the same version and preset takes the place of an earlier one, whose files have gone."""
    before = await fetch_all(
        conn,
        "with gone as (delete from public.meshes where project_id = %s and version = %s and preset = %s"
        " and filtered = %s returning id)"
        " select f.artifact_id from public.mesh_files f join gone on gone.id = f.mesh_id",
        [run["project_id"], record.version, record.preset, record.filtered],
    )
    row = await insert(
        conn,
        "meshes",
        {"project_id": run["project_id"], "run_id": run["id"], **record.model_dump(exclude={"type", "files"})},
    )
    for one in record.files:
        file = {"project_id": run["project_id"], "mesh_id": row["id"], "name": one.name}
        await insert(conn, "mesh_files", {**file, "artifact_id": ids[one.file.path]})
    await _forget_earlier(conn, before, ids)


async def _export(conn: Connection, run: Row, record: Export, ids: Ids) -> dict[str, Any]:
    before = await fetch_all(
        conn, "delete from public.export_history where run_id = %s returning artifact_id", [run["id"]]
    )
    artifact = await fetch_one(
        conn, "select id, bytes, sha256 from public.artifacts where id = %s", [ids[record.file.path]]
    )
    if artifact is None:
        raise RuntimeError(f"run {run['id']} exported a file without an artifact")
    row = await insert(
        conn,
        "export_history",
        {
            "project_id": run["project_id"],
            "run_id": run["id"],
            "version": record.version,
            "format": record.format,
            "options": record.options,
            "artifact_id": artifact["id"],
            "bytes": artifact["bytes"],
            "sha256": artifact["sha256"],
            "seconds": record.seconds,
            "measured_loss": record.measured_loss,
            "details": record.details,
        },
    )
    await _forget_earlier(conn, before, ids)
    return {"export_id": str(row["id"]), "artifact_id": str(artifact["id"]), "sha256": artifact["sha256"]}
