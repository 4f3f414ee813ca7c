"""Which pixels of which tiles a projected Gaussian touches, cut as tightly as its opacity allows.

Within a band of pixel rows, the ellipse where alpha reaches 1/255 spans an interval of x whose ends are a concave
function of y; its extreme gives the tiles of a tile row exactly (compare Speedy-Splat, Hanson et al. 2025,
section 4.1). The same cut with x and y exchanged gives the pixel rows a tile has to visit.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from maquette.recon.rasterize.compiled import Scalar, kernel

TILE = 16
"""Side of a tile in pixels: one row is one AVX-512 vector of float32."""
LOG2_255 = np.float32(np.log2(255.0))
SLACK = np.float32(0.01)
"""Pixels added to every cut: float32 may round an ellipse's edge, the exact test is made per pixel anyway."""

ONE = np.float32(1.0)
HALF = np.float32(0.5)


@kernel
def cut(
    low: Scalar, high: Scalar, slope: Scalar, half_width: Scalar, turn: Scalar, extent: Scalar
) -> tuple[Scalar, Scalar]:
    """Range of the second coordinate of an ellipse whose first lies in [low, high]; all relative to its centre.

    The ends are ``slope * t ± half_width * sqrt(1 - (t / extent)^2)``, extreme at t = ±``turn``.
    """
    low = max(low, -extent)
    high = min(high, extent)
    at = min(max(turn, low), high)
    ratio = at / extent
    upper = slope * at + half_width * np.sqrt(max(ONE - ratio * ratio, np.float32(0.0)))
    at = min(max(-turn, low), high)
    ratio = at / extent
    lower = slope * at - half_width * np.sqrt(max(ONE - ratio * ratio, np.float32(0.0)))
    return lower - SLACK, upper + SLACK


@kernel
def pixels(low: Scalar, high: Scalar, size: Scalar) -> tuple[Scalar, Scalar]:
    """First and one-past-last pixel whose centre (at +0.5) lies in [low, high], within ``size`` pixels."""
    limit = np.float32(size)
    first = np.int64(np.ceil(min(max(low - HALF, np.float32(0.0)), limit)))
    last = np.int64(np.floor(min(max(high - HALF, -ONE), limit - ONE))) + 1
    return first, last


@kernel
def columns(packed: ndarray, i: Scalar, row: Scalar, width: Scalar) -> tuple[Scalar, Scalar]:
    """First and one-past-last tile column that the packed Gaussian touches in tile row ``row``."""
    reach = packed[i, 5] + LOG2_255
    low = np.float32(row * TILE) + HALF - packed[i, 1] - SLACK
    high = np.float32(row * TILE + TILE - 1) + HALF - packed[i, 1] + SLACK
    a, b, c = -packed[i, 2], -HALF * packed[i, 3], -packed[i, 4]
    left, right = cut(low, high, -b / a, np.sqrt(reach / a), -b / c * packed[i, 10], packed[i, 11])
    first, last = pixels(packed[i, 0] + left, packed[i, 0] + right, width)
    if last <= first:
        return 0, 0
    return first // TILE, (last - 1) // TILE + 1


@kernel
def rows(packed: ndarray, i: Scalar, row: Scalar, column: Scalar) -> tuple[Scalar, Scalar]:
    """First and one-past-last pixel row, counted within the tile, that the packed Gaussian touches."""
    reach = packed[i, 5] + LOG2_255
    low = np.float32(column * TILE) + HALF - packed[i, 0] - SLACK
    high = np.float32(column * TILE + TILE - 1) + HALF - packed[i, 0] + SLACK
    a, b, c = -packed[i, 2], -HALF * packed[i, 3], -packed[i, 4]
    above, below = cut(low, high, -b / c, np.sqrt(reach / c), -b / a * packed[i, 11], packed[i, 10])
    offset = packed[i, 1] - np.float32(row * TILE)
    first, last = pixels(offset + above, offset + below, TILE)
    return first, max(first, last)


@kernel
def tile_rows(packed: ndarray, i: Scalar, height: Scalar) -> tuple[Scalar, Scalar]:
    """First and one-past-last tile row that the packed Gaussian touches."""
    first, last = pixels(packed[i, 1] - packed[i, 11] - SLACK, packed[i, 1] + packed[i, 11] + SLACK, height)
    if last <= first:
        return 0, 0
    return first // TILE, (last - 1) // TILE + 1


@kernel
def count_touched(packed: ndarray, i: Scalar, width: Scalar, height: Scalar) -> Scalar:
    """Number of tiles that the packed Gaussian touches."""
    total = 0
    row0, row1 = tile_rows(packed, i, height)
    for row in range(row0, row1):
        column0, column1 = columns(packed, i, row, width)
        total += column1 - column0
    return total
