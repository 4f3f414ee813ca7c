"""What a file shows less than the model it was made of: both against the photos, from the same views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from maquette.errors import BadInputError
from maquette.recon.evaluate import evaluate
from maquette.recon.frame.similarity import Similarity, moved
from maquette.recon.gaussians import Gaussians
from maquette.recon.scene import Scene

Split = Literal["held_out", "training"]

MOST_TRAINING_VIEWS = 8
"""So many training views, evenly spread, measure where nothing was held out, and what is lost near them."""


class NothingToMeasureOnError(BadInputError):
    """The scene has no photo that a model could be held against."""

    code = "nothing_to_measure_on"


@dataclass(frozen=True)
class Quality:
    """Means over views: ``psnr`` in dB, ``ssim`` up to 1."""

    psnr: float
    ssim: float


@dataclass(frozen=True)
class Loss:
    """The full model and what the file holds, on the same photos of a ``split``; positive losses are losses.

    On ``training`` views, where no photo was held out, both numbers flatter the model and the loss is still one.
    """

    full: Quality
    file: Quality
    split: Split
    views: int
    max_side_px: int

    @property
    def psnr_db(self) -> float:
        """PSNR lost, dB."""
        return self.full.psnr - self.file.psnr

    @property
    def ssim(self) -> float:
        """SSIM lost."""
        return self.full.ssim - self.file.ssim

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "loss_psnr_db": self.psnr_db, "loss_ssim": self.ssim}


def views_to_measure(held_out: Sequence[int], training: Sequence[int]) -> tuple[tuple[int, ...], Split]:
    """The held-out views, or where there are none a few of the training views. Raises ``nothing_to_measure_on``."""
    if held_out:
        return tuple(held_out), "held_out"
    if not training:
        raise NothingToMeasureOnError(
            "There is no photo to measure a loss on.", suggestion="Export without optimize, or generate again."
        )
    return some_of(training), "training"


def some_of(training: Sequence[int]) -> tuple[int, ...]:
    """A few of the training views, evenly spread."""
    last = max(0, len(training) - 1)
    spread = np.unique(np.linspace(0, last, min(MOST_TRAINING_VIEWS, len(training))).round().astype(int))
    return tuple(training[int(place)] for place in spread)


def measured_loss(
    full: Gaussians,
    read_back: Gaussians,
    scene: Scene,
    held_out: Sequence[int],
    training: Sequence[int] = (),
    *,
    max_side_px: int,
    file_from_world: Similarity | None = None,
) -> Loss:
    """Measure ``full`` and what was read back from a file, so that what the format itself loses is in it.

    ``file_from_world``: how the file's content was placed; it is placed back first. Raises ``nothing_to_measure_on``
    or ``unreadable_photo``.
    """
    views, split = views_to_measure(held_out, training)
    if file_from_world is not None:
        read_back = moved(read_back, file_from_world.inverse)
    return Loss(
        full=quality_of(full, scene, views, max_side_px),
        file=quality_of(read_back, scene, views, max_side_px),
        split=split,
        views=len(views),
        max_side_px=max_side_px,
    )


def quality_of(gaussians: Gaussians, scene: Scene, views: Sequence[int], max_side_px: int) -> Quality:
    """Means over ``views``, as :func:`~maquette.recon.evaluate.evaluate` measures each."""
    measured = evaluate(gaussians, scene, views, max_side_px=max_side_px)
    return Quality(
        float(np.mean([one.psnr for one in measured])),
        float(np.mean([one.ssim for one in measured])),
    )
