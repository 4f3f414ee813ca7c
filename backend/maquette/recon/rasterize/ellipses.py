"""Which pixels of which tiles a projected Gaussian touches, cut as tightly as its opacity allows.

Within a band of pixel rows, the ellipse where alpha reaches 1/255 spans an interval of x whose ends are a concave
function of y; its extreme gives the tiles of a tile row exactly (compare Speedy-Splat, Hanson et al. 2025,
section 4.1). The same cut with x and y exchanged gives the pixel rows a tile has to visit. Sixteen cuts at a time.

Pairs are counted before they are listed, so these kernels give the same bits in both places.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from maquette.recon.rasterize.compiled import Scalar, exact_kernel
from maquette.recon.rasterize.lane_functions import floor, root
from maquette.recon.rasterize.lanes import least, most, select
from maquette.recon.rasterize.rows import nth

TILE = 16
"""Side of a tile in pixels: one row is one AVX-512 vector of float32."""
LOG2_255 = np.float32(np.log2(255.0))
SLACK = np.float32(0.01)
"""Pixels added to every cut: float32 may round an ellipse's edge, the exact test is made per pixel anyway."""

SIDE = np.float32(TILE)
LAST_PIXEL = np.float32(TILE - 1)
ZERO = np.float32(0.0)
ONE = np.float32(1.0)
HALF = np.float32(0.5)


@exact_kernel
def cut(
    low: Scalar, high: Scalar, slope: Scalar, half_width: Scalar, turn: Scalar, extent: Scalar
) -> tuple[Scalar, Scalar]:
    """Range of the second coordinate of an ellipse whose first lies in [low, high]; all relative to its centre.

    The ends are ``slope * t ± half_width * sqrt(1 - (t / extent)^2)``, extreme at t = ±``turn``.
    """
    low = most(low, -extent)
    high = least(high, extent)
    at = least(most(turn, low), high)
    ratio = at / extent
    upper = slope * at + half_width * root(most(ONE - ratio * ratio, ZERO))
    at = least(most(-turn, low), high)
    ratio = at / extent
    lower = slope * at - half_width * root(most(ONE - ratio * ratio, ZERO))
    return lower - SLACK, upper + SLACK


@exact_kernel
def pixels(low: Scalar, high: Scalar, limit: Scalar) -> tuple[Scalar, Scalar]:
    """First and one-past-last pixel whose centre (at +0.5) lies in [low, high], of ``limit`` pixels."""
    first = -floor(-least(most(low - HALF, ZERO), limit))
    last = floor(least(most(high - HALF, -ONE), limit - ONE)) + ONE
    return first, last


@exact_kernel
def columns(packed: ndarray, top: Scalar, width: Scalar) -> tuple[Scalar, Scalar]:
    """First and one-past-last tile column that Gaussians touch in the tile rows that begin at pixels ``top``.

    ``packed`` holds sixteen Gaussians crosswise; all numbers are float32.
    """
    reach = nth(packed, 5) + LOG2_255
    low = top + HALF - nth(packed, 1) - SLACK
    high = low + (LAST_PIXEL + SLACK + SLACK)
    a, b, c = -nth(packed, 2), -HALF * nth(packed, 3), -nth(packed, 4)
    left, right = cut(low, high, -b / a, root(reach / a), -b / c * nth(packed, 10), nth(packed, 11))
    first, last = pixels(nth(packed, 0) + left, nth(packed, 0) + right, width)
    none = last <= first
    first = select(none, ZERO, floor(first / SIDE))
    return first, select(none, ZERO, floor((last - ONE) / SIDE) + ONE)


@exact_kernel
def rows(packed: ndarray, top: Scalar, left: Scalar) -> tuple[Scalar, Scalar]:
    """First and one-past-last pixel row, counted within tiles that begin at pixels (left, top), that Gaussians touch.

    As :func:`columns`.
    """
    reach = nth(packed, 5) + LOG2_255
    low = left + HALF - nth(packed, 0) - SLACK
    high = low + (LAST_PIXEL + SLACK + SLACK)
    a, b, c = -nth(packed, 2), -HALF * nth(packed, 3), -nth(packed, 4)
    above, below = cut(low, high, -b / c, root(reach / c), -b / a * nth(packed, 11), nth(packed, 10))
    offset = nth(packed, 1) - top
    first, last = pixels(offset + above, offset + below, SIDE)
    return first, most(first, last)


@exact_kernel
def tile_rows(packed: ndarray, i: Scalar, height: Scalar) -> tuple[Scalar, Scalar]:
    """First and one-past-last tile row that the packed Gaussian touches."""
    limit = np.float32(height)
    low, high = packed[i, 1] - packed[i, 11] - SLACK, packed[i, 1] + packed[i, 11] + SLACK
    first = np.int64(np.ceil(min(max(low - HALF, ZERO), limit)))
    last = np.int64(np.floor(min(max(high - HALF, -ONE), limit - ONE))) + 1
    if last <= first:
        return 0, 0
    return first // TILE, (last - 1) // TILE + 1
