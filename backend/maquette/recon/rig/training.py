"""Training on the rig's six views, before black and before white by turns.

Whatever hangs in front of a plain background in exactly its colour costs nothing there, and six views leave room for a
lot of it: streaks that show from everywhere else. Before another background the same streaks cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from maquette.recon.checkpoint import Checkpoint
from maquette.recon.rig.scene import BLACK, WHITE, RigScene
from maquette.recon.train import Backend, TrainStep, train
from maquette.recon.train_settings import TrainSettings

TURN = 48
"""Iterations before one background: eight rounds of the six views."""


def train_rig(
    rig_scene: RigScene, settings: TrainSettings, *, start: Checkpoint | None = None, backend: Backend = "cpu"
) -> Iterator[TrainStep]:
    """As :func:`maquette.recon.train.train` on all six views; ``settings.background`` is not looked at.

    Which background an iteration has follows from its number, so that a resumed run goes on as it would have.
    """
    length = settings.schedule_iterations or settings.iterations
    done = start.iteration if start else 0
    while done < settings.iterations:
        turn = done // TURN
        until = min(settings.iterations, (turn + 1) * TURN)
        white = turn % 2 == 0
        this_turn = replace(
            settings, iterations=until, schedule_iterations=length, background=WHITE if white else BLACK
        )
        scene = rig_scene.over_white if white else rig_scene.scene
        step: TrainStep | None = None
        for step in train(scene, this_turn, start=start, views=rig_scene.training, backend=backend):
            yield step
        if step is None:
            return
        done = until
        if done < settings.iterations:
            start = step.checkpoint()
