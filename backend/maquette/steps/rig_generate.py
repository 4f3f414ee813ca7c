"""Six views with depth through the generate step: the rig solved, a model trained on all six, measured against them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from maquette.recon.cuda import choose_backend
from maquette.recon.gaussians.floaters import filter_floaters
from maquette.recon.rig.measuring import DEFINITION, SideMetric, measure_rig
from maquette.recon.rig.presets import rig_settings
from maquette.recon.rig.reading import RigView, read_rig
from maquette.recon.rig.rig import Rig, solve_rig
from maquette.recon.rig.scene import RigScene, write_scene
from maquette.recon.rig.training import train_rig
from maquette.recon.scene import Scene
from maquette.recon.scenes.saved import load_saved_scene, save_scene
from maquette.recon.train_settings import TrainSettings
from maquette.steps import evaluation
from maquette.steps.folder import Folder
from maquette.steps.limits import lowered, read_limits
from maquette.steps.parameters import GenerateParameters
from maquette.steps.placing import Placed, views_record
from maquette.steps.records import Model, Placement, Warn
from maquette.steps.rig_input import DEPTH_RENDER, VIEW, RigIncompleteError, rig_files
from maquette.steps.showing import Showing
from maquette.steps.sink import Sink
from maquette.steps.training import Trained, follow, forget_other_work, load
from maquette.steps.versions import NewVersion, promoted_standing, write_version
from maquette.steps.watching import Watching

METHOD = "six_views"


def is_rig(folder: Folder) -> bool:
    """Whether the project was given views of the rig."""
    return VIEW in folder.kinds().values()


def generate_from_rig(folder: Folder, wanted: GenerateParameters, sink: Sink) -> tuple[Scene, Model]:
    """Solve the rig, keep its views, train and measure a model, keep it. All six views teach: none is held out.

    The rig is solved again where an earlier attempt was killed: it takes seconds, and comes out the same. Raises
    ``six_views_incomplete``, and what :mod:`maquette.recon.rig` raises.
    """
    views, depths = rig_files(folder, VIEW), rig_files(folder, DEPTH_RENDER)
    if not len(views) == len(depths) == 6:
        raise RigIncompleteError(
            f"The project has {len(views)} views and {len(depths)} depth renders; six of each are needed.",
            suggestion="Send six `views` and six `depth_renders` in one upload, to a new project.",
        )
    read = read_rig(views, depths)
    rig = solve_rig(read, progress=lambda stage, fraction, message="": sink.progress("mapping", fraction, message))
    for warning in rig.warnings:
        sink.warn(Warn(code=warning.code, message=warning.message))
    settings = _settings(wanted)
    made = write_scene(read, rig, folder.scene, long_side_px=settings.max_side_px or 640)
    made = _under_photo_names(made, folder)
    save_scene(made.scene, folder.scene)
    made = replace(made, scene=load_saved_scene(folder.scene))
    if not folder.project().get("views_kept"):
        placed = Placed(made.scene, _placements(folder), _statistics(rig))
        sink.keep(views_record(folder, placed, evaluation.none_held_out(folder, settings.max_side_px or 640)))
    kept = folder.project().get("versions_of_run", [])
    if kept:
        return made.scene, folder.load_model(kept[-1])
    return made.scene, _model(folder, made, read, rig, lowered(settings, read_limits(folder), sink), wanted, sink)


def _settings(wanted: GenerateParameters) -> TrainSettings:
    settings = rig_settings(wanted.preset, seed=wanted.seed)
    return replace(
        settings,
        iterations=wanted.iterations or settings.iterations,
        max_gaussians=wanted.max_gaussians or settings.max_gaussians,
        max_side_px=wanted.long_side or settings.max_side_px,
    )


def _model(
    folder: Folder,
    made: RigScene,
    read: Sequence[RigView],
    rig: Rig,
    settings: TrainSettings,
    wanted: GenerateParameters,
    sink: Sink,
) -> Model:
    trained = _train(folder, made, settings, sink)
    sink.progress("evaluation", 0.0, "measuring the six views at their own size")
    measured = measure_rig(trained.checkpoint.gaussians, read, rig)
    details = {
        "preset": wanted.preset,
        "long_side": settings.max_side_px,
        "settings": asdict(settings),
        "input": METHOD,
        "inputs_measured": {"definition": DEFINITION, "mean": means(measured), "sides": [asdict(m) for m in measured]},
    }
    eval_set = evaluation.none_held_out(folder, settings.max_side_px or 640)
    version = NewVersion(folder.next_version(), None, "generate", promoted_standing(folder), details)
    model = write_version(folder, made.scene, eval_set, trained, version, sink)
    sink.keep(model)
    folder.save_model(model)
    return model


def means(measured: Sequence[SideMetric]) -> dict[str, float | None]:
    """Over the sides; None where no side has a number."""
    names = ("psnr", "ssim", "depth_mae", "depth_rmse", "depth_coverage")
    values = {name: [v for m in measured if (v := getattr(m, name)) is not None] for name in names}
    return {name: float(np.mean(found)) if found else None for name, found in values.items()}


def _train(folder: Folder, made: RigScene, settings: TrainSettings, sink: Sink) -> Trained:
    """On from a checkpoint that a killed attempt left. Floaters are not filtered: two backgrounds show them."""
    home, began, total = folder.training, time.monotonic(), settings.iterations
    forget_other_work(home, settings, made.training, made.scene)
    path, backend = home / "checkpoint.npz", choose_backend()
    start = load(path, sink)
    watched = made.training[len(made.training) // 2]
    watching = Watching(Showing(made.scene, watched, settings.max_side_px, sink), backend, kept_at=home / "losses.json")
    watching.begin(total, len(made.training), after=start)
    steps = train_rig(made, settings, start=start, backend=backend)
    finished = follow(steps, path, sink, lambda step: (step.iteration / total, total), watching) or start
    if finished is None:
        raise RuntimeError("training ended without a single iteration")
    model = finished.gaussians
    floaters: dict[str, Any] = {"accepted": False, "training_psnr_before": None, "training_psnr_after": None}
    filtered = model.subset(filter_floaters(model).keep)
    losses = watching.losses(settings, made.scene, made.training)
    return Trained(finished, model, filtered, floaters, round(time.monotonic() - began, 2), backend, losses)


def _under_photo_names(made: RigScene, folder: Folder) -> RigScene:
    """Views are called as the processed photos that they show, as everywhere."""
    names = {
        side: name for name, its in folder.details().items() if folder.kinds()[name] == VIEW for side in [its["side"]]
    }

    def renamed(scene: Scene) -> Scene:
        return replace(scene, views=tuple(replace(v, name=names[v.image_path.stem]) for v in scene.views))

    return replace(made, scene=renamed(made.scene), over_white=renamed(made.over_white))


def _placements(folder: Folder) -> tuple[Placement, ...]:
    filenames = folder.filenames()
    return tuple(Placement(name=name, filename=filenames[name], placed=True) for name, _ in sorted(filenames.items()))


def _statistics(rig: Rig) -> dict[str, Any]:
    return {
        "method": rig.method,
        "field_of_view_deg": round(rig.field_of_view_deg, 2),
        "depth_model": rig.depth_model,
        "sides_swapped": rig.sides_swapped,
        "margins": {name: round(value, 3) for name, value in rig.margins.items()},
        "sides": {side.side: {"object_scale": side.object_scale, **asdict(side.agreement)} for side in rig.sides},
    }
