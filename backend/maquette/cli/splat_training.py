"""The work of ``maquette splat train``: from a scene to ``model.ply`` and ``metrics.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from maquette.cli.bars import Bars
from maquette.cli.interruption import Interruption
from maquette.cli.local import OutNotWritableError
from maquette.cli.splat_run import Run, differences, sweep, work_of
from maquette.errors import MaquetteError
from maquette.recon.atomic import replacing
from maquette.recon.evaluate import ViewMetric, compare, evaluate
from maquette.recon.formats import format_named
from maquette.recon.gaussians import Gaussians
from maquette.recon.gaussians.previews import side_by_side, write_picture
from maquette.recon.memory import NotEnoughMemoryError
from maquette.recon.scene import Scene
from maquette.recon.train import train
from maquette.recon.train_settings import TrainSettings
from maquette.steps.parameters import GenerateParameters, Preset
from maquette.steps.presets import PRESETS

MODEL, METRICS, PREVIEW = "model.ply", "metrics.json", "preview.jpg"


@dataclass(frozen=True)
class Wishes:
    """What a call asks for besides the trainer's settings."""

    backend: Literal["cpu", "cuda"]
    preset: Preset | None
    fresh: bool
    keep_checkpoint: bool
    preview: bool


def settings_of(preset: Preset | None, photos: int, **explicit: Any) -> TrainSettings:
    """The preset's settings for so many training photos, or the trainer's own; what is not None wins over both.

    Raises ``bad_train_settings``.
    """
    told = {name: value for name, value in explicit.items() if value is not None}
    chosen = TrainSettings() if preset is None else PRESETS[preset].settings(GenerateParameters(preset=preset), photos)
    if "downscale" in told:
        chosen = replace(chosen, max_side_px=None)  # the preset's size, which this stands for
    return replace(chosen, **told).checked()


def train_in(
    out: Path, scene: Scene, settings: TrainSettings, wishes: Wishes, bars: Bars, stop: Interruption, began: float
) -> dict[str, Any]:
    """Train, or go on with what an earlier call left in ``out``; measure; write the files; the metrics.

    Raises what :func:`maquette.recon.train.train` does, and the errors of :mod:`maquette.cli.splat_run`.
    """
    bars.update("photos", 0.0, "looking whether they are those of an earlier call")
    run = Run(out, work_of(scene, settings), backend=wishes.backend, began=began)
    sweep(out)
    if wishes.fresh:
        run.forget()
    start = run.recover()
    bars.end_stage()
    _tell_beginning(run, settings, bars)
    if run.kept_iteration:
        stop.advice = f"The same call goes on from iteration {run.kept_iteration}."
    looked_at = scene.held_out[:1] if wishes.preview else ()

    def look(gaussians: Gaussians, iteration: int) -> None:
        for one in compare(gaussians, scene, looked_at, **_size(settings)):
            picture = side_by_side([one.photo, one.render], ["photo", f"iteration {iteration}"])
            write_picture(picture, out / PREVIEW)

    gaussians = None if start is None else start.gaussians
    run.begin_training()
    try:
        bars.update("training", 0.0, "preparing; the very first time on a machine this compiles the engine")
        steps = train(scene, settings, start=start, backend=wishes.backend)
        run.note()  # nothing was refused: from here on this attempt counts
        for step in steps:
            stop.patient = True  # from here on there is something to keep, and steps are short
            run.count(step.iteration)
            at = step.iteration / settings.iterations
            bars.update("training", at, f"{step.iteration}/{settings.iterations}, {step.gaussian_count:,} Gaussians")
            last = step.iteration == settings.iterations
            if run.due() or stop.asked or last:
                run.keep(step.checkpoint())
                stop.advice = f"The same call goes on from iteration {run.kept_iteration}."
                stop.obey()
                look(step.gaussians, step.iteration)
            if last:
                gaussians = step.gaussians
    except MemoryError as error:
        raise _out_of_memory(run) from error
    stop.patient = False
    stop.obey()
    if gaussians is None:
        raise RuntimeError("training made no iteration")

    held_out = _measure(run, gaussians, scene, scene.held_out, settings, bars, "evaluation")
    training = _measure(run, gaussians, scene, scene.training, settings, bars, "training photos")
    run.note()
    metrics = _metrics(run, settings, wishes, gaussians, held_out, training)
    try:
        format_named("ply").write(gaussians, out / MODEL, provenance={"generator": "maquette splat train"})
        with replacing(out / METRICS) as file:
            file.write(json.dumps(metrics, indent=1, allow_nan=False).encode())
    except OSError as error:
        raise OutNotWritableError(
            f"The result could not be written to {out}: {error.strerror}. The training is done and kept.",
            suggestion="Free some space there; the same call then only measures and writes it.",
        ) from error
    bars.end_stage()
    if not wishes.keep_checkpoint:
        run.forget()
    _tell_leftovers(run, bars)
    return metrics


def _size(settings: TrainSettings) -> dict[str, Any]:
    """How photos are shrunk in training is how they are measured."""
    return {
        "downscale": settings.downscale,
        "max_side_px": settings.max_side_px,
        "background": settings.background,
    }


def _measure(
    run: Run, gaussians: Gaussians, scene: Scene, views: Sequence[int], settings: TrainSettings, bars: Bars, stage: str
) -> list[ViewMetric]:
    found: list[ViewMetric] = []
    for done, view in enumerate(views):
        bars.update(stage, done / len(views), f"photo {done + 1} of {len(views)}")
        found += evaluate(gaussians, scene, [view], **_size(settings))
        run.tick()
    return found


def _metrics(
    run: Run,
    settings: TrainSettings,
    wishes: Wishes,
    gaussians: Gaussians,
    held_out: Sequence[ViewMetric],
    training: Sequence[ViewMetric],
) -> dict[str, Any]:
    """Seconds are those of all attempts, with what a kill lost and was done again; so is the count they are over."""
    seconds = sum(one.seconds_training for one in run.attempts)
    made = sum(one.to_iteration - one.from_iteration for one in run.attempts)
    return {
        "psnr": mean([m.psnr for m in held_out]),
        "ssim": mean([m.ssim for m in held_out]),
        "training_psnr": mean([m.psnr for m in training]),
        "training_ssim": mean([m.ssim for m in training]),
        "gaussians": len(gaussians),
        "iterations": settings.iterations,
        "seconds_total": round(sum(one.seconds_total for one in run.attempts), 3),
        "seconds_training": round(seconds, 3),
        "seconds_per_iteration": round(seconds / max(1, made), 5),
        "peak_memory_mb": max(one.peak_memory_mb for one in run.attempts),
        "resumed_from": [one.from_iteration for one in run.attempts if one.from_iteration],
        "attempts": len(run.attempts),
        "backend": wishes.backend,
        "preset": wishes.preset,
        "seed": settings.seed,
        "downscale": settings.downscale,
        "long_side": settings.max_side_px,
        "max_gaussians": settings.max_gaussians,
        "strategy": settings.strategy,
        "views": [vars(m) for m in held_out],
    }


def mean(values: Sequence[float]) -> float | None:
    """None, which JSON can say, where nothing was measured."""
    return sum(values) / len(values) if values else None


def _tell_beginning(run: Run, settings: TrainSettings, bars: Bars) -> None:
    if run.kept_iteration:
        bars.say(f"Goes on from iteration {run.kept_iteration} of {settings.iterations}, kept in {run.path.name}.")
        return
    for path, work in run.others():
        why = "it cannot be read" if work is None else differences(run.work, work)
        bars.say(f"Training begins anew. {path.name} is of another run and stays for that one: {why}.")


def _tell_leftovers(run: Run, bars: Bars) -> None:
    others = [path for path, _ in run.others()]
    if others:
        names, size = ", ".join(path.name for path in others), sum(path.stat().st_size for path in others)
        bars.say(
            f"Unfinished runs left {size / 1e6:.0f} MB: {names}. Delete them if you do not want to go on with them."
        )


def _out_of_memory(run: Run) -> MaquetteError:
    kept = f"the checkpoint of iteration {run.kept_iteration} stays" if run.kept_iteration else "nothing was kept"
    return NotEnoughMemoryError(
        f"Memory ran out at iteration {run.attempt.to_iteration + 1}; {kept}.",
        suggestion="Close other programs and call it again, or use fewer Gaussians or a larger downscale.",
    )
