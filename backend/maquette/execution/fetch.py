"""Fills a run's folder from the buckets with what its step reads. What is there already is not fetched again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from maquette.db import records, runs, staleness
from maquette.db.rows import Connection, Row, fetch_all, fetch_one
from maquette.errors import UnavailableError
from maquette.execution.bundles import bundle_inputs
from maquette.execution.patience import few_at_a_time
from maquette.execution.saved_work import saved_work
from maquette.execution.scene_objects import for_export, scene_of
from maquette.execution.view_runs import views_kept
from maquette.execution.wanted import Wanted
from maquette.recon.bundle import BUNDLE
from maquette.recon.digest import sha256_of
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import File, Iteration, Metric, Model
from maquette.steps.waiting import REPLACED, WITHOUT_DEPTH
from maquette.storage.client import ObjectMissingError, Objects

log = logging.getLogger(__name__)

PARALLEL_DOWNLOADS = 4
INDEXED = ("filename", "focal_px", "kind", "details", "original_width", "original_height")
"""What ``images.json`` tells of a photo beside its name."""
DOWNLOADS = 3
"""How often an object is fetched whose bytes are not its own: something on the way may have shortened them."""


class ObjectDamagedError(UnavailableError):
    """An object's bytes are not those that its row tells of."""

    code = "object_damaged"


async def fill_folder(pool: AsyncConnectionPool[Connection], objects: Objects, run: Row, root: Path) -> dict[str, Any]:
    """Bring a queued run's inputs into ``root`` and return its parameters, with the version to begin with named."""
    folder, parameters = Folder(root), dict(run["parameters"])
    async with pool.connection() as conn:
        wanted, project = await _inputs(conn, run, folder, parameters)
    await _download(objects, root, wanted)
    await asyncio.to_thread(_write_index, folder, project, wanted)
    return parameters


def _write_index(folder: Folder, project: Mapping[str, Any], wanted: Iterable[Wanted]) -> None:
    write_json(folder.root / "project.json", dict(project))
    write_json(folder.root / "artifacts.json", {one.path: str(one.artifact["id"]) for one in wanted})


async def _inputs(
    conn: Connection, run: Row, folder: Folder, parameters: dict[str, Any]
) -> tuple[list[Wanted], dict[str, Any]]:
    project = await _project(conn, run)
    if run["step"] == "export" and parameters.get("format") == BUNDLE.name:
        return await bundle_inputs(conn, run, folder, parameters), project
    wanted: list[Wanted] = []
    photos = await _photos(conn, run["project_id"], folder)
    if run["step"] == "generate":
        wanted += photos
        if (made_by := await views_kept(conn, run)) is not None:
            project["views_kept"] = True
            wanted += await scene_of(conn, made_by, folder)
            if not project["versions_of_run"]:
                wanted += await saved_work(conn, run, folder)
    else:
        key = "from_version" if run["step"] == "refine" else "version"
        model = await records.model(conn, run["project_id"], parameters.get(key))
        parameters[key] = project["from_version"] = model["version"]
        files = {"model", "checkpoint"} if run["step"] == "refine" else {"model"}
        if parameters.get("filter_floaters"):
            files.add("filtered")
        wanted += await _model(conn, model, folder, files)
        if run["step"] == "export":
            wanted += await for_export(conn, run["project_id"], model, parameters, folder)
        if run["step"] == "refine":
            wanted += await scene_of(conn, model["view_run_id"], folder)
            wanted += await _replacements(conn, model["view_run_id"], folder, project)
    await _evaluation(conn, run["project_id"], folder)
    for version in project["versions_of_run"]:
        kept = await records.model(conn, run["project_id"], version)
        # Of earlier rounds retention may have taken the checkpoints. Only the last one is gone on from.
        of_round = await _model(conn, kept, folder, {"model", "checkpoint"})
        wanted += [one for one in of_round if one.artifact["removed_at"] is None]
    return wanted, project


async def _project(conn: Connection, run: Row) -> dict[str, Any]:
    """What a step may need to know of its project."""
    row = await fetch_one(
        conn,
        """
        select p.name,
               (select max(version) from public.gaussian_splat_models m where m.project_id = p.id) as latest_version,
               (select jsonb_build_object('psnr', m.psnr, 'ssim', m.ssim, 'lpips', m.lpips,
                                          'depth_consistency', m.depth_consistency, 'degraded', m.degraded)
                from public.gaussian_splat_models m
                where m.project_id = p.id and m.promoted and m.psnr is not null and m.ssim is not null) as promoted,
               (select coalesce(array_agg(version order by version), '{}') from public.gaussian_splat_models m
                where m.run_id = any(%(row)s)) as versions_of_run,
               (select count(*) from public.depth_maps d where d.run_id = any(%(row)s)) as depth_maps_kept
        from public.projects p where p.id = %(project)s
        """,
        {"project": run["project_id"], "row": await runs.same_row(conn, run)},
    )
    if row is None:
        raise RuntimeError(f"run {run['id']} has lost its project")
    known = {
        "id": str(run["project_id"]),
        "name": row["name"],
        "versions_of_run": row["versions_of_run"],
        "views_kept": False,
        "depth_maps_kept": row["depth_maps_kept"],
    }
    for name in ("latest_version", "promoted"):
        if row[name] is not None:
            known[name] = row[name]
    return known


async def _photos(conn: Connection, project_id: UUID, folder: Folder) -> list[Wanted]:
    """The processed photos; their index, which says what the user calls them, is written at once."""
    rows = await fetch_all(
        conn,
        "select i.image_index, i.filename, i.focal_px, i.kind, i.details, i.original_width, i.original_height,"
        " to_jsonb(a) as artifact,"
        " to_jsonb(m) as mask from public.source_images i join public.artifacts a on a.id = i.processed_artifact_id"
        " left join public.artifacts m on m.id = i.mask_artifact_id"
        " where i.project_id = %s and i.verdict <> 'rejected' and i.replaced_at is null order by i.image_index",
        [project_id],
    )
    index = [{"name": _processed_name(row), **{key: row[key] for key in INDEXED}} for row in rows]
    await asyncio.to_thread(write_json, folder.root / "images.json", index)
    wanted = [
        Wanted(folder.relative(folder.images / entry["name"]), row["artifact"])
        for entry, row in zip(index, rows, strict=True)
    ]
    masks = [
        Wanted(folder.relative(folder.masks / f"{_processed_name(row)}.png"), row["mask"])
        for row in rows
        if row["mask"] is not None
    ]
    return [*wanted, *masks, *await _poses(conn, project_id, folder)]


def _processed_name(row: Row) -> str:
    """By its index in the project, with the ending of its object."""
    return f"{row['image_index']:04d}{Path(row['artifact']['path']).suffix}"


async def _poses(conn: Connection, project_id: UUID, folder: Folder) -> list[Wanted]:
    """The known cameras of the newest upload that brought some."""
    files = await fetch_all(
        conn,
        "select to_jsonb(a) as artifact from public.artifacts a where a.project_id = %(project)s and a.kind = 'poses'"
        " and a.run_id = (select p.run_id from public.artifacts p join public.runs r on r.id = p.run_id"
        "  where p.project_id = %(project)s and p.kind = 'poses' order by r.queued_at desc limit 1)",
        {"project": project_id},
    )
    return [
        Wanted(folder.relative(folder.poses / Path(file["artifact"]["path"]).name), file["artifact"]) for file in files
    ]


async def _replacements(conn: Connection, view_run_id: UUID, folder: Folder, project: dict[str, Any]) -> list[Wanted]:
    """The photos whose views wait to be made again; ``project`` tells :mod:`maquette.steps.replacement` of them."""
    rows = await staleness.views_to_renew(conn, view_run_id)
    wanted = [Wanted(folder.relative(folder.replacements / row["name"]), row["artifact"]) for row in rows]
    project[REPLACED] = [
        {"name": row["name"], "photo": one.path, "filename": row["filename"], "focal_px": row["focal_px"]}
        for row, one in zip(rows, wanted, strict=True)
    ]
    project[WITHOUT_DEPTH] = await staleness.views_without_depth(conn, view_run_id)
    return wanted


async def _model(conn: Connection, row: Row, folder: Folder, needed: set[str]) -> list[Wanted]:
    """A version's record, and its files that a step reads."""
    home, objects = folder.model(row["version"]), row["objects"]
    metrics = await fetch_all(
        conn,
        "select split, view_index, psnr, ssim, lpips, depth_consistency, overall_quality, width, height, mask, colour,"
        " lpips_weights from public.refinement_metrics"
        " where project_id = %s and version = %s",
        [row["project_id"], row["version"]],
    )
    iteration = await fetch_one(
        conn,
        "select iteration, method, quality_before, quality_after, relative_gain, converged, seconds, promoted"
        " from public.enhancement_iterations where project_id = %s and version = %s",
        [row["project_id"], row["version"]],
    )
    # A key ends as the file is called; where two are one object they are one file.
    files = {
        kind: File(kind=kind, path=folder.relative(home / Path(objects[kind]["path"]).name), mime=objects[kind]["mime"])
        for kind in ("model", "unfiltered", "filtered", "checkpoint", "preview")
    }
    record = Model(
        version=row["version"],
        parent_version=row["parent_version"],
        method=row["method"],
        # As it was when it was made: a later round may have taken its place since.
        promote=iteration["promoted"] if iteration else row["promoted"],
        num_gaussians=row["num_gaussians"],
        num_gaussians_unfiltered=row["num_gaussians_unfiltered"],
        sh_degree=row["sh_degree"],
        iterations=row["iterations"],
        metrics=tuple(Metric.model_validate(metric) for metric in metrics),
        iteration=Iteration.model_validate(iteration) if iteration else None,
        bounds=row["bounds"],
        bytes=row["bytes"],
        seconds=row["seconds"],
        degraded=row["degraded"],
        details=row["details"],
        **files,
    )
    await asyncio.to_thread(folder.save_model, record)
    return [Wanted(path, objects[kind]) for path, kind in {files[kind].path: kind for kind in sorted(needed)}.items()]


async def _evaluation(conn: Connection, project_id: UUID, folder: Folder) -> None:
    row = await fetch_one(conn, "select * from public.eval_sets where project_id = %s", [project_id])
    if row is not None:
        data = {"names": row["image_names"], "long_side": max(row["width"], row["height"])}
        await asyncio.to_thread(write_json, folder.evaluation, data)


async def _download(objects: Objects, root: Path, wanted: Iterable[Wanted]) -> None:
    async def fetch(one: Wanted) -> None:
        try:
            await fetch_whole(one)
        except (ObjectMissingError, ObjectDamagedError, records.FileRemovedError) as error:
            if not one.optional:
                raise
            log.warning("%s is done without (%s)", one.path, error.code)

    async def fetch_whole(one: Wanted) -> None:
        path = root / one.path
        called = {one.path: Path(one.path).name}
        records.still_there({one.path: one.artifact}, called, suggestion="Begin with another version, or generate.")
        for _ in range(DOWNLOADS):
            if await asyncio.to_thread(_is_there, path, one.artifact):
                return
            await objects.download(one.artifact["bucket"], one.artifact["path"], path)
        if not await asyncio.to_thread(_is_there, path, one.artifact):
            await asyncio.to_thread(path.unlink)
            raise ObjectDamagedError(
                f"What storage holds of {Path(one.path).name} is not what was stored.",
                suggestion="Retry; if it stays so, make the file again with its own step. `maquette gc --dry-run` finds"
                " objects that are missing or of another size.",
                bucket=one.artifact["bucket"],
            )

    await few_at_a_time([partial(fetch, one) for one in wanted], PARALLEL_DOWNLOADS)


def _is_there(path: Path, artifact: Mapping[str, Any]) -> bool:
    """By content: an attempt on another machine may have stored another file of the same size."""
    return path.is_file() and path.stat().st_size == artifact["bytes"] and sha256_of(path) == artifact["sha256"]
