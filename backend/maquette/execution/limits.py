"""The settings of this machine that bound what a step reads and makes."""

from __future__ import annotations

from maquette.settings import Settings
from maquette.steps.limits import StepLimits


def step_limits(settings: Settings) -> StepLimits:
    """What a step's folder is told with :func:`maquette.steps.limits.write_limits`."""
    return StepLimits(max_pixels=settings.max_megapixels * 1_000_000, max_gaussians=settings.max_gaussians)
