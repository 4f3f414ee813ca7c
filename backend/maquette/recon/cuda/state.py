"""Model, optimiser state and statistics as tensors on a device, to and from the checkpoint that every engine shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int32
from numpy import ndarray
from torch import Tensor

from maquette.recon.checkpoint import Checkpoint
from maquette.recon.cuda.exposure import DeviceExposures, exposures_on
from maquette.recon.density import Statistics
from maquette.recon.gaussians import Gaussians
from maquette.recon.optimizer import Moments


@dataclass(eq=False)
class Splats:
    """The five arrays of :class:`maquette.recon.gaussians.Gaussians` on a device, same units; float32 in training."""

    means: Float[Tensor, "n 3"]
    log_scales: Float[Tensor, "n 3"]
    quaternions: Float[Tensor, "n 4"]
    opacity_logits: Float[Tensor, " n"]
    sh: Float[Tensor, "n k 3"]

    def __len__(self) -> int:
        return len(self.means)

    def changed(self, change: Callable[[Tensor], Tensor]) -> Splats:
        """These splats with ``change`` applied to each tensor."""
        return Splats(**{field.name: change(getattr(self, field.name)) for field in fields(self)})

    def followed_by(self, *others: Splats) -> Splats:
        """All splats of this and the others, in order."""
        parts = (self, *others)
        return Splats(
            **{field.name: torch.cat([getattr(part, field.name) for part in parts]) for field in fields(self)}
        )


@dataclass(eq=False)
class DeviceState:
    """A :class:`Checkpoint` on a device. What is random stays on the host, so that engines can take over from another:
    the order of photos and the places of split Gaussians come from the same numpy generator everywhere.
    """

    splats: Splats
    first: Splats
    second: Splats
    steps: int
    gradient_sum: Float32[Tensor, " n"]
    views: Int32[Tensor, " n"]
    iteration: int
    waiting: ndarray
    rng: np.random.Generator
    exposures: DeviceExposures

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.splats.means.device

    def to_checkpoint(self) -> Checkpoint:
        """A copy of everything on the host; waits for the device."""
        return Checkpoint(
            gaussians=to_host(self.splats),
            moments=Moments(to_host(self.first), to_host(self.second), self.steps),
            statistics=Statistics(_array(self.gradient_sum), _array(self.views)),
            iteration=self.iteration,
            waiting=self.waiting.copy(),
            rng_state=dict(self.rng.bit_generator.state),
            exposures=self.exposures.to_host(),
        )


def from_checkpoint(checkpoint: Checkpoint, device: torch.device, names: Sequence[str] = ()) -> DeviceState:
    """A copy of ``checkpoint`` on ``device``, with exposures for ``names`` too."""
    rng = np.random.default_rng()
    rng.bit_generator.state = checkpoint.rng_state
    return DeviceState(
        splats=to_device(checkpoint.gaussians, device),
        first=to_device(checkpoint.moments.first, device),
        second=to_device(checkpoint.moments.second, device),
        steps=checkpoint.moments.steps,
        gradient_sum=_tensor(checkpoint.statistics.gradient_sum, device),
        views=_tensor(checkpoint.statistics.views, device),
        iteration=checkpoint.iteration,
        waiting=checkpoint.waiting.copy(),
        rng=rng,
        exposures=exposures_on(checkpoint.exposures, device, names),
    )


def to_device(gaussians: Gaussians, device: torch.device) -> Splats:
    """A copy of ``gaussians`` on ``device``."""
    return Splats(**{field.name: _tensor(getattr(gaussians, field.name), device) for field in fields(Gaussians)})


def to_host(splats: Splats) -> Gaussians:
    """A copy of ``splats`` as numpy arrays; waits for the device."""
    return Gaussians(**{field.name: _array(getattr(splats, field.name)) for field in fields(Splats)})


def _tensor(array: ndarray, device: torch.device) -> Tensor:
    # torch.tensor copies, where torch.from_numpy on the CPU would share memory with the checkpoint
    return torch.tensor(array, device=device)


def _array(tensor: Tensor) -> ndarray:
    array: ndarray[Any, Any] = tensor.detach().cpu().numpy()
    return array.copy() if tensor.device.type == "cpu" else array
