"""How the number of Gaussians changes in training, and when: one function for each strategy."""

from __future__ import annotations

import numpy as np

from maquette.recon.checkpoint import Checkpoint
from maquette.recon.clearance import ClearSpace
from maquette.recon.density import accumulate, densify, empty_statistics, prune, reset_opacity
from maquette.recon.rasterize import ScreenGradients
from maquette.recon.relocation import explore, extend, relocate
from maquette.recon.schedule import budget_at, densifies_at, noise_at, progress_at, relocates_at, resets_opacity_at
from maquette.recon.train_settings import TrainSettings

GONE = -10.0
"""Opacity logit of a Gaussian that is to be moved elsewhere."""


def grow(
    state: Checkpoint,
    gradients: ScreenGradients,
    settings: TrainSettings,
    radius: float,
    clear: ClearSpace,
    rng: np.random.Generator,
) -> None:
    """After an iteration: keep its statistics, and add, move and drop Gaussians where the schedule has it, in place.

    ``radius`` is the scene's, world units. What stands in the ``clear`` space goes whenever others come.
    """
    if settings.strategy == "mcmc":
        _relocate(state, settings, radius, clear, rng)
    elif progress_at(settings, state.iteration) <= settings.densify_until:
        _densify(state, gradients, settings, radius, clear, rng)


def _densify(
    state: Checkpoint,
    gradients: ScreenGradients,
    settings: TrainSettings,
    radius: float,
    clear: ClearSpace,
    rng: np.random.Generator,
) -> None:
    """Clone, split, prune and reset (Kerbl et al. 2023, section 5.2)."""
    accumulate(state.statistics, gradients)
    if densifies_at(settings, state.iteration):
        grown, moments = densify(
            state.gaussians,
            state.moments,
            state.statistics,
            threshold=settings.densify_threshold,
            split_above=settings.split_above * radius,
            max_gaussians=settings.max_gaussians,
            rng=rng,
        )
        state.gaussians, state.moments = prune(
            grown,
            moments,
            min_opacity=settings.min_opacity,
            max_scale=settings.max_scale * radius,
            unwanted=clear.holds(grown.means),
        )
        state.statistics = empty_statistics(len(state.gaussians))
    if resets_opacity_at(settings, state.iteration):
        reset_opacity(state.gaussians, state.moments, ceiling=2 * settings.min_opacity)


def _relocate(
    state: Checkpoint, settings: TrainSettings, radius: float, clear: ClearSpace, rng: np.random.Generator
) -> None:
    """Relocate the dead, fill the budget, let the faint explore (Kheradmand et al. 2024)."""
    if relocates_at(settings, state.iteration):
        state.gaussians.opacity_logits[clear.holds(state.gaussians.means)] = GONE
        relocate(state.gaussians, state.moments, rng)
        more = budget_at(settings, state.iteration, len(state.gaussians)) - len(state.gaussians)
        state.gaussians, state.moments = extend(state.gaussians, state.moments, more, rng)
        state.statistics = empty_statistics(len(state.gaussians))
    strength = noise_at(settings, state.iteration) / radius
    if strength > 0:
        explore(state.gaussians, strength, rng)
