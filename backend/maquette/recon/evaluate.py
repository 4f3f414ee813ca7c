"""How good a model is: its renders beside photos, at the trained resolution, rounded to 8 bits first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maquette.recon.gaussians import Gaussians
from maquette.recon.metrics import psnr, ssim
from maquette.recon.photos import load_photo
from maquette.recon.rasterize import render
from maquette.recon.scene import Scene

Background = tuple[float, float, float]


@dataclass(frozen=True)
class ViewMetric:
    """One view's quality: PSNR in dB (at most 100), SSIM at most 1."""

    view_index: int
    name: str
    psnr: float
    ssim: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """A photo beside the model's render from the same camera, sRGB 0 to 255."""

    view_index: int
    photo: UInt8[ndarray, "h w 3"]
    render: UInt8[ndarray, "h w 3"]


def evaluate(
    gaussians: Gaussians,
    scene: Scene,
    views: Sequence[int],
    *,
    downscale: float = 1.0,
    max_side_px: int | None = None,
    background: Background = (0.0, 0.0, 0.0),
) -> list[ViewMetric]:
    """Quality of each of ``views`` (indices), in their order, at the size that training uses with these limits."""
    compared = compare(gaussians, scene, views, downscale=downscale, max_side_px=max_side_px, background=background)
    return [
        ViewMetric(
            view_index=one.view_index,
            name=scene.views[one.view_index].name,
            psnr=psnr(one.render, one.photo),
            ssim=ssim(one.render, one.photo),
        )
        for one in compared
    ]


def compare(
    gaussians: Gaussians,
    scene: Scene,
    views: Sequence[int],
    *,
    downscale: float = 1.0,
    max_side_px: int | None = None,
    background: Background = (0.0, 0.0, 0.0),
) -> Iterator[Comparison]:
    """Photo and render of each of ``views``, one at a time: memory does not grow with their number."""
    for index in views:
        photo = load_photo(scene.views[index], downscale, max_side_px)
        image = render(gaussians, photo.camera, background=background).image
        rounded = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
        yield Comparison(index, np.ascontiguousarray(photo.pixels.transpose(1, 2, 0)), rounded)
