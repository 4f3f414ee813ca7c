"""Which Gaussians touch which tile, front to back: one depth sort, then a stable counting sort into tiles.

Tile rows are cut exactly: within the band of pixel rows of a tile row, the ellipse where alpha reaches 1/255 spans
an interval of x whose ends are a concave function of y (compare Speedy-Splat, Hanson et al. 2025, section 4.1). The same
cut with x and y exchanged gives the pixel rows a tile has to visit.
"""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy import ndarray

from maquette.recon.rasterize.compiled import kernel, parallel_kernel
from maquette.recon.rasterize.projection import LOG2_255

TILE = 16
"""Side of a tile in pixels: one row is one AVX-512 vector of float32."""
CHUNKS = 16
"""Parts the counting sort is cut into. A constant, so that nothing depends on the number of threads."""
SLACK = np.float32(0.01)
"""Pixels added to every cut: float32 may round an ellipse's edge, the exact test is made per pixel anyway."""

ONE = np.float32(1.0)
HALF = np.float32(0.5)


@kernel
def depth_order(depths: ndarray) -> ndarray:
    """Stable order by increasing positive float32 depth: radix sort of the bit patterns, 3 passes of 11 bits."""
    n = depths.shape[0]
    keys = depths.view(np.uint32)
    histogram = np.zeros((3, 2048), np.uint32)
    for i in range(n):
        key = keys[i]
        histogram[0, key & np.uint32(2047)] += np.uint32(1)
        histogram[1, (key >> np.uint32(11)) & np.uint32(2047)] += np.uint32(1)
        histogram[2, key >> np.uint32(22)] += np.uint32(1)
    source = np.empty(n, np.uint32)
    target = np.empty(n, np.uint32)
    for i in range(n):
        source[i] = i
    for digit in range(3):
        shift = np.uint32(11 * digit)
        total = np.uint32(0)
        for value in range(2048):
            count = histogram[digit, value]
            histogram[digit, value] = total
            total += count
        for i in range(n):
            item = source[i]
            value = (keys[item] >> shift) & np.uint32(2047)
            target[histogram[digit, value]] = item
            histogram[digit, value] += np.uint32(1)
        source, target = target, source
    return source


@kernel
def cut(low: float, high: float, slope: float, half_width: float, turn: float, extent: float) -> tuple[float, float]:
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
def pixels(low: float, high: float, size: int) -> tuple[int, int]:
    """First and one-past-last pixel whose centre (at +0.5) lies in [low, high], within ``size`` pixels."""
    limit = np.float32(size)
    first = np.int64(np.ceil(min(max(low - HALF, np.float32(0.0)), limit)))
    last = np.int64(np.floor(min(max(high - HALF, -ONE), limit - ONE))) + 1
    return first, last


@kernel
def columns(p: ndarray, row: int, width: int) -> tuple[int, int]:
    """First and one-past-last tile column that the packed Gaussian touches in tile row ``row``."""
    reach = p[5] + LOG2_255
    low = np.float32(row * TILE) + HALF - p[1] - SLACK
    high = np.float32(row * TILE + TILE - 1) + HALF - p[1] + SLACK
    a, b, c = -p[2], -HALF * p[3], -p[4]
    left, right = cut(low, high, -b / a, np.sqrt(reach / a), -b / c * p[10], p[11])
    first, last = pixels(p[0] + left, p[0] + right, width)
    if last <= first:
        return 0, 0
    return first // TILE, (last - 1) // TILE + 1


@kernel
def rows(p: ndarray, row: int, column: int) -> tuple[int, int]:
    """First and one-past-last pixel row, counted within the tile, that the packed Gaussian touches."""
    reach = p[5] + LOG2_255
    low = np.float32(column * TILE) + HALF - p[0] - SLACK
    high = np.float32(column * TILE + TILE - 1) + HALF - p[0] + SLACK
    a, b, c = -p[2], -HALF * p[3], -p[4]
    above, below = cut(low, high, -b / c, np.sqrt(reach / c), -b / a * p[11], p[10])
    offset = p[1] - np.float32(row * TILE)
    first, last = pixels(offset + above, offset + below, TILE)
    return first, max(first, last)


@kernel
def tile_rows(p: ndarray, height: int) -> tuple[int, int]:
    """First and one-past-last tile row that the packed Gaussian touches."""
    first, last = pixels(p[1] - p[11] - SLACK, p[1] + p[11] + SLACK, height)
    if last <= first:
        return 0, 0
    return first // TILE, (last - 1) // TILE + 1


@parallel_kernel
def count_tiles(
    packed: ndarray,
    indices: ndarray,
    order: ndarray,
    width: int,
    height: int,
    tiles_x: int,
    histogram: ndarray,
    touched: ndarray,
) -> None:
    """Count pairs per chunk of the depth order and tile, and tiles per visible Gaussian (``touched``)."""
    n = order.shape[0]
    for chunk in prange(CHUNKS):
        for k in range(n * chunk // CHUNKS, n * (chunk + 1) // CHUNKS):
            item = order[k]
            p = packed[indices[item]]
            total = 0
            row0, row1 = tile_rows(p, height)
            for row in range(row0, row1):
                column0, column1 = columns(p, row, width)
                total += column1 - column0
                for column in range(column0, column1):
                    histogram[chunk, row * tiles_x + column] += 1
            touched[item] = total


@kernel
def running_sums(histogram: ndarray, touched: ndarray, tile_starts: ndarray, slot_starts: ndarray) -> None:
    """Turn counts into places: the histogram into each chunk's next place in each tile, ``touched`` into slots."""
    total = 0
    for tile in range(histogram.shape[1]):
        tile_starts[tile] = total
        for chunk in range(CHUNKS):
            count = histogram[chunk, tile]
            histogram[chunk, tile] = total
            total += count
    tile_starts[histogram.shape[1]] = total
    total = 0
    for item in range(touched.shape[0]):
        slot_starts[item] = total
        total += touched[item]
    slot_starts[touched.shape[0]] = total


@parallel_kernel
def fill_tiles(
    packed: ndarray,
    indices: ndarray,
    order: ndarray,
    width: int,
    height: int,
    tiles_x: int,
    histogram: ndarray,
    slot_starts: ndarray,
    pair_gaussian: ndarray,
    pair_slot: ndarray,
    pair_rows: ndarray,
) -> None:
    """Write the tile lists: Gaussian, slot (ordered by Gaussian) and pixel rows ``first * 256 + last`` of each pair."""
    n = order.shape[0]
    for chunk in prange(CHUNKS):
        for k in range(n * chunk // CHUNKS, n * (chunk + 1) // CHUNKS):
            item = order[k]
            i = indices[item]
            p = packed[i]
            slot = slot_starts[item]
            row0, row1 = tile_rows(p, height)
            for row in range(row0, row1):
                column0, column1 = columns(p, row, width)
                for column in range(column0, column1):
                    tile = row * tiles_x + column
                    at = histogram[chunk, tile]
                    histogram[chunk, tile] = at + 1
                    first, last = rows(p, row, column)
                    pair_gaussian[at] = i
                    pair_slot[at] = slot
                    pair_rows[at] = first * 256 + last
                    slot += 1
