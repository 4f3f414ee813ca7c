"""One photo through the generate step: views made of it by a model, or an honest relief, and a model trained on them.

Views that were made measure nothing: none is held out, and no number claims to be of what no training saw.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

from maquette.recon.images import Photo, read_photo
from maquette.recon.masks import mask_beside, read_mask
from maquette.recon.scene import Scene
from maquette.recon.scenes.saved import load_saved_scene, save_scene
from maquette.recon.single import WANTED_VIEWS, SingleViews, make_views
from maquette.steps import evaluation
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.folder import Folder, write_json
from maquette.steps.network_use import use_network
from maquette.steps.parameters import GenerateParameters
from maquette.steps.placing import Placed, views_record
from maquette.steps.records import Placement, Warn
from maquette.steps.sink import Sink

STAGES = {"depth": "features", "views": "mapping"}
"""The generate step's stages that take as long: its own "depth" comes at the end."""
STOOD_IN = {"relief_only", "depth_made_up", "background_by_colour", "view_model_unusable"}
"""Warnings of something that is not the real thing."""


def is_single(folder: Folder) -> bool:
    """Whether the project has one usable photo and nothing else."""
    return list(folder.kinds().values()) == ["photo"]


def views_of_one(folder: Folder, wanted: GenerateParameters, long_side: int, sink: Sink) -> tuple[Scene, EvaluationSet]:
    """Make the views, or take those that an earlier attempt made, and keep them. All of them teach.

    Raises ``single_photo_refused``, ``bad_views_request``, ``object_not_found``, and the errors of a view model
    that is installed and does not work.
    """
    eval_set = evaluation.none_held_out(folder, long_side)
    if folder.project().get("views_kept"):
        return load_saved_scene(folder.scene), eval_set
    told = _told(folder) or _make(folder, wanted, sink)
    for warning in told["warnings"]:
        sink.warn(Warn(**warning))
    scene = load_saved_scene(folder.scene)
    sink.keep(views_record(folder, _placed(folder, scene, told), eval_set))
    return scene, eval_set


def _told(folder: Folder) -> dict[str, Any] | None:
    """What an earlier attempt left: it is written when the scene is whole."""
    path = folder.scene / "single.json"
    found: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return found


def _make(folder: Folder, wanted: GenerateParameters, sink: Sink) -> dict[str, Any]:
    photo = _photo(folder)
    network = use_network(folder, sink, otherwise="The depth of a relief is made up.")

    def progress(stage: str, fraction: float, message: str = "") -> None:
        sink.progress(STAGES.get(stage, stage), fraction, message)

    made = make_views(
        photo,
        folder.scene,
        wanted=wanted.num_views or WANTED_VIEWS,
        method=wanted.view_method,
        weights=folder.weights(),
        depth=None if network is None else network.estimator,
        seed=wanted.seed,
        progress=progress,
    )
    save_scene(made.scene, folder.scene)
    told = _as_dict(made)
    write_json(folder.scene / "single.json", told)
    return told


def _photo(folder: Folder) -> Photo:
    """The processed photo under the user's name for it; its subject, where one is known, is its transparency."""
    (name,) = folder.kinds()
    photo = read_photo(folder.images / name, name=folder.filenames()[name], original_resolution=True)
    mask = mask_beside(folder.images, name)
    alpha = None if mask is None else read_mask(mask, photo.name, photo.width, photo.height)
    width, height = folder.original_sizes()[name]
    return replace(
        photo,
        alpha=alpha,
        original_width=width or photo.width,
        original_height=height or photo.height,
        focal_px=folder.focal_lengths().get(name),
    )


def _as_dict(made: SingleViews) -> dict[str, Any]:
    return {
        "warnings": [
            {"code": one.code, "message": one.sentence, "suggestion": one.action, "degraded": one.code in STOOD_IN}
            for one in made.warnings
        ],
        "method": made.method,
        "degraded": made.degraded,
        "views_requested": made.requested,
        "views_made": made.made,
        "angles": {angle.name: asdict(angle) for angle in made.angles},
        "details": made.details,
    }


def _placed(folder: Folder, scene: Scene, told: dict[str, Any]) -> Placed:
    (name,) = folder.kinds()
    statistics = {key: told[key] for key in ("method", "views_requested", "views_made", "details")}
    placement = Placement(name=name, filename=folder.filenames()[name], placed=True)
    views = {
        view.name: {"method": told["method"], "photo": name, "details": told["angles"].get(view.name, {})}
        for view in scene.views
    }
    return Placed(scene, (placement,), {"points": len(scene.points), **statistics}, made=views)
