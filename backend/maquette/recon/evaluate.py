"""How well a model shows views: PSNR and SSIM of each, at the resolution it was trained at.

Where a view has a mask, only what it lets count is measured, by its weights. Nothing is fitted to the photos measured:
a model that was trained with exposures is rendered without any.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


@dataclass(frozen=True, eq=False)
class Comparison:
    """A photo beside the model's render from the same camera, sRGB 0 to 255.

    ``weights`` are the photo's mask at this size: 255 counts fully, 0 not at all (none: all of it counts).
    """

    view_index: int
    photo: UInt8[ndarray, "h w 3"]
    render: UInt8[ndarray, "h w 3"]
    weights: UInt8[ndarray, "h w"] | None = None


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

    ``downscale``, ``max_side_px`` and ``background`` (sRGB 0 to 1) are those of training. With a mask the numbers
    are those over its weighted pixels, as :mod:`maquette.recon.metrics` defines them. Raises ``unreadable_photo`` or
    ``bad_mask``.
    """
    compared = compare(
        gaussians, scene, view_indices, downscale=downscale, max_side_px=max_side_px, background=background
    )
    return [
        ViewMetric(
            one.view_index,
            scene.views[one.view_index].name,
            psnr(one.render, one.photo, one.weights),
            ssim(one.render, one.photo, one.weights),
        )
        for one in compared
    ]


def compare(
    gaussians: Gaussians,
    scene: Scene,
    view_indices: Sequence[int],
    *,
    downscale: float = 1.0,
    max_side_px: int | None = None,
    background: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Iterator[Comparison]:
    """Photo and render of each of ``view_indices``, one at a time: memory does not grow with their number."""
    for index in view_indices:
        photo = load_photo(scene.views[index], downscale, max_side_px)
        image = to_8_bit(forward(gaussians, photo.camera, background=background).image)
        yield Comparison(index, np.ascontiguousarray(photo.pixels.transpose(1, 2, 0)), image, photo.weights)


def to_8_bit(planes: Float32[ndarray, "3 h w"]) -> UInt8[ndarray, "h w 3"]:
    """Colour planes (sRGB 0 to 1, clipped here) as an 8-bit picture."""
    rounded = np.clip(np.rint(planes * 255.0), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(rounded.transpose(1, 2, 0))
