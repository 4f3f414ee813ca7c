"""The settings of this machine that bound what a step reads and makes."""

from __future__ import annotations

from dataclasses import replace

from maquette.disk import MB
from maquette.settings import Settings
from maquette.steps.limits import StepLimits


def step_limits(settings: Settings) -> StepLimits:
    """What a step's folder is told with :func:`maquette.steps.limits.write_limits`."""
    return StepLimits(max_pixels=settings.max_megapixels * 1_000_000, max_gaussians=settings.max_gaussians)


def upload_limits(settings: Settings, photos_already: int) -> StepLimits:
    """As :func:`step_limits`, with what may come out of archives and videos."""
    return replace(
        step_limits(settings),
        photos=settings.max_photos,
        photos_already=photos_already,
        file_bytes=settings.max_file_mb * MB,
        total_bytes=settings.max_upload_mb * MB,
    )
