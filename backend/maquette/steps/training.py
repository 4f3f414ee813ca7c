"""Runs the trainer for a step: progress, checkpoints on disk, floaters filtered before the last stretch."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from maquette.recon.checkpoint import Checkpoint, CorruptCheckpointError, load_checkpoint
from maquette.recon.cuda import choose_backend
from maquette.recon.density import empty_statistics
from maquette.recon.evaluate import evaluate
from maquette.recon.formats import format_named
from maquette.recon.gaussians import Gaussians
from maquette.recon.gaussians.floaters import filter_floaters
from maquette.recon.scene import Scene
from maquette.recon.support import views_seeing
from maquette.recon.train import Backend, TrainStep, train
from maquette.recon.train_settings import TrainSettings, refine_settings
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import Losses, Warn
from maquette.steps.showing import Showing
from maquette.steps.sink import Sink
from maquette.steps.watching import Watching

CHECKPOINT_EVERY_S, CHECKPOINT_EVERY = 30.0, 500

MEASURED_VIEWS = 8
"""Training views that are measured: spread evenly, enough to see overfitting and what a change costs."""

FILTER_AT = 0.85
"""Share of the iterations after which floaters are filtered; the rest closes the gaps that they leave."""


SEEN_BY_VIEWS, SUPPORT_VIEWS = 2, 40
"""The filter's rules know only distances, and far background is as sparse as floaters are. So what this many training
photos (of at most ``SUPPORT_VIEWS`` looked at) draw with at least a pixel's weight is no floater and stays."""

FLOATER_TOLERANCE_DB = 1.0
"""Where the rest still costs the training photos more than this, the version stays unfiltered, and says so."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model with its optimiser state, and what it is with and without floaters: one of them, or both, are
    the very Gaussians of the checkpoint.
    """

    checkpoint: Checkpoint
    unfiltered: Gaussians
    filtered: Gaussians
    floaters: dict[str, Any]
    """What the filter found, and whether the model is the filtered one (``accepted``)."""
    seconds: float
    backend: Backend | Literal["engine"]
    """``engine``: a program that is not ours."""
    losses: Losses | None = None
    """None where the training saw too little for a single number."""


def train_from_points(
    folder: Folder, scene: Scene, views: Sequence[int], settings: TrainSettings, watched: int, sink: Sink
) -> Trained:
    """Train a new model on ``views``, going on from checkpoints that a killed attempt left in the folder.

    People may watch by the view ``watched``.
    """
    home = folder.training
    forget_other_work(home, settings, views, scene)
    dense, settled, unfiltered = home / "checkpoint.npz", home / "settled.npz", home / "unfiltered.ply"
    filter_at = max(1, round(FILTER_AT * settings.iterations))
    began, total = time.monotonic(), settings.iterations
    ply = format_named("ply")
    backend = choose_backend()
    watching = Watching(Showing(scene, watched, settings.max_side_px, sink), backend, kept_at=home / "losses.json")
    start = load(settled, sink) if (home / "floaters.json").exists() else None
    if start is None:
        first = replace(settings, iterations=filter_at, schedule_iterations=total)
        begun = load(dense, sink)
        watching.begin(total, len(views), after=begun)
        steps = train(scene, first, start=begun, views=views, backend=backend)
        grown = follow(steps, dense, sink, lambda step: (step.iteration / total, total), watching) or load(dense, sink)
        if grown is None:
            raise RuntimeError("training ended without a single iteration")
        start, floaters = _filter(grown, scene, views, settings)
        ply.write(grown.gaussians, unfiltered, provenance={"floaters": "not filtered"})
        start.save(settled)
        write_json(home / "floaters.json", floaters)
    else:
        watching.begin(total, len(views), after=start)
    floaters = json.loads((home / "floaters.json").read_text())
    steps = train(scene, settings, start=start, views=views, backend=backend)
    finished = follow(steps, settled, sink, lambda step: (step.iteration / total, total), watching) or start
    if not floaters["accepted"]:
        _tell_refusal(floaters, sink)
    losses = watching.losses(settings, scene, views)
    return _trained(finished, floaters, ply.read(unfiltered), time.monotonic() - began, backend, losses)


def _filter(
    grown: Checkpoint, scene: Scene, views: Sequence[int], settings: TrainSettings
) -> tuple[Checkpoint, dict[str, Any]]:
    """The state to go on from: without floaters, unless that costs the training photos too much."""
    keep, counts = _not_floating(grown.gaussians, scene, views, settings)
    filtered = replace(
        grown,
        gaussians=grown.gaussians.subset(keep),
        moments=grown.moments.subset(keep),
        statistics=empty_statistics(int(keep.sum())),
    )
    sample = spread(views, MEASURED_VIEWS)
    before, after = (
        float(
            np.mean(
                [
                    one.psnr
                    for one in evaluate(
                        state.gaussians, scene, sample, downscale=settings.downscale, max_side_px=settings.max_side_px
                    )
                ]
            )
        )
        for state in (grown, filtered)
    )
    accepted = before - after <= FLOATER_TOLERANCE_DB
    told = {"accepted": accepted, "training_psnr_before": before, "training_psnr_after": after, **counts}
    return filtered if accepted else grown, told


def _not_floating(
    gaussians: Gaussians, scene: Scene, views: Sequence[int], settings: TrainSettings
) -> tuple[Bool[ndarray, " n"], dict[str, Any]]:
    """Which Gaussians to keep: what the distance rules keep, and what several photos see."""
    found = filter_floaters(gaussians)
    seen = views_seeing(
        gaussians,
        scene,
        spread(views, SUPPORT_VIEWS),
        downscale=settings.downscale,
        max_side_px=settings.max_side_px,
    )
    keep = found.keep | (seen >= SEEN_BY_VIEWS)
    return keep, {**found.as_dict(), "kept": int(keep.sum()), "kept_as_seen": int((keep & ~found.keep).sum())}


def _tell_refusal(floaters: dict[str, Any], sink: Sink) -> None:
    loss = floaters["training_psnr_before"] - floaters["training_psnr_after"]
    sink.warn(
        Warn(
            code="floater_filter_not_applied",
            message=f"What the floater filter would take out is needed: without it the training photos lose "
            f"{loss:.1f} dB. The version is unfiltered; a filtered file is kept beside it.",
            suggestion="Export with `filter_floaters` for the filtered one.",
        )
    )


def _trained(
    finished: Checkpoint,
    floaters: dict[str, Any],
    unfiltered: Gaussians,
    seconds: float,
    backend: Backend,
    losses: Losses | None,
) -> Trained:
    """With floaters taken out for good the other file is the state before; otherwise it is made from the model."""
    model, seconds = finished.gaussians, round(seconds, 2)
    if floaters["accepted"]:
        return Trained(finished, unfiltered, model, floaters, seconds, backend, losses)
    filtered = model.subset(filter_floaters(model).keep)
    return Trained(finished, model, filtered, floaters, seconds, backend, losses)


def spread(views: Sequence[int], count: int) -> tuple[int, ...]:
    """At most ``count`` of the views, evenly spread."""
    if len(views) <= count:
        return tuple(views)
    return tuple(views[i] for i in np.linspace(0, len(views) - 1, count).round().astype(int))


def train_further(
    scene: Scene,
    views: Sequence[int],
    start: Checkpoint,
    settings: TrainSettings,
    floaters: dict[str, Any],
    *,
    iterations: int,
    rate_scale: float,
    seed: int,
    showing: Showing,
    sink: Sink,
) -> Trained:
    """Go on from a stored version for ``iterations`` more, without new Gaussians.

    ``floaters``: what was found and decided when the tree's first version was made; without new Gaussians that
    stands.
    """
    # Which photos wait was counted in another choice of views; the order begins anew, from the call's own seed.
    rng = np.random.default_rng([seed, start.iteration])
    start = replace(start, waiting=np.empty(0, np.int64), rng_state=dict(rng.bit_generator.state))
    further = refine_settings(settings, from_iteration=start.iteration, iterations=iterations, rate_scale=rate_scale)
    began, first, backend = time.monotonic(), start.iteration, choose_backend()
    watching = Watching(showing, backend)
    watching.begin(iterations, len(set(views)))
    finished = follow(
        train(scene, further, start=start, views=views, backend=backend),
        None,
        sink,
        lambda step: ((step.iteration - first) / iterations, first + iterations),
        watching,
    )
    if finished is None:
        raise RuntimeError("refinement ended without a single iteration")
    losses = watching.losses(settings, scene, views)
    return _trained(finished, floaters, finished.gaussians, time.monotonic() - began, backend, losses)


def follow(
    steps: Iterator[TrainStep], path: Path | None, sink: Sink, position: Any, watching: Watching
) -> Checkpoint | None:
    """Walk through the iterations with progress and checkpoints; the last state, None where none was left to do."""
    saved, last = time.monotonic(), None
    sink.progress("training", 0.0, "preparing; the very first time on a machine this compiles the engine")
    for step in steps:
        last = step
        fraction, total = position(step)
        sink.progress("training", fraction, f"iteration {step.iteration}/{total}, {step.gaussian_count:,} Gaussians")
        watching.look(step, fraction, total)
        due = time.monotonic() - saved > CHECKPOINT_EVERY_S or step.iteration % CHECKPOINT_EVERY == 0
        if path is not None and due:
            watching.keep()
            step.checkpoint().save(path)
            saved = time.monotonic()
    if last is None:
        return None
    checkpoint = last.checkpoint()
    if path is not None:
        watching.keep()
        checkpoint.save(path)
    return checkpoint


def load(path: Path, sink: Sink) -> Checkpoint | None:
    """The checkpoint that a killed attempt left, None where it left none; one that is damaged is told of."""
    if not path.exists():
        return None
    try:
        return load_checkpoint(path)
    except CorruptCheckpointError as error:
        sink.warn(Warn(code=error.code, message=f"{error.message} Training began again.", suggestion=""))
        return None


def _fingerprint(scene: Scene) -> str:
    """Of cameras, points, masks, depths and the photos' names: another camera search gives another world, even of the
    same photos.
    """
    digest = hashlib.sha256(json.dumps([[view.name, view.camera.as_dict()] for view in scene.views]).encode())
    digest.update(np.ascontiguousarray(scene.points).tobytes())
    for view in scene.views:
        for path in (view.mask_path, view.depth_path):
            digest.update(b"none" if path is None else hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def forget_other_work(home: Path, settings: TrainSettings, views: Sequence[int], scene: Scene) -> None:
    """Checkpoints of other settings or photos are of no use here."""
    work = {"settings": asdict(settings), "views": list(views), "scene": _fingerprint(scene)}
    home.mkdir(parents=True, exist_ok=True)
    marker, text = home / "work.json", json.dumps(work, sort_keys=True)
    if not marker.exists() or json.dumps(json.loads(marker.read_text()), sort_keys=True) != text:
        for path in home.iterdir():
            path.unlink()
        write_json(marker, work)
