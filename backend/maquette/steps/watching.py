"""What is written down of a training beside its checkpoints: the losses on its way, and pictures for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from maquette.recon.checkpoint import Checkpoint
from maquette.recon.loss_curve import LossCurve, definition
from maquette.recon.scene import Scene
from maquette.recon.train import Backend, TrainStep
from maquette.recon.train_settings import TrainSettings
from maquette.steps.folder import write_json
from maquette.steps.records import Losses
from maquette.steps.showing import Showing

LOSS_OF_EVERY: dict[Backend, int] = {"cpu": 1, "cuda": 10}
"""Of which iterations the loss is read: the host waits for a GPU to say it."""


class Watching:
    """Takes note of a training.

    ``kept_at``: where the losses wait for an attempt that goes on; none: nobody goes on.
    """

    def __init__(self, showing: Showing, backend: Backend, *, kept_at: Path | None = None) -> None:
        self._showing, self._kept_at = showing, kept_at
        self._stride = LOSS_OF_EVERY[backend]
        self._curve = LossCurve(every=1)

    def begin(self, iterations: int, photos: int, *, after: Checkpoint | None = None) -> None:
        """A training of so many iterations on so many photos begins, or goes on ``after`` a checkpoint."""
        self._curve = LossCurve.of(iterations=iterations, photos=photos)
        if after is not None and self._kept_at is not None and self._kept_at.exists():
            self._curve = LossCurve.from_dict(json.loads(self._kept_at.read_text()))
            self._curve.go_on_from(after.iteration)

    def look(self, step: TrainStep, fraction: float, iterations: int) -> None:
        """Take note of an iteration."""
        if step.iteration % self._stride == 0:
            self._curve.add(step.iteration, step.loss)
        self._showing.look(step, fraction, iterations)

    def keep(self) -> None:
        """Before the checkpoint that an attempt would go on from: what is newer than that is left out then."""
        if self._kept_at is not None:
            write_json(self._kept_at, self._curve.as_dict())

    def losses(self, settings: TrainSettings, scene: Scene, views: Sequence[int]) -> Losses | None:
        """The record of a training that has ended."""
        self._curve.close()
        if not self._curve.losses:
            return None
        with_depth = any(scene.views[index].depth_path is not None for index in views)
        told = self._curve.as_dict()
        return Losses(definition=definition(settings, with_depth=with_depth), **told)
