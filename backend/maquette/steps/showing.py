"""Lets people watch a training: now and then one view is rendered, to be seen beside its photo."""

from __future__ import annotations

import time
from io import BytesIO

from PIL import Image

from maquette.recon.evaluate import compare
from maquette.recon.metrics import psnr
from maquette.recon.scene import Scene
from maquette.recon.train import TrainStep
from maquette.steps.records import Preview
from maquette.steps.sink import Sink

FIRST_AT = 0.05
"""Share of a training after which the first picture is worth looking at."""
EVERY_S = 15.0
SHARE = 0.01
"""At most this share of the time goes into pictures, but for the first one: of large models on few cores they take
longer, and come more rarely."""
LONG_SIDE_PX = 480
JPEG_QUALITY = 80


class Showing:
    """One view of ``scene``, shown to ``sink`` as a training goes on. It outlasts the rounds of a refine."""

    def __init__(self, scene: Scene, view_index: int, max_side_px: int | None, sink: Sink) -> None:
        self._scene, self._view_index, self._sink = scene, view_index, sink
        self._max_side_px = min(LONG_SIDE_PX, max_side_px or LONG_SIDE_PX)
        self._due, self._shown = time.monotonic() + EVERY_S, False

    def look(self, step: TrainStep, fraction: float, iterations: int) -> None:
        """Show the model as it is, where it is time to. ``fraction`` of this training; it goes on to ``iterations``.

        The random numbers of the training are not touched: it comes out the same as one that nobody watches.
        """
        began = time.monotonic()
        first = not self._shown and fraction >= FIRST_AT
        if began < self._due and not first:
            return
        self._sink.show(self._preview(step, iterations))
        self._shown = True
        now = time.monotonic()
        self._due = now + max(EVERY_S, (now - began) / SHARE)

    def _preview(self, step: TrainStep, iterations: int) -> Preview:
        [seen] = compare(step.gaussians, self._scene, [self._view_index], max_side_px=self._max_side_px)
        height, width = seen.render.shape[:2]
        file = BytesIO()
        Image.fromarray(seen.render).save(file, "JPEG", quality=JPEG_QUALITY)
        return Preview(
            view_index=self._view_index,
            iteration=step.iteration,
            iterations=iterations,
            psnr=psnr(seen.render, seen.photo, seen.weights),
            width=width,
            height=height,
            picture=file.getvalue(),
        )
