"""What a depth prior says of a frame, after Kerbl et al. 2024 ("A Hierarchical 3D Gaussian Representation").

Distances enter by their inverse in scene radii r, so that what is near counts most, what is far has an end, and a
scene given in other units is the same to it. Of N pixels, with expected depth D, prior inverse depth p and weights w,

    loss = sum of w |r / D - r p| / N    over the pixels whose prior is known and whose opacity is at least 1/2.

The absolute value leaves the last word to the photos where a prior is badly wrong. Below half opacity the expected
depth is that of the little there is, and no statement on where the surface lies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from numba import prange
from numpy import ndarray

from maquette.recon.losses import ONE, TO_UNIT, ZERO
from maquette.recon.rasterize.compiled import parallel_kernel
from maquette.recon.rasterize.scratch import Scratch

MIN_ALPHA = 0.5
"""Opacity from which a pixel's expected depth is compared."""


@dataclass(frozen=True, eq=False)
class DepthLoss:
    """The loss and its gradient to the expected depth."""

    value: float
    gradient: Float32[ndarray, "h w"]


def depth_loss(
    depth: Float32[ndarray, "h w"],
    transmittance: Float32[ndarray, "h w"],
    inverse_depth: Float32[ndarray, "h w"],
    radius: float,
    *,
    weights: UInt8[ndarray, "h w"] | None = None,
    scratch: Scratch | None = None,
) -> DepthLoss:
    """Compare the expected ``depth`` (world units along z) of a frame with what is known: ``inverse_depth``, 0 where
    it is not. ``radius`` is the scene's, world units. With ``scratch`` the gradient lives until the next one made
    with it.
    """
    scratch = scratch or Scratch()
    gradient = scratch.empty("depth_gradient", depth.shape)
    sums = np.empty(len(depth), np.float64)
    compare_depth(depth, transmittance, inverse_depth, weights, np.float32(radius), gradient, sums)
    return DepthLoss(float(sums.sum()) / depth.size, gradient)


@parallel_kernel
def compare_depth(
    depth: ndarray,
    transmittance: ndarray,
    inverse_depth: ndarray,
    weights: ndarray | None,
    radius: float,
    gradient: ndarray,
    sums: ndarray,
) -> None:
    """Row by row the weighted error into ``sums``, the gradient of the mean into ``gradient``."""
    height, width = depth.shape
    scale = ONE / np.float32(height * width)
    for y in prange(height):
        total = 0.0
        for x in range(width):
            gradient[y, x] = ZERO
            known = inverse_depth[y, x]
            if known <= ZERO or depth[y, x] <= ZERO or transmittance[y, x] > np.float32(1.0 - MIN_ALPHA):
                continue
            weight = ONE
            if weights is not None:
                weight = np.float32(weights[y, x]) * TO_UNIT
            inverse = ONE / depth[y, x]
            error = radius * (inverse - known)
            total += weight * abs(error)
            sign = ONE if error > ZERO else ZERO
            sign = sign - ONE if error < ZERO else sign
            gradient[y, x] = -sign * scale * weight * radius * inverse * inverse
        sums[y] = total
