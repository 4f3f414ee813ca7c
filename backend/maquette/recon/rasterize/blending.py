"""Front-to-back alpha blending of a tile's Gaussians, forward and backward (Kerbl et al. 2023, equation 3).

One flat float32 buffer holds a tile: planes of 256 pixels side by side. A Gaussian is a single loop over the
pixels of the rows it touches; indices are unsigned 64-bit, because the wraparound numba adds to signed indices keeps
LLVM from vectorising, and one buffer needs no test whether arrays overlap.

A pixel takes a Gaussian as long as its transmittance before it is at least 1e-4, then it is closed. (3DGS leaves the
Gaussian that closes a pixel out, which lets the background shine through opaque surfaces.)
"""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy import ndarray

from maquette.recon.rasterize.compiled import Scalar, exp2_below_128, kernel, parallel_kernel
from maquette.recon.rasterize.ellipses import TILE
from maquette.recon.rasterize.projection import MIN_ALPHA, PACK

MAX_ALPHA = np.float32(0.999)
STOP = np.float32(1e-4)
BATCH = 16
"""Gaussians copied side by side before they are blended, so that their cache misses overlap; after each batch a look
whether every pixel of the tile is closed."""
SLOT = 9
"""Floats a tile-Gaussian pair gives back: colour gradient (3), then with v = alpha dL/dalpha the sums of v, v dx, v dy,
v dx^2, v dx dy, v dy^2 over its pixels."""

AREA = TILE * TILE
N = np.uint64(AREA)
N2, N3, N4, N5, N6 = (np.uint64(k * AREA) for k in range(2, 7))
ZERO = np.float32(0.0)
ONE = np.float32(1.0)
HALF = np.float32(0.5)


@kernel
def set_up(tile: ndarray, row: Scalar, column: Scalar, width: Scalar, height: Scalar) -> None:
    """Pixel centres into planes 0 and 1, transmittance into plane 2: 1 inside the image, 0 (closed) outside."""
    for j in range(TILE):
        for i in range(TILE):
            at = j * TILE + i
            x, y = column * TILE + i, row * TILE + j
            tile[at] = np.float32(x) + HALF
            tile[AREA + at] = np.float32(y) + HALF
            tile[2 * AREA + at] = ONE if x < width and y < height else ZERO


@kernel
def gather(packed: ndarray, pair_gaussian: ndarray, first: Scalar, last: Scalar, batch: ndarray) -> None:
    """Copy the packed Gaussians of pairs [first, last) into the rows of ``batch``."""
    for at in range(first, last):
        i = pair_gaussian[at]
        for k in range(PACK):
            batch[at - first, k] = packed[i, k]


@kernel
def closed(tile: ndarray) -> Scalar:
    """Whether no pixel of the tile takes another Gaussian."""
    most = ZERO
    for at in range(N2, N3):
        most = max(most, tile[at])
    return most < STOP


@kernel
def blend(tile: ndarray, first: Scalar, last: Scalar, packed: ndarray, i: Scalar) -> None:
    """Blend one packed Gaussian into pixels [first, last): planes 2 transmittance, 3-5 colour."""
    mx, my, a, b, c, log2_opacity = (
        packed[i, 0],
        packed[i, 1],
        packed[i, 2],
        packed[i, 3],
        packed[i, 4],
        packed[i, 5],
    )
    red, green, blue = packed[i, 6], packed[i, 7], packed[i, 8]
    for at in range(np.uint64(first), np.uint64(last)):
        dx = tile[at] - mx
        dy = tile[at + N] - my
        raw = exp2_below_128(dx * (a * dx + b * dy) + c * dy * dy + log2_opacity)
        transmittance = tile[at + N2]
        alpha = min(raw, MAX_ALPHA)
        weight = transmittance * alpha
        weight = weight if (raw >= MIN_ALPHA) & (transmittance >= STOP) else ZERO
        tile[at + N2] = transmittance - weight
        tile[at + N3] += weight * red
        tile[at + N4] += weight * green
        tile[at + N5] += weight * blue


@kernel
def blend_depth(tile: ndarray, first: Scalar, last: Scalar, packed: ndarray, i: Scalar) -> None:
    """As :func:`blend`: plane 3 gets the weighted depth, plane 4 the depth where transmittance passes one half."""
    mx, my, a, b, c, log2_opacity = (
        packed[i, 0],
        packed[i, 1],
        packed[i, 2],
        packed[i, 3],
        packed[i, 4],
        packed[i, 5],
    )
    depth = packed[i, 9]
    for at in range(np.uint64(first), np.uint64(last)):
        dx = tile[at] - mx
        dy = tile[at + N] - my
        raw = exp2_below_128(dx * (a * dx + b * dy) + c * dy * dy + log2_opacity)
        transmittance = tile[at + N2]
        alpha = min(raw, MAX_ALPHA)
        weight = transmittance * alpha
        weight = weight if (raw >= MIN_ALPHA) & (transmittance >= STOP) else ZERO
        left = transmittance - weight
        tile[at + N2] = left
        tile[at + N3] += weight * depth
        tile[at + N4] = depth if (transmittance > HALF) & (left <= HALF) else tile[at + N4]


@kernel
def unblend(
    tile: ndarray, first: Scalar, last: Scalar, packed: ndarray, i: Scalar, slots: ndarray, slot: Scalar
) -> None:
    """Gradients of one Gaussian's pixels into its slot; planes 2 transmittance, 3 remainder, 4-6 image gradient.

    Front to back: with g the image gradient, S = g . pixel and P its part up to and with this Gaussian,
    dL/dalpha = T (c . g) - (S - P) / (1 - alpha). Plane 3 holds S - P.
    """
    mx, my, a, b, c, log2_opacity = (
        packed[i, 0],
        packed[i, 1],
        packed[i, 2],
        packed[i, 3],
        packed[i, 4],
        packed[i, 5],
    )
    red, green, blue = packed[i, 6], packed[i, 7], packed[i, 8]
    sum_r, sum_g, sum_b = ZERO, ZERO, ZERO
    sum_v, sum_x, sum_y, sum_xx, sum_xy, sum_yy = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO
    for at in range(np.uint64(first), np.uint64(last)):
        dx = tile[at] - mx
        dy = tile[at + N] - my
        raw = exp2_below_128(dx * (a * dx + b * dy) + c * dy * dy + log2_opacity)
        transmittance = tile[at + N2]
        alpha = min(raw, MAX_ALPHA)
        on = (raw >= MIN_ALPHA) & (transmittance >= STOP)
        weight = transmittance * alpha
        weight = weight if on else ZERO
        gr, gg, gb = tile[at + N4], tile[at + N5], tile[at + N6]
        shade = red * gr + green * gg + blue * gb
        remainder = tile[at + N3] - weight * shade
        tile[at + N3] = remainder
        tile[at + N2] = transmittance - weight
        v = weight * shade - alpha * remainder / (ONE - alpha)
        v = v if on & (raw < MAX_ALPHA) else ZERO
        vx, vy = v * dx, v * dy
        sum_r += weight * gr
        sum_g += weight * gg
        sum_b += weight * gb
        sum_v += v
        sum_x += vx
        sum_y += vy
        sum_xx += vx * dx
        sum_xy += vx * dy
        sum_yy += vy * dy
    slots[slot, 0] = sum_r
    slots[slot, 1] = sum_g
    slots[slot, 2] = sum_b
    slots[slot, 3] = sum_v
    slots[slot, 4] = sum_x
    slots[slot, 5] = sum_y
    slots[slot, 6] = sum_xx
    slots[slot, 7] = sum_xy
    slots[slot, 8] = sum_yy


@parallel_kernel
def blend_tiles(
    packed: ndarray,
    tile_starts: ndarray,
    pair_gaussian: ndarray,
    pair_rows: ndarray,
    background: ndarray,
    width: Scalar,
    height: Scalar,
    image: ndarray,
    transmittance: ndarray,
    used: ndarray,
) -> None:
    """Render every tile into ``image`` (3, h, w); ``used`` gets how many of its pairs a tile looked at."""
    tiles_x = (width + TILE - 1) // TILE
    for index in prange(tile_starts.shape[0] - 1):
        row, column = index // tiles_x, index % tiles_x
        tile = np.zeros(6 * AREA, np.float32)
        set_up(tile, row, column, width, height)
        start, stop = tile_starts[index], tile_starts[index + 1]
        batch = np.empty((BATCH, PACK), np.float32)
        begin = start
        while begin < stop and not closed(tile):
            end = min(begin + BATCH, stop)
            gather(packed, pair_gaussian, begin, end, batch)
            for at in range(begin, end):
                span = np.int64(pair_rows[at])
                blend(tile, (span >> 8) * TILE, (span & 255) * TILE, batch, at - begin)
            begin = end
        used[index] = begin - start
        for j in range(min(TILE, height - row * TILE)):
            for i in range(min(TILE, width - column * TILE)):
                here = j * TILE + i
                left = tile[2 * AREA + here]
                y, x = row * TILE + j, column * TILE + i
                transmittance[y, x] = left
                for channel in range(3):
                    image[channel, y, x] = tile[(3 + channel) * AREA + here] + left * background[channel]


@parallel_kernel
def blend_depth_tiles(
    packed: ndarray,
    tile_starts: ndarray,
    pair_gaussian: ndarray,
    pair_rows: ndarray,
    width: Scalar,
    height: Scalar,
    expected: ndarray,
    median: ndarray,
) -> None:
    """Expected and median depth of every pixel; 0 where nothing was blended (expected) or half of it (median)."""
    tiles_x = (width + TILE - 1) // TILE
    for index in prange(tile_starts.shape[0] - 1):
        row, column = index // tiles_x, index % tiles_x
        tile = np.zeros(5 * AREA, np.float32)
        set_up(tile, row, column, width, height)
        start, stop = tile_starts[index], tile_starts[index + 1]
        batch = np.empty((BATCH, PACK), np.float32)
        for begin in range(start, stop, BATCH):
            if closed(tile):
                break
            end = min(begin + BATCH, stop)
            gather(packed, pair_gaussian, begin, end, batch)
            for at in range(begin, end):
                span = np.int64(pair_rows[at])
                blend_depth(tile, (span >> 8) * TILE, (span & 255) * TILE, batch, at - begin)
        for j in range(min(TILE, height - row * TILE)):
            for i in range(min(TILE, width - column * TILE)):
                here = j * TILE + i
                y, x = row * TILE + j, column * TILE + i
                alpha = ONE - tile[2 * AREA + here]
                expected[y, x] = tile[3 * AREA + here] / alpha if alpha > ZERO else ZERO
                median[y, x] = tile[4 * AREA + here]


@parallel_kernel
def unblend_tiles(
    packed: ndarray,
    tile_starts: ndarray,
    pair_gaussian: ndarray,
    pair_slot: ndarray,
    pair_rows: ndarray,
    used: ndarray,
    width: Scalar,
    height: Scalar,
    image: ndarray,
    image_gradient: ndarray,
    slots: ndarray,
) -> None:
    """Gradients of every tile-Gaussian pair into its own slot, so that no two tiles write to one place."""
    tiles_x = (width + TILE - 1) // TILE
    for index in prange(tile_starts.shape[0] - 1):
        row, column = index // tiles_x, index % tiles_x
        tile = np.zeros(7 * AREA, np.float32)
        set_up(tile, row, column, width, height)
        for j in range(min(TILE, height - row * TILE)):
            for i in range(min(TILE, width - column * TILE)):
                here = j * TILE + i
                y, x = row * TILE + j, column * TILE + i
                shade = ZERO
                for channel in range(3):
                    gradient = image_gradient[channel, y, x]
                    shade += gradient * image[channel, y, x]
                    tile[(4 + channel) * AREA + here] = gradient
                tile[3 * AREA + here] = shade
        start, stop = tile_starts[index], tile_starts[index + 1]
        middle = start + used[index]
        batch = np.empty((BATCH, PACK), np.float32)
        for begin in range(start, middle, BATCH):
            end = min(begin + BATCH, middle)
            gather(packed, pair_gaussian, begin, end, batch)
            for at in range(begin, end):
                span = np.int64(pair_rows[at])
                unblend(tile, (span >> 8) * TILE, (span & 255) * TILE, batch, at - begin, slots, pair_slot[at])
        for at in range(middle, stop):
            for k in range(SLOT):
                slots[pair_slot[at], k] = ZERO
