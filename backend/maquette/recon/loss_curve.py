"""The loss of a training as few numbers: its median over intervals.

An iteration sees one photo, and photos differ more from each other than the loss changes from one pass to the next: a
median over a pass through all of them is what can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from maquette.recon.train_settings import TrainSettings

MOST_POINTS = 100
"""Of a training, whatever its length; as many as can be told apart in a small chart."""


@dataclass
class LossCurve:
    """Medians over intervals of ``every`` iterations, each named by the last iteration that it holds."""

    every: int
    iterations: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    _gathered: list[float] = field(default_factory=list)
    _last: int = 0

    @classmethod
    def of(cls, *, iterations: int, photos: int) -> LossCurve:
        """An empty curve for a training of so many iterations on so many photos."""
        return cls(every=max(photos, -(-iterations // MOST_POINTS), 1))

    def add(self, iteration: int, loss: float) -> None:
        """Take the loss of an iteration; some may be left out, but none may come out of order."""
        self._gathered.append(loss)
        self._last = iteration
        if iteration % self.every == 0:
            self.close()

    def close(self) -> None:
        """End the interval that is open, however short it is."""
        if self._gathered:
            self.iterations.append(self._last)
            self.losses.append(median(self._gathered))
            self._gathered = []

    def go_on_from(self, iteration: int) -> None:
        """Forget what came after ``iteration``, which will come again: a training goes on from its checkpoint."""
        kept = sum(one <= iteration for one in self.iterations)
        del self.iterations[kept:], self.losses[kept:]
        self._gathered = []

    def as_dict(self) -> dict[str, Any]:
        """As :meth:`from_dict` reads it; the open interval is left out."""
        return {"every": self.every, "iterations": self.iterations, "losses": self.losses}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> LossCurve:
        """What :meth:`as_dict` gave."""
        return cls(int(data["every"]), [int(i) for i in data["iterations"]], [float(v) for v in data["losses"]])


def definition(settings: TrainSettings, *, with_depth: bool) -> str:
    """What the trainer's loss is, for people. ``with_depth``: whether views bring depths."""
    weight = settings.ssim_weight
    terms = f"{1 - weight:g} × L1 + {weight:g} × (1 − SSIM)"
    if with_depth and settings.depth_weight > 0:
        terms += f" + {settings.depth_weight:g}, fading, × the difference of inverse depths"
    sizes = ", which is smaller at first," if settings.coarse_levels > 0 else ""
    return f"{terms} of a training photo at the size{sizes} it is trained at; medians over about a pass of all photos"
