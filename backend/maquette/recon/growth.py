"""How the number of Gaussians changes in training, and when."""

from __future__ import annotations

import numpy as np

from maquette.recon.checkpoint import Checkpoint
from maquette.recon.density import accumulate, densify, empty_statistics, prune, reset_opacity
from maquette.recon.rasterize import Gradients
from maquette.recon.schedule import densifies_at, progress_at, resets_opacity_at
from maquette.recon.train_settings import TrainSettings


def grow(
    state: Checkpoint, gradients: Gradients, settings: TrainSettings, radius: float, rng: np.random.Generator
) -> None:
    """After an iteration: keep its statistics, and add and drop Gaussians where the schedule has it, in place."""
    if progress_at(settings, state.iteration) > settings.densify_until:
        return
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
            grown, moments, min_opacity=settings.min_opacity, max_scale=settings.max_scale * radius
        )
        state.statistics = empty_statistics(len(state.gaussians))
    if resets_opacity_at(settings, state.iteration):
        reset_opacity(state.gaussians, state.moments, ceiling=2 * settings.min_opacity)
