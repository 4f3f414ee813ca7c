"""Exposures on a device: the rule of :mod:`maquette.recon.exposure`, without waiting for the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64
from numpy import ndarray
from torch import Tensor

from maquette.recon.exposure import BETA1, BETA2, EPSILON, Exposures


@dataclass(eq=False)
class DeviceExposures:
    """:class:`Exposures` with the numbers on a device; names and counts of steps stay on the host."""

    names: tuple[str, ...]
    gains: Float32[Tensor, "n 3"]
    first: Float32[Tensor, "n 3"]
    second: Float32[Tensor, "n 3"]
    steps: Int64[ndarray, " n"]

    def to_host(self) -> Exposures:
        """A copy on the host; waits for the device."""
        gains, first, second = (part.cpu().numpy().copy() for part in (self.gains, self.first, self.second))
        return Exposures(self.names, gains, first, second, self.steps.copy())


def exposures_on(exposures: Exposures, device: torch.device, names: Sequence[str] = ()) -> DeviceExposures:
    """A copy of ``exposures`` on ``device``, with rows for ``names`` as well."""
    full = exposures.covering(names)
    gains, first, second = (torch.tensor(part, device=device) for part in (full.gains, full.first, full.second))
    return DeviceExposures(full.names, gains, first, second, full.steps)


def exposure_step(
    exposures: DeviceExposures,
    row: int,
    gradient: Float32[Tensor, " 3"],
    rate: float,
    trained: Int64[Tensor, " k"],
) -> None:
    """One step of Adam on the gains of ``row``, taken back in equal parts from the rows ``trained``."""
    exposures.steps[row] += 1
    steps = int(exposures.steps[row])
    first = exposures.first[row].lerp_(gradient, 1 - BETA1)
    second = exposures.second[row].lerp_(gradient * gradient, 1 - BETA2)
    move = rate * first / (1 - BETA1**steps) / ((second / (1 - BETA2**steps)).sqrt() + EPSILON)
    exposures.gains[row] -= move
    exposures.gains.index_add_(0, trained, (move / len(trained)).expand(len(trained), 3))
