"""Which objects make up a generate's scene, and which of them an export reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from maquette.db import records
from maquette.db.rows import Connection, Row, fetch_all, fetch_one
from maquette.execution.wanted import Wanted
from maquette.recon.scenes.saved import DEPTHS_FOLDER, IMAGES_FOLDER, MASKS_FOLDER
from maquette.steps.engines import compressor_of
from maquette.steps.folder import MESH_FILE, Folder
from maquette.steps.parameters import ExportParameters
from maquette.steps.presets import mesh_preset

Photos = Literal["none", "held_out", "all"]


async def scene_of(conn: Connection, view_run_id: UUID, folder: Folder) -> list[Wanted]:
    """Cameras, points and photos of a generate as they are now: refines may have made some of its views again."""
    files = await fetch_all(
        conn,
        "select distinct on (a.kind) to_jsonb(a) as artifact from public.artifacts a"
        " where a.kind in ('cameras', 'sparse_points', 'lenses') and a.run_id in (select %(run)s union all"
        "  select v.made_by_run_id from public.multiview_generation v where v.run_id = %(run)s)"
        " order by a.kind, a.created_at desc",
        {"run": view_run_id},
    )
    views = await fetch_all(
        conn,
        "select v.name, to_jsonb(a) as image, to_jsonb(m) as mask, to_jsonb(p) as prior"
        " from public.multiview_generation v join public.artifacts a on a.id = v.image_artifact_id"
        " left join public.artifacts m on m.id = v.mask_artifact_id"
        " left join public.artifacts p on p.id = v.prior_artifact_id"
        " where v.run_id = %s and v.replaced_at is null order by v.view_index",
        [view_run_id],
    )
    homes = (("image", IMAGES_FOLDER), ("mask", MASKS_FOLDER), ("prior", DEPTHS_FOLDER))
    return [
        *(Wanted(folder.relative(folder.scene / Path(f["artifact"]["path"]).name), f["artifact"]) for f in files),
        *(
            Wanted(folder.relative(folder.scene / home / _name_in_scene(view, kind)), view[kind])
            for view in views
            for kind, home in homes
            if view[kind] is not None
        ),
    ]


async def for_export(
    conn: Connection, project_id: UUID, model: Row, parameters: Mapping[str, Any], folder: Folder
) -> list[Wanted]:
    """What an export reads beside its version: all photos for a mesh that is yet to be made, or where they go into the
    file; else cameras and points, which tell up, the held-out photos where a loss can be measured, and all of them
    where optimizing measures on them. Those may be gone: the file can be made.
    """
    # Imported here: other steps' folders are filled without the formats.
    from maquette.recon.formats import format_named

    # What is wrong with them the step itself tells, in its own log.
    wanted = ExportParameters.model_construct(**parameters)
    if compressor_of(wanted.format) is not None:
        return await scene_of(conn, model["view_run_id"], folder)
    target = format_named(wanted.format)
    scene = await scene_of(conn, model["view_run_id"], folder)
    if target.holds_photos:
        return scene
    if target.kind == "mesh":
        preset, filtered = mesh_preset(wanted.preset, model["details"]), wanted.filter_floaters
        made = await records.mesh(conn, project_id, model["version"], preset, filtered=filtered)
        if made is None:
            return scene
        home = folder.mesh(model["version"], preset, filtered=filtered)
        return [
            Wanted(folder.relative(home / MESH_FILE), made["objects"][MESH_FILE]),
            *await _measured_on(conn, project_id, scene, folder, photos="held_out" if wanted.optimize else "none"),
        ]
    if target.kind != "gaussians":
        return await _measured_on(conn, project_id, scene, folder, photos="all" if wanted.optimize else "none")
    photos: Photos = "all" if wanted.optimize else "none" if target.lossless else "held_out"
    return await _measured_on(conn, project_id, scene, folder, photos=photos)


async def _measured_on(
    conn: Connection, project_id: UUID, scene: Iterable[Wanted], folder: Folder, *, photos: Photos
) -> list[Wanted]:
    """Of a scene the cameras and points, and ``photos``: of ``held_out`` ones all where none is. All may be gone."""
    row = await fetch_one(conn, "select image_names from public.eval_sets where project_id = %s", [project_id])
    names = {_stem(name) for name in row["image_names"]} if row else set()
    wanted = []
    for one in scene:
        path = folder.root / one.path
        if (
            path.parent == folder.scene
            or photos == "all"
            or (photos == "held_out" and (not names or _stem(Path(one.path).name) in names))
        ):
            wanted.append(replace(one, optional=True))
    return wanted


def _stem(name: str) -> str:
    """What a photo, its mask and its prior have in common: ``0007`` of ``0007.jpg.png``."""
    return name.partition(".")[0]


def _name_in_scene(view: Row, kind: str) -> str:
    """A view's photo is called as the view; what comes with it as its key ends."""
    return str(view["name"]) if kind == "image" else Path(view[kind]["path"]).name
