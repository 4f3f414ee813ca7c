"""The refine step: further rounds of optimisation from a stored version, each measured and kept as a version."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maquette.errors import BadInputError, WrongStateError
from maquette.recon.checkpoint import load_checkpoint
from maquette.recon.quality import converged, overall_quality, relative_gain
from maquette.recon.scene import Scene
from maquette.recon.scenes.saved import load_saved_scene
from maquette.recon.train import MIN_VIEWS
from maquette.recon.train_settings import TrainSettings
from maquette.steps import evaluation
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.folder import Folder
from maquette.steps.looks import render_worst
from maquette.steps.parameters import RefineParameters
from maquette.steps.presets import PRESETS, REFERENCE_LEARNING_RATE
from maquette.steps.records import Iteration, Metric, Model, Record, Warn
from maquette.steps.sink import Sink
from maquette.steps.training import train_further
from maquette.steps.versions import NewVersion, write_version

METHOD = "none"
"""The enhancement of DESIGN 5 that this step uses: none, it optimises against the source photos only."""


TRAINING_SHARE = 0.85
"""Of a round's time; the rest is measuring and writing."""


class BadViewsError(BadInputError):
    """``views_to_refine`` names views that cannot be trained on."""

    code = "bad_views_to_refine"


class NotMeasuredError(WrongStateError):
    """The version to refine has no held-out metrics to compare with."""

    code = "version_not_measured"


@dataclass(frozen=True)
class _RoundSink:
    """Shows one round as its part of all rounds; everything else goes straight on."""

    sink: Sink
    number: int
    rounds: int

    def progress(self, stage: str, fraction: float, message: str = "") -> None:
        """Training is most of a round, measuring the rest."""
        within = TRAINING_SHARE * fraction if stage == "training" else TRAINING_SHARE + (1 - TRAINING_SHARE) * fraction
        told = f"round {self.number} of {self.rounds}, {stage}{': ' if message else ''}{message}"
        self.sink.progress("rounds", (self.number - 1 + within) / self.rounds, told)

    def keep(self, record: Record) -> None:
        """Hand it on."""
        self.sink.keep(record)

    def warn(self, warning: Warn) -> None:
        """Hand it on."""
        self.sink.warn(warning)


def run(root: Path, parameters: Mapping[str, Any], sink: Sink) -> dict[str, Any]:
    """Refine ``from_version`` for up to ``num_iterations`` rounds; keep a :class:`Model` for each round.

    A round becomes the promoted version only where its held-out quality is higher than that of the promoted one.
    Rounds that an earlier, killed attempt of the same run kept are not done again.
    """
    folder, wanted = Folder(root), RefineParameters.model_validate(parameters)
    sink.progress("loading", 0.0)
    scene = load_saved_scene(folder.scene)
    eval_set = evaluation.load(folder)
    if eval_set is None:
        raise NotMeasuredError("The project has no evaluation set.", suggestion="Generate it again, then refine.")
    project = folder.project()
    first = folder.load_model(wanted.from_version if wanted.from_version is not None else project["from_version"])
    views = _training_views(scene, eval_set, wanted.views_to_refine)
    rounds = _rounds_kept(folder, project)
    promoted = project.get("promoted_quality")
    best = max([_quality(first) if promoted is None else float(promoted), *(_quality(m) for m in rounds if m.promote)])
    while len(rounds) < wanted.num_iterations and not (rounds and _iteration(rounds[-1]).converged):
        parent = rounds[-1] if rounds else first
        number = len(rounds) + 1
        round_sink = _RoundSink(sink, number, wanted.num_iterations)
        model = _refine_once(folder, scene, eval_set, views, wanted, parent, number, best, round_sink)
        sink.keep(model)
        folder.save_model(model)
        best = max(best, _quality(model))
        rounds.append(model)
    return _result(rounds, first)


def _refine_once(
    folder: Folder,
    scene: Scene,
    eval_set: EvaluationSet,
    views: Sequence[int],
    wanted: RefineParameters,
    parent: Model,
    number: int,
    best: float,
    sink: Sink,
) -> Model:
    """One round: optimise from ``parent``, measure, compare; a version that is written but not yet kept."""
    began = time.monotonic()
    looked_at = render_worst(folder, scene, eval_set, views, parent, METHOD)
    preset = PRESETS[parent.details.get("preset", "balanced")]
    iterations = wanted.steps_per_iteration or preset.refine_steps
    trained = train_further(
        scene,
        views,
        load_checkpoint(folder.root / parent.checkpoint.path),
        TrainSettings(**_tuples(parent.details["settings"])),
        parent.details["floaters"],
        iterations=iterations,
        rate_scale=wanted.learning_rate / REFERENCE_LEARNING_RATE,
        seed=wanted.seed,
        sink=sink,
    )
    before = _quality(parent)

    def describe(mean: Metric) -> Iteration:
        after = overall_quality(mean.psnr, mean.ssim)
        return Iteration(
            iteration=number,
            method=METHOD,
            quality_before=before,
            quality_after=after,
            relative_gain=relative_gain(before, after),
            converged=converged(before, after, wanted.convergence_threshold),
            seconds=round(time.monotonic() - began, 3),
            views=looked_at,
        )

    details = {**parent.details, "learning_rate": wanted.learning_rate, "round_iterations": iterations}
    version = NewVersion(
        folder.next_version(), parent, "refine", promote_above=best, details=details, describe=describe
    )
    return write_version(folder, scene, eval_set, trained, version, sink)


def _result(rounds: Sequence[Model], first: Model) -> dict[str, Any]:
    promoted = [model for model in rounds if model.promote]
    return {
        "from_version": first.version,
        "iterations_completed": len(rounds),
        "converged": bool(rounds) and _iteration(rounds[-1]).converged,
        "versions": [model.version for model in rounds],
        "final_version": rounds[-1].version if rounds else first.version,
        "promoted_version": promoted[-1].version if promoted else None,
        "method": METHOD,
        "metrics": [
            {
                "iteration": _iteration(model).iteration,
                "version": model.version,
                "psnr": mean.psnr,
                "ssim": mean.ssim,
                "overall_quality": mean.overall_quality,
                "relative_gain": _iteration(model).relative_gain,
                "promoted": model.promote,
            }
            for model in rounds
            if (mean := model.mean()) is not None
        ],
    }


def _training_views(scene: Scene, eval_set: EvaluationSet, wanted: Sequence[int] | None) -> tuple[int, ...]:
    training = eval_set.training(scene)
    if wanted is None:
        return training
    bad = sorted(set(wanted) - set(training))
    if bad:
        raise BadViewsError(
            f"Views {', '.join(map(str, bad))} cannot be refined: they do not exist, or are held out to measure.",
            suggestion="Choose from GET /api/v1/projects/{id}/views with `split` training.",
            views=bad,
        )
    chosen = tuple(sorted(set(wanted)))
    if len(chosen) < MIN_VIEWS:
        raise BadViewsError(
            f"{len(chosen)} view is too few to refine against: {MIN_VIEWS} are needed.",
            suggestion="Name more views, or leave `views_to_refine` out for all of them.",
            views=list(chosen),
        )
    return chosen


def _rounds_kept(folder: Folder, project: Mapping[str, Any]) -> list[Model]:
    """Rounds of this same run that an earlier attempt finished, oldest first."""
    return [folder.load_model(int(version)) for version in project.get("versions_of_run", [])]


def _iteration(model: Model) -> Iteration:
    if model.iteration is None:
        raise NotMeasuredError(
            f"Version {model.version} was not made by refining.", suggestion="Refine from another version."
        )
    return model.iteration


def _tuples(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they come back from JSON, which knows no tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}


def _quality(model: Model) -> float:
    mean = model.mean()
    if mean is None:
        raise NotMeasuredError(
            "The version to refine has no held-out metrics.",
            suggestion="Refine from another version, or generate again.",
        )
    return overall_quality(mean.psnr, mean.ssim)
