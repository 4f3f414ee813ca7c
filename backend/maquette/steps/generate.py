"""The generate step: cameras, first model, depth maps, metrics, from the processed photos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from maquette.recon.scene import Scene
from maquette.recon.scenes.saved import load_saved_scene
from maquette.recon.sfm.place import list_photos
from maquette.steps import evaluation
from maquette.steps.depth import make_depth_maps
from maquette.steps.engines.calling import ours
from maquette.steps.engines.options import check_rig
from maquette.steps.engines.stages import mesh_of_generate, model_of_generate
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.folder import Folder
from maquette.steps.limits import lowered, read_limits
from maquette.steps.parameters import GenerateParameters
from maquette.steps.placing import place_photos, views_record
from maquette.steps.presets import PRESETS
from maquette.steps.priors import with_priors
from maquette.steps.records import Model
from maquette.steps.rig_generate import generate_from_rig, is_rig
from maquette.steps.single_generate import is_single, views_of_one
from maquette.steps.sink import Sink
from maquette.steps.training import Trained, train_from_points
from maquette.steps.versions import NewVersion, promoted_standing, write_version


def run(root: Path, parameters: Mapping[str, Any], sink: Sink) -> dict[str, Any]:
    """Read ``images/``, keep :class:`Views`, a :class:`Model` and :class:`DepthMaps`.

    What an earlier, killed attempt left in the folder (cameras, a training checkpoint) is used again.
    """
    folder, wanted = Folder(root), GenerateParameters.model_validate(parameters)
    long_side = wanted.long_side or PRESETS[wanted.preset].long_side

    if is_rig(folder):
        check_rig(wanted)
        scene, model = generate_from_rig(folder, wanted, sink)
        return _finish(folder, scene, model, wanted, long_side, sink)
    if is_single(folder):
        scene, eval_set = views_of_one(folder, wanted, long_side, sink)
    elif folder.project().get("views_kept"):
        # The cameras of an earlier attempt stand in the records, and a version may hang on them: no other search.
        scene = load_saved_scene(folder.scene)
        eval_set = evaluation.fix(folder, scene, long_side, sink)
    else:
        scene, eval_set = _place(folder, wanted, long_side, sink)
    model = _kept_model(folder) or _make(folder, scene, eval_set, wanted, long_side, sink)
    return _finish(folder, scene, model, wanted, long_side, sink)


def _finish(
    folder: Folder, scene: Scene, model: Model, wanted: GenerateParameters, long_side: int, sink: Sink
) -> dict[str, Any]:
    """Depth maps, and a mesh where another engine is to make one."""
    depth_maps = _depth(folder, scene, model, long_side, sink)
    return {**_result(folder, scene, model, depth_maps), **mesh_of_generate(folder, scene, model, wanted, sink)}


def _depth(folder: Folder, scene: Scene, model: Model, long_side: int, sink: Sink) -> int:
    """How many depth maps there are; those that an earlier attempt kept are not made again."""
    kept = int(folder.project().get("depth_maps_kept", 0))
    if kept:
        return kept
    depth = make_depth_maps(folder, scene, model, long_side, sink)
    sink.keep(depth)
    return len(depth.depth_maps)


def _result(folder: Folder, scene: Scene, model: Model, depth_maps: int) -> dict[str, Any]:
    mean = model.mean()
    return {
        "version": model.version,
        "views_generated": len(scene.views),
        "photos_placed": 1 if is_single(folder) else len(scene.views),
        "photos": len(list_photos(folder.images)),
        "depth_maps_generated": depth_maps,
        "num_gaussians": model.num_gaussians,
        "psnr": mean.psnr if mean else None,
        "ssim": mean.ssim if mean else None,
        "engine": model.details.get("engine"),
        "inputs_measured": (model.details.get("inputs_measured") or {}).get("mean"),
    }


def _place(folder: Folder, wanted: GenerateParameters, long_side: int, sink: Sink) -> tuple[Scene, EvaluationSet]:
    """Find the cameras and keep them, with the photos that measure quality."""
    placed = place_photos(folder, wanted, long_side, sink)
    eval_set = evaluation.fix(folder, placed.scene, long_side, sink)
    placed = with_priors(folder, placed, eval_set, sink)
    sink.keep(views_record(folder, placed, eval_set))
    return placed.scene, eval_set


def _make(
    folder: Folder, scene: Scene, eval_set: EvaluationSet, wanted: GenerateParameters, long_side: int, sink: Sink
) -> Model:
    """Train, measure and keep the model, by the engine that was asked for."""
    views = eval_set.training(scene)
    settings = lowered(PRESETS[wanted.preset].settings(wanted, len(views)), read_limits(folder), sink)
    settings = replace(settings, depth_seeds=any(scene.views[index].depth_path is not None for index in views))

    def write(trained: Trained, engine: dict[str, Any]) -> Model:
        own = replace(settings, sh_degree=trained.unfiltered.sh_degree)
        details = {"preset": wanted.preset, "long_side": long_side, "settings": asdict(own), "engine": engine}
        # None at the first generate; a later one is chosen only where it is better on the same held-out photos.
        version = NewVersion(folder.next_version(), None, "generate", promoted_standing(folder), details)
        return write_version(folder, scene, eval_set, trained, version, sink)

    model, failed = model_of_generate(folder, scene, views, wanted, long_side, write, sink)
    if model is None:
        trained = train_from_points(folder, scene, views, settings, eval_set.watched(scene), sink)
        model = write(trained, ours(failed, wanted.engine))
    sink.keep(model)
    folder.save_model(model)
    return model


def _kept_model(folder: Folder) -> Model | None:
    """The model that an earlier attempt of this run kept."""
    kept = folder.project().get("versions_of_run", [])
    return folder.load_model(kept[-1]) if kept else None
