"""How well a model shows views: PSNR and SSIM of each, at the resolution it was trained at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.recon.gaussians import Gaussians
from maquette.recon.metrics import psnr, ssim
from maquette.recon.photos import load_photo
from maquette.recon.rasterize import forward
from maquette.recon.scene import Scene


@dataclass(frozen=True)
class ViewMetric:
    """Quality of one view: ``psnr`` in dB, ``ssim`` up to 1."""

    view_index: int
    name: str
    psnr: float
    ssim: float


def evaluate(
    gaussians: Gaussians,
    scene: Scene,
    view_indices: Sequence[int],
    *,
    downscale: float = 1.0,
    max_side_px: int | None = None,
    background: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> list[ViewMetric]:
    """Render each of ``view_indices`` and compare it, rounded to 8 bit, with its photo shrunk to the same size.

    ``downscale``, ``max_side_px`` and ``background`` (sRGB 0 to 1) are those of training. Raises ``unreadable_photo``.
    """
    metrics = []
    for index in view_indices:
        view = scene.views[index]
        photo = load_photo(view, downscale, max_side_px)
        image = to_8_bit(forward(gaussians, photo.camera, background=background).image)
        reference = np.ascontiguousarray(photo.pixels.transpose(1, 2, 0))
        metrics.append(ViewMetric(index, view.name, psnr(image, reference), ssim(image, reference)))
    return metrics


def to_8_bit(planes: Float32[ndarray, "3 h w"]) -> UInt8[ndarray, "h w 3"]:
    """Colour planes (sRGB 0 to 1, clipped here) as an 8-bit picture."""
    rounded = np.clip(np.rint(planes * 255.0), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(rounded.transpose(1, 2, 0))
