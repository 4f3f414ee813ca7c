"""Depth priors of the training photos, where they are few: the first Gaussians stand where they say.

They are made once, between placing and keeping the views: they are then part of those, and of the scene's folder, so
that an attempt that goes on from there finds them. When they are worth it says :mod:`maquette.recon.depth.policy`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from maquette.recon.depth.policy import wants_priors
from maquette.recon.depth.scene_depths import add_depths
from maquette.recon.scenes.saved import DEPTHS_FOLDER, save_scene
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.folder import Folder, write_json
from maquette.steps.network_use import use_network
from maquette.steps.placing import Placed
from maquette.steps.records import Warn
from maquette.steps.sink import Sink


def with_priors(folder: Folder, placed: Placed, eval_set: EvaluationSet, sink: Sink) -> Placed:
    """The same, with a depth for each training view that one can be told of; how it was made is told of the view.

    The same as it came where there are too many photos to gain from it, or where views brought depths of their own.
    """
    told = _told(folder, placed)
    if told is None:
        if any(view.depth_path is not None for view in placed.scene.views):
            return placed
        told, placed = _make(folder, placed, eval_set, sink)
    for warning in told["warnings"]:
        sink.warn(Warn(**warning))
    made = {name: {"details": {"prior": details}} for name, details in told["views"].items()}
    return replace(placed, made={**placed.made, **made})


def _make(folder: Folder, placed: Placed, eval_set: EvaluationSet, sink: Sink) -> tuple[dict[str, Any], Placed]:
    scene, views = placed.scene, eval_set.training(placed.scene)
    network = None
    if wants_priors(len(views), network=True):
        network = use_network(folder, sink, otherwise="Training began without it.")
    if not wants_priors(len(views), network=network is not None):
        return {"views": {}, "warnings": []}, placed
    found = add_depths(
        scene,
        views,
        folder.scene / DEPTHS_FOLDER,
        None if network is None else network.estimator,
        progress=lambda stage, fraction, message="": sink.progress("priors", fraction, message),
    )
    sha256 = {} if network is None else {"sha256": network.sha256}
    told = {
        "views": {
            scene.views[index].name: {**details, **({} if details["degraded"] else sha256)}
            for index, details in found.details.items()
        },
        "warnings": [asdict(warning) for warning in found.warnings],
    }
    # First what was done and then the scene that shows it: a scene with depths that nothing is known of is another's.
    write_json(_path(folder), told)
    save_scene(found.scene, folder.scene)
    return told, replace(placed, scene=found.scene)


def _told(folder: Folder, placed: Placed) -> dict[str, Any] | None:
    """What an earlier attempt did, where the scene has its depths."""
    path = _path(folder)
    if not path.exists():
        return None
    told: dict[str, Any] = json.loads(path.read_text())
    with_depth = {view.name for view in placed.scene.views if view.depth_path is not None}
    return told if with_depth == set(told["views"]) else None


def _path(folder: Folder) -> Path:
    return folder.scene / "priors.json"
