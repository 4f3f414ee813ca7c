"""Runs the trainer for a step: progress, checkpoints on disk, floaters filtered before the last stretch."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from maquette.recon.checkpoint import Checkpoint, CorruptCheckpointError, load_checkpoint
from maquette.recon.density import empty_statistics
from maquette.recon.formats import format_named
from maquette.recon.gaussians import Gaussians
from maquette.recon.gaussians.floaters import filter_floaters
from maquette.recon.scene import Scene
from maquette.recon.train import TrainStep, train
from maquette.recon.train_settings import TrainSettings, refine_settings
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import Warn
from maquette.steps.sink import Sink

CHECKPOINT_EVERY_S, CHECKPOINT_EVERY = 30.0, 500

FILTER_AT = 0.85
"""Share of the iterations after which floaters are filtered; the rest closes the gaps that they leave."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model with its optimiser state; ``unfiltered``: the Gaussians before floaters were taken out."""

    checkpoint: Checkpoint
    unfiltered: Gaussians
    details: dict[str, Any]


def train_from_points(
    folder: Folder, scene: Scene, views: Sequence[int], settings: TrainSettings, sink: Sink
) -> Trained:
    """Train a new model on ``views``, going on from checkpoints that a killed attempt left in the folder."""
    home = folder.training
    _forget_other_work(home, {"settings": asdict(settings), "views": list(views)})
    dense, settled, unfiltered = home / "checkpoint.npz", home / "filtered.npz", home / "unfiltered.ply"
    filter_at = max(1, round(FILTER_AT * settings.iterations))
    began, total = time.monotonic(), settings.iterations
    ply = format_named("ply")
    start = _load(settled, sink) if unfiltered.exists() else None
    if start is None:
        first = replace(settings, iterations=filter_at, schedule_iterations=total)
        steps = train(scene, first, start=_load(dense, sink), views=views)
        grown = _follow(steps, dense, sink, lambda step: (step.iteration / total, total)) or _load(dense, sink)
        if grown is None:
            raise RuntimeError("training ended without a single iteration")
        ply.write(grown.gaussians, unfiltered, provenance={"floaters": "not filtered"})
        start, removed = without_floaters(grown)
        write_json(home / "floaters.json", removed)
        start.save(settled)
    steps = train(scene, settings, start=start, views=views)
    finished = _follow(steps, settled, sink, lambda step: (step.iteration / total, total)) or start
    removed = json.loads((home / "floaters.json").read_text())
    details = {
        "training_iterations": finished.iteration,
        "training_seconds": round(time.monotonic() - began, 2),
        "floaters": removed,
    }
    return Trained(finished, ply.read(unfiltered), details)


def train_further(
    scene: Scene,
    views: Sequence[int],
    start: Checkpoint,
    settings: TrainSettings,
    *,
    iterations: int,
    rate_scale: float,
    seed: int,
    sink: Sink,
    done: float,
    share: float,
) -> Trained:
    """Go on from a stored version for ``iterations`` more, without new Gaussians.

    ``done`` and ``share``: what part of the whole step's training this is, for progress. Nothing new can float, so
    nothing is filtered and ``unfiltered`` is the model itself.
    """
    # Which photos wait was counted in another choice of views; the order begins anew, from the call's own seed.
    rng = np.random.default_rng([seed, start.iteration])
    start = replace(start, waiting=np.empty(0, np.int64), rng_state=dict(rng.bit_generator.state))
    further = refine_settings(settings, from_iteration=start.iteration, iterations=iterations, rate_scale=rate_scale)
    began, first = time.monotonic(), start.iteration
    finished = _follow(
        train(scene, further, start=start, views=views),
        None,
        sink,
        lambda step: (done + share * (step.iteration - first) / iterations, first + iterations),
    )
    if finished is None:
        raise RuntimeError("refinement ended without a single iteration")
    details = {"training_iterations": iterations, "training_seconds": round(time.monotonic() - began, 2)}
    return Trained(finished, finished.gaussians, details)


def without_floaters(checkpoint: Checkpoint) -> tuple[Checkpoint, dict[str, int | float | None]]:
    """The checkpoint without Gaussians that float, and how many each rule took out."""
    found = filter_floaters(checkpoint.gaussians)
    kept = replace(
        checkpoint,
        gaussians=checkpoint.gaussians.subset(found.keep),
        moments=checkpoint.moments.subset(found.keep),
        statistics=empty_statistics(int(found.keep.sum())),
    )
    return kept, found.as_dict()


def _follow(steps: Iterator[TrainStep], path: Path | None, sink: Sink, position: Any) -> Checkpoint | None:
    """Walk through the iterations with progress and checkpoints; the last state, None where none was left to do."""
    saved, last = time.monotonic(), None
    for step in steps:
        last = step
        fraction, total = position(step)
        sink.progress("training", fraction, f"iteration {step.iteration}/{total}, {step.gaussian_count:,} Gaussians")
        due = time.monotonic() - saved > CHECKPOINT_EVERY_S or step.iteration % CHECKPOINT_EVERY == 0
        if path is not None and due:
            step.checkpoint().save(path)
            saved = time.monotonic()
    if last is None:
        return None
    checkpoint = last.checkpoint()
    if path is not None:
        checkpoint.save(path)
    return checkpoint


def _load(path: Path, sink: Sink) -> Checkpoint | None:
    if not path.exists():
        return None
    try:
        return load_checkpoint(path)
    except CorruptCheckpointError as error:
        sink.warn(Warn(code=error.code, message=f"{error.message} Training began again.", suggestion=""))
        return None


def _forget_other_work(home: Path, work: dict[str, Any]) -> None:
    """Checkpoints of other settings or photos are of no use here."""
    home.mkdir(parents=True, exist_ok=True)
    marker, text = home / "work.json", json.dumps(work, sort_keys=True)
    if not marker.exists() or json.dumps(json.loads(marker.read_text()), sort_keys=True) != text:
        for path in home.iterdir():
            path.unlink()
        write_json(marker, work)
