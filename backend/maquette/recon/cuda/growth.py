"""How the number of splats changes on a device, and when: :mod:`maquette.recon.growth` with its schedule."""

from __future__ import annotations

import torch
from jaxtyping import Bool
from torch import Tensor

from maquette.recon.clearance import ClearSpace
from maquette.recon.cuda import density
from maquette.recon.cuda.adam import DeviceGradients
from maquette.recon.cuda.relocation import explore, extend, relocate
from maquette.recon.cuda.state import DeviceState
from maquette.recon.growth import GONE
from maquette.recon.schedule import budget_at, densifies_at, noise_at, progress_at, relocates_at, resets_opacity_at
from maquette.recon.train_settings import TrainSettings


def grow(
    state: DeviceState, gradients: DeviceGradients, settings: TrainSettings, radius: float, clear: ClearSpace
) -> None:
    """After an iteration: keep its statistics, and add, move and drop splats where the schedule has it, in place."""
    if settings.strategy == "mcmc":
        _relocate(state, settings, radius, clear)
    elif progress_at(settings, state.iteration) <= settings.densify_until:
        density.accumulate(state, gradients)
        control_density(state, settings, radius, clear)


def control_density(state: DeviceState, settings: TrainSettings, radius: float, clear: ClearSpace) -> None:
    """Densify, prune and reset opacities where the schedule has it, in place."""
    if densifies_at(settings, state.iteration):
        density.densify(
            state,
            threshold=settings.densify_threshold,
            split_above=settings.split_above * radius,
            max_gaussians=settings.max_gaussians,
        )
        density.prune(
            state,
            min_opacity=settings.min_opacity,
            max_scale=settings.max_scale * radius,
            unwanted=_inside(clear, state),
        )
        density.forget_statistics(state)
    if resets_opacity_at(settings, state.iteration):
        density.reset_opacity(state, ceiling=2 * settings.min_opacity)


def _relocate(state: DeviceState, settings: TrainSettings, radius: float, clear: ClearSpace) -> None:
    if relocates_at(settings, state.iteration):
        state.splats.opacity_logits[_inside(clear, state)] = GONE
        relocate(state)
        count = len(state.splats)
        extend(state, budget_at(settings, state.iteration, count) - count)
        density.forget_statistics(state)
    strength = noise_at(settings, state.iteration) / radius
    if strength > 0:
        explore(state, strength)


def _inside(clear: ClearSpace, state: DeviceState) -> Bool[Tensor, " n"]:
    """Which splats stand in the clear space; asked on the host, once in each densification."""
    return torch.from_numpy(clear.holds(state.splats.means.cpu().numpy())).to(state.device)
