"""The generate step: cameras, first model, depth maps, metrics, from the processed photos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from maquette.recon.scene import Scene
from maquette.recon.scenes.saved import load_saved_scene
from maquette.recon.sfm import SfmResult, SfmSettings, place_cameras
from maquette.recon.sfm.lenses import LENSES_FILE
from maquette.recon.sfm.place import list_photos
from maquette.steps import evaluation
from maquette.steps.depth import render_depth_maps
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.folder import Folder
from maquette.steps.limits import lowered, read_limits
from maquette.steps.names import errors_in_users_words, in_users_words
from maquette.steps.parameters import GenerateParameters
from maquette.steps.presets import PRESETS
from maquette.steps.records import File, Model, Placement, View, Views, Warn
from maquette.steps.sink import Sink
from maquette.steps.training import train_from_points
from maquette.steps.versions import NewVersion, promoted_standing, write_version

UNDISTORTED_PX = 1600
"""Undistorted photos keep at least this long side: a later refine or texture may want more than training does."""


def run(root: Path, parameters: Mapping[str, Any], sink: Sink) -> dict[str, Any]:
    """Read ``images/``, keep :class:`Views`, a :class:`Model` and :class:`DepthMaps`.

    What an earlier, killed attempt left in the folder (cameras, a training checkpoint) is used again.
    """
    folder, wanted = Folder(root), GenerateParameters.model_validate(parameters)
    long_side = wanted.long_side or PRESETS[wanted.preset].long_side

    if folder.project().get("views_kept"):
        # The cameras of an earlier attempt stand in the records, and a version may hang on them: no other search.
        scene = load_saved_scene(folder.scene)
        eval_set = evaluation.fix(folder, scene, long_side, sink)
    else:
        scene, eval_set = _place(folder, wanted, long_side, sink)
    model = _kept_model(folder) or _train(folder, scene, eval_set, wanted, long_side, sink)
    depth_maps = int(folder.project().get("depth_maps_kept", 0))
    if not depth_maps:
        depth = render_depth_maps(folder, scene, model, long_side, sink)
        sink.keep(depth)
        depth_maps = len(depth.depth_maps)
    mean = model.mean()
    return {
        "version": model.version,
        "views_generated": len(scene.views),
        "photos_placed": len(scene.views),
        "photos": len(list_photos(folder.images)),
        "depth_maps_generated": depth_maps,
        "num_gaussians": model.num_gaussians,
        "psnr": mean.psnr if mean else None,
        "ssim": mean.ssim if mean else None,
    }


def _place(folder: Folder, wanted: GenerateParameters, long_side: int, sink: Sink) -> tuple[Scene, EvaluationSet]:
    """Find the cameras and keep them, with the photos that measure quality."""
    with errors_in_users_words(folder.filenames()):
        placed = place_cameras(
            folder.images,
            folder.sfm,
            settings=SfmSettings(seed=wanted.seed, undistorted_long_side_px=max(UNDISTORTED_PX, long_side)),
            progress=sink.progress,
            focal_px=folder.focal_lengths(),
        )
    for warning in placed.warnings:
        sink.warn(Warn(code=warning["code"], message=warning["message"], suggestion=warning.get("suggestion", "")))
    eval_set = evaluation.fix(folder, placed.scene, long_side, sink)
    sink.keep(_views(folder, placed, placed.scene, eval_set))
    return placed.scene, eval_set


def _train(
    folder: Folder, scene: Scene, eval_set: EvaluationSet, wanted: GenerateParameters, long_side: int, sink: Sink
) -> Model:
    """Train, measure and keep the model."""
    views = eval_set.training(scene)
    settings = lowered(PRESETS[wanted.preset].settings(wanted, len(views)), read_limits(folder), sink)
    trained = train_from_points(folder, scene, views, settings, sink)
    details = {"preset": wanted.preset, "long_side": long_side, "settings": asdict(settings)}
    # None at the first generate; a later one is chosen only where it is better on the same held-out photos.
    version = NewVersion(folder.next_version(), None, "generate", promoted_standing(folder), details)
    model = write_version(folder, scene, eval_set, trained, version, sink)
    sink.keep(model)
    folder.save_model(model)
    return model


def _kept_model(folder: Folder) -> Model | None:
    """The model that an earlier attempt of this run kept."""
    kept = folder.project().get("versions_of_run", [])
    return folder.load_model(kept[-1]) if kept else None


def _views(folder: Folder, placed: SfmResult, scene: Scene, eval_set: EvaluationSet) -> Views:
    """The record of all cameras. Each undistorted photo was made from its own; the cameras from all of them."""
    filenames = folder.filenames()
    photos = {p.name: folder.relative(folder.images / p.name) for p in placed.placements}
    held_out = set(eval_set.held_out(scene))
    views = tuple(
        View(
            view_index=index,
            name=view.name,
            split="held_out" if index in held_out else "training",
            camera=view.camera.as_dict(),
            image=File(
                kind="view",
                path=folder.relative(view.image_path),
                mime="image/png" if view.image_path.suffix == ".png" else "image/jpeg",
                made_from=(photos[view.name],),
            ),
        )
        for index, view in enumerate(scene.views)
    )
    sources = tuple(photos[p.name] for p in placed.placements if p.placed)
    statistics = placed.summary()
    # The largest: photos of other sizes may be smaller than the long side that all are measured at.
    largest = max((view.camera for view in scene.views), key=lambda camera: max(camera.width, camera.height))
    measured = largest.resized_to(eval_set.long_side)
    return Views(
        views=views,
        placements=tuple(
            Placement(
                name=p.name,
                filename=filenames.get(p.name, p.name),
                placed=p.placed,
                reason=in_users_words(f"{p.sentence} {p.action}".strip(), filenames),
            )
            for p in placed.placements
        ),
        scene_files=(
            File(
                kind="cameras",
                path=folder.relative(folder.scene / "cameras.json"),
                mime="application/json",
                made_from=sources,
            ),
            File(
                kind="sparse_points",
                path=folder.relative(folder.scene / "points.npz"),
                mime="application/octet-stream",
                made_from=sources,
            ),
            *_lenses(folder, sources),
        ),
        eval_names=eval_set.names,
        eval_width=measured.width,
        eval_height=measured.height,
        statistics={
            k: statistics[k] for k in ("points", "mean_track_length", "reprojection_error_px", "attempts", "seconds")
        },
    )


def _lenses(folder: Folder, sources: tuple[str, ...]) -> tuple[File, ...]:
    """The lenses, which one more photo is undistorted by; none in a folder of before they were kept."""
    path = folder.scene / LENSES_FILE
    if not path.exists():
        return ()
    return (File(kind="lenses", path=folder.relative(path), mime="application/json", made_from=sources),)
