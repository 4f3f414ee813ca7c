"""The refine step: further rounds of optimisation from a stored version, each measured and kept as a version."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maquette.errors import WrongStateError
from maquette.recon.checkpoint import load_checkpoint
from maquette.recon.enhance import Choice, choose_method
from maquette.recon.quality import Standing, comparable, converged, relative_gain
from maquette.recon.scene import Scene
from maquette.recon.scenes.saved import load_saved_scene
from maquette.recon.train_settings import TrainSettings
from maquette.steps import evaluation
from maquette.steps.engines.stages import Rounds, mesh_of_refine
from maquette.steps.enhancing import Enhancing, enhancing_of, look_at
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.folder import Folder
from maquette.steps.lessons import Lesson, prepare_lesson
from maquette.steps.limits import lowered, read_limits
from maquette.steps.parameters import RefineParameters
from maquette.steps.presets import PRESETS, REFERENCE_LEARNING_RATE
from maquette.steps.records import Iteration, Metric, Model, Preview, Record, Warn
from maquette.steps.replacement import bring_up_to_date, render_new_depth
from maquette.steps.selection import select_views
from maquette.steps.showing import Showing
from maquette.steps.sink import Sink
from maquette.steps.training import Trained, train_further
from maquette.steps.versions import NewVersion, promoted_standing, standing_of, write_version

SHARES = {"enhancing": 0.02, "weighing": 0.0, "training": 0.83, "evaluation": 0.15}
ENHANCED_SHARES = {"enhancing": 0.4, "weighing": 0.05, "training": 0.45, "evaluation": 0.1}
"""Usual shares of a round's time, where a neural model enhances in the second."""


class NotMeasuredError(WrongStateError):
    """The version to refine has no held-out metrics to compare with."""

    code = "version_not_measured"


@dataclass(frozen=True)
class _RoundSink:
    """Shows one round as its part of all rounds; everything else goes straight on."""

    sink: Sink
    number: int
    rounds: int
    shares: Mapping[str, float]

    def progress(self, stage: str, fraction: float, message: str = "") -> None:
        """Stages of a round follow each other by their shares."""
        within = 0.0
        for name, share in self.shares.items():
            if name == stage:
                within += share * fraction
                break
            within += share
        told = f"round {self.number} of {self.rounds}, {stage}{': ' if message else ''}{message}"
        self.sink.progress("rounds", (self.number - 1 + within) / self.rounds, told)

    def keep(self, record: Record) -> None:
        """Hand it on."""
        self.sink.keep(record)

    def show(self, preview: Preview) -> None:
        """Hand it on."""
        self.sink.show(preview)

    def warn(self, warning: Warn) -> None:
        """Hand it on."""
        self.sink.warn(warning)


def run(root: Path, parameters: Mapping[str, Any], sink: Sink) -> dict[str, Any]:
    """Refine ``from_version`` for up to ``num_iterations`` rounds; keep a :class:`Model` for each round.

    A round becomes the promoted version only where it outranks the promoted one (:mod:`maquette.recon.quality`).
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
    outside = Rounds(folder, wanted)
    choice = choose_method("none" if outside.engine else wanted.enhancement, weights := folder.weights())
    how = enhancing_of(choice.method, weights, wanted)
    select_views(scene, eval_set, first, wanted.views_to_refine, enhanced=choice.method.name != "none")
    _tell_choice(choice, wanted, sink)
    scene = bring_up_to_date(folder, scene, eval_set, sink)
    showing = Showing(scene, eval_set.watched(scene), eval_set.long_side, sink)
    rounds = _rounds_kept(folder, project)
    # Each promoted round outranked the one before it, and is what the next must outrank.
    chosen = [_standing(model) for model in rounds if model.promote]
    best = chosen[-1] if chosen else promoted_standing(folder) or _standing(first)
    while len(rounds) < wanted.num_iterations and not (rounds and _iteration(rounds[-1]).converged):
        parent = rounds[-1] if rounds else first
        number = len(rounds) + 1
        shares = ENHANCED_SHARES if choice.method.models else SHARES
        round_sink = _RoundSink(sink, number, wanted.num_iterations, shares)
        model = _refine_once(folder, scene, eval_set, wanted, how, parent, number, best, showing, outside, round_sink)
        sink.keep(model)
        folder.save_model(model)
        if model.promote:
            best = _standing(model)
        rounds.append(model)
    final = rounds[-1] if rounds else first
    render_new_depth(folder, scene, final, eval_set.long_side, sink)
    told = {"method": choice.method.name, "method_reason": choice.reason, "engine": final.details.get("engine")}
    return {**_result(rounds, first), **told, **mesh_of_refine(folder, scene, final, wanted, sink)}


def _refine_once(
    folder: Folder,
    scene: Scene,
    eval_set: EvaluationSet,
    wanted: RefineParameters,
    how: Enhancing,
    parent: Model,
    number: int,
    best: Standing,
    showing: Showing,
    outside: Rounds,
    sink: Sink,
) -> Model:
    """One round: choose, render and enhance views, train on what agrees, measure; a version that is not yet kept."""
    began, parents = time.monotonic(), _standing(parent).quality
    settings = lowered(TrainSettings(**_tuples(parent.details["settings"])), read_limits(folder), sink)
    training = eval_set.training(scene)
    preset = PRESETS[parent.details.get("preset", "balanced")]
    iterations = wanted.steps_per_iteration or preset.refine_steps

    def write(trained: Trained, engine: dict[str, Any], method: str, lesson: Lesson | None = None) -> Model:
        def describe(mean: Metric) -> Iteration:
            before, after = comparable(parents, mean.quality())
            return Iteration(
                iteration=number,
                method=method,
                quality_before=before,
                quality_after=after,
                relative_gain=relative_gain(before, after),
                converged=converged(before, after, wanted.convergence_threshold),
                seconds=round(time.monotonic() - began, 3),
                views=() if lesson is None else lesson.looked_at,
            )

        details = {
            **parent.details,
            "learning_rate": wanted.learning_rate,
            "round_iterations": iterations,
            "engine": engine,
        }
        version = NewVersion(
            folder.next_version(),
            parent,
            "refine",
            promote_above=best,
            details=details,
            describe=describe,
            taught_by=() if lesson is None else lesson.taught_by,
        )
        return write_version(folder, scene, eval_set, trained, version, sink)

    made = outside.model(
        scene, training, parent, iterations, lambda trained, told: write(trained, told, str(told["name"])), sink
    )
    if made is not None:
        return made
    views = select_views(scene, eval_set, parent, wanted.views_to_refine, enhanced=how.method.name != "none")
    looks = look_at(folder, scene, parent, views, training, settings, how, sink)
    lesson = prepare_lesson(folder, scene, training, parent, looks, settings, sink)
    trained = train_further(
        lesson.scene,
        lesson.views,
        load_checkpoint(folder.root / parent.checkpoint.path),
        settings,
        parent.details["floaters"],
        iterations=iterations,
        rate_scale=wanted.learning_rate / REFERENCE_LEARNING_RATE,
        seed=wanted.seed,
        showing=showing,
        sink=sink,
    )
    return write(trained, outside.ours(), how.method.name, lesson)


def _tell_choice(choice: Choice, wanted: RefineParameters, sink: Sink) -> None:
    """Where nobody chose and no weights are here nothing enhances. A round is useful all the same, but say so."""
    if wanted.enhancement is None and choice.problems:
        sink.warn(
            Warn(
                code="no_enhancement",
                message=choice.reason,
                suggestion="`maquette models pull` brings weights; `enhancement: none` asks for this and says nothing.",
            )
        )


def _result(rounds: Sequence[Model], first: Model) -> dict[str, Any]:
    promoted = [model for model in rounds if model.promote]
    return {
        "from_version": first.version,
        "iterations_completed": len(rounds),
        "converged": bool(rounds) and _iteration(rounds[-1]).converged,
        "versions": [model.version for model in rounds],
        "final_version": rounds[-1].version if rounds else first.version,
        "promoted_version": promoted[-1].version if promoted else None,
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


def _standing(model: Model) -> Standing:
    standing = standing_of(model)
    if standing is None:
        raise NotMeasuredError(
            "The version to refine has no held-out metrics.",
            suggestion="Refine from another version, or generate again.",
        )
    return standing
