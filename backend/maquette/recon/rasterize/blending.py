"""Front-to-back alpha blending of a tile's Gaussians, forward and backward (Kerbl et al. 2023, equation 3).

One flat float32 buffer holds a tile: planes of 256 pixels side by side. A row of a tile is one vector of
:mod:`lanes`, so dx is the same for all rows and dy for all lanes: the exponent is u + dy (w + c dy), u and w found once
for a Gaussian, and sums with dx^k wait until its last row.

A pixel takes a Gaussian as long as its transmittance before it is at least 1e-4, then it is closed. (3DGS leaves the
Gaussian that closes a pixel out, which lets the background shine through opaque surfaces.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numpy import ndarray

from maquette.recon.rasterize.binning import FIRST_SLOT, ROW_BITS
from maquette.recon.rasterize.compiled import Scalar, inlined_kernel, kernel, parallel_kernel
from maquette.recon.rasterize.ellipses import TILE
from maquette.recon.rasterize.lanes import (
    exp2_below_127,
    lanes_of,
    least,
    lines,
    load,
    select,
    store,
    store_sums,
    total,
    will_read,
    will_write,
)
from maquette.recon.rasterize.projection import MIN_ALPHA
from maquette.recon.rasterize.rows import PACK

MAX_ALPHA = np.float32(0.999)
STOP = np.float32(1e-4)
BATCH = 16
"""Pairs blended while the memory of the next ones is on its way; after each batch a look whether every pixel of the
tile is closed."""
SLOT = 9
"""Floats a tile-Gaussian pair gives back: colour gradient (3), then with v = alpha dL/dalpha the sums of v, v dx, v dy,
v dx^2, v dx dy, v dy^2 over its pixels; a tenth, the gradient of its depth, only where the loss asks for depth."""

AREA = TILE * TILE
N = np.uint64(AREA)
N2, N3, N4, N5, N6 = (np.uint64(k * AREA) for k in range(2, 7))
ROW = np.uint64(TILE)
ZERO = np.float32(0.0)
ONE = np.float32(1.0)
HALF = np.float32(0.5)


@kernel
def set_up(tile: ndarray, x: ndarray, row: Scalar, column: Scalar, width: Scalar, height: Scalar) -> None:
    """Columns' pixel centres into ``x``, transmittance into plane 0: 1 inside the image, 0 (closed) outside."""
    for i in range(TILE):
        x[i] = np.float32(column * TILE + i) + HALF
    for j in range(TILE):
        for i in range(TILE):
            tile[j * TILE + i] = ONE if column * TILE + i < width and row * TILE + j < height else ZERO


@inlined_kernel
def gaussian_of(pair: Scalar) -> Scalar:
    """Index of a pair's Gaussian."""
    return pair >> np.uint64(32)


@inlined_kernel
def rows_of(pair: Scalar) -> Scalar:
    """First and one-past-last row of the tile that a pair touches."""
    return np.int64((pair >> np.uint64(5)) & np.uint64(31)), np.int64(pair & np.uint64(31))


@inlined_kernel
def slot_of(packed_bits: ndarray, pair: Scalar) -> Scalar:
    """The slot of a pair."""
    place = (pair & np.uint64(0xFFFFFFFF)) >> np.uint64(ROW_BITS)
    return np.uint64(packed_bits[gaussian_of(pair), FIRST_SLOT]) + place


@inlined_kernel
def expect(packed: ndarray, tile_pairs: ndarray, first: Scalar, last: Scalar) -> None:
    """Ask for the packed Gaussians of pairs [first, last), which lie anywhere in memory."""
    for at in range(first, last):
        will_read(packed, gaussian_of(tile_pairs[at]) * np.uint64(PACK))


@inlined_kernel
def expect_slots(slots: ndarray, packed_bits: ndarray, tile_pairs: ndarray, first: Scalar, last: Scalar) -> None:
    """Ask for the slots of pairs [first, last); one may lie across two cache lines."""
    floats = np.uint64(slots.shape[1])
    for at in range(first, last):
        begin = slot_of(packed_bits, tile_pairs[at]) * floats
        will_write(slots, begin)
        will_write(slots, begin + floats - np.uint64(1))


@kernel
def closed(tile: ndarray) -> Scalar:
    """Whether no pixel of the tile takes another Gaussian."""
    largest = ZERO
    for at in range(N):
        largest = max(largest, tile[at])
    return largest < STOP


@inlined_kernel
def blend(tile: ndarray, x: ndarray, y: Scalar, pair: Scalar, packed: ndarray) -> None:
    """Blend one packed Gaussian into its rows of the tile: planes 0 transmittance, 1-3 colour.

    ``y`` is the centre of the tile's first row.
    """
    i = gaussian_of(pair)
    red, green, blue = packed[i, 6], packed[i, 7], packed[i, 8]
    dx = load(x, np.uint64(0)) - packed[i, 0]
    u, w, c = dx * dx * packed[i, 2] + packed[i, 5], dx * packed[i, 3], packed[i, 4]
    first, last = rows_of(pair)
    for row in range(first, last):
        at = np.uint64(row) * ROW
        dy = np.float32(row) + y - packed[i, 1]
        raw = exp2_below_127((w + c * dy) * dy + u)
        transmittance = load(tile, at)
        weight = transmittance * least(raw, MAX_ALPHA)
        weight = select((raw >= MIN_ALPHA) & (transmittance >= STOP), weight, ZERO)
        store(tile, at, transmittance - weight)
        store(tile, at + N, load(tile, at + N) + weight * red)
        store(tile, at + N2, load(tile, at + N2) + weight * green)
        store(tile, at + N3, load(tile, at + N3) + weight * blue)


@inlined_kernel
def blend_depth(tile: ndarray, x: ndarray, y: Scalar, pair: Scalar, packed: ndarray) -> None:
    """As :func:`blend`: plane 1 gets the weighted depth, plane 2 the depth where transmittance passes one half."""
    i = gaussian_of(pair)
    depth = packed[i, 9]
    dx = load(x, np.uint64(0)) - packed[i, 0]
    u, w, c = dx * dx * packed[i, 2] + packed[i, 5], dx * packed[i, 3], packed[i, 4]
    first, last = rows_of(pair)
    for row in range(first, last):
        at = np.uint64(row) * ROW
        dy = np.float32(row) + y - packed[i, 1]
        raw = exp2_below_127((w + c * dy) * dy + u)
        transmittance = load(tile, at)
        weight = transmittance * least(raw, MAX_ALPHA)
        weight = select((raw >= MIN_ALPHA) & (transmittance >= STOP), weight, ZERO)
        left = transmittance - weight
        store(tile, at, left)
        store(tile, at + N, load(tile, at + N) + weight * depth)
        passes = (transmittance > HALF) & (left <= HALF)
        store(tile, at + N2, select(passes, depth, load(tile, at + N2)))


@inlined_kernel
def unblend(
    tile: ndarray,
    x: ndarray,
    y: Scalar,
    pair: Scalar,
    packed: ndarray,
    slots: ndarray,
    slot: Scalar,
    depth_gradient: Any,
) -> None:
    """Gradients of one Gaussian's pixels into its slot; planes 0 transmittance, 1 remainder, 2-4 image gradient.

    Front to back: with g the image gradient, S = g . pixel and P its part up to and with this Gaussian,
    dL/dalpha = T (c . g) - (S - P) / (1 - alpha). Plane 1 holds S - P. A gradient of the depth is two channels more:
    plane 5 for the depth as a colour, plane 6 for the constant colour one.
    """
    i = gaussian_of(pair)
    red, green, blue = packed[i, 6], packed[i, 7], packed[i, 8]
    dx = load(x, np.uint64(0)) - packed[i, 0]
    u, w, c = dx * dx * packed[i, 2] + packed[i, 5], dx * packed[i, 3], packed[i, 4]
    sum_r, sum_g, sum_b = lanes_of(ZERO), lanes_of(ZERO), lanes_of(ZERO)
    sum_v, sum_y, sum_yy = lanes_of(ZERO), lanes_of(ZERO), lanes_of(ZERO)
    if depth_gradient is not None:
        depth, sum_z = packed[i, 9], lanes_of(ZERO)
    first, last = rows_of(pair)
    for row in range(first, last):
        at = np.uint64(row) * ROW
        dy = np.float32(row) + y - packed[i, 1]
        raw = exp2_below_127((w + c * dy) * dy + u)
        transmittance = load(tile, at)
        alpha = least(raw, MAX_ALPHA)
        on = (raw >= MIN_ALPHA) & (transmittance >= STOP)
        weight = select(on, transmittance * alpha, ZERO)
        gr, gg, gb = load(tile, at + N2), load(tile, at + N3), load(tile, at + N4)
        shade = gr * red + gg * green + gb * blue
        if depth_gradient is not None:
            gz = load(tile, at + N5)
            shade = shade + gz * depth + load(tile, at + N6)
            sum_z += weight * gz
        shade = weight * shade
        remainder = load(tile, at + N) - shade
        store(tile, at + N, remainder)
        store(tile, at, transmittance - weight)
        v = shade - alpha * remainder / (ONE - alpha)
        v = select(on & (raw < MAX_ALPHA), v, ZERO)
        vy = v * dy
        sum_r += weight * gr
        sum_g += weight * gg
        sum_b += weight * gb
        sum_v += v
        sum_y += vy
        sum_yy += vy * dy
    begin = slot * np.uint64(slots.shape[1])
    sum_x = sum_v * dx
    store_sums(slots, begin, sum_r, sum_g, sum_b, sum_v)
    store_sums(slots, begin + np.uint64(4), sum_x, sum_y, sum_x * dx, sum_y * dx)
    slots[slot, 8] = total(sum_yy)
    if depth_gradient is not None:
        slots[slot, 9] = total(sum_z)


@parallel_kernel
def blend_tiles(
    packed: ndarray,
    tile_starts: ndarray,
    tile_pairs: ndarray,
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
        tile, x = lines(4 * AREA), lines(TILE)
        set_up(tile, x, row, column, width, height)
        top = np.float32(row * TILE) + HALF
        start, stop = tile_starts[index], tile_starts[index + 1]
        begin = start
        while begin < stop and not closed(tile):
            end = min(begin + BATCH, stop)
            expect(packed, tile_pairs, end, min(end + BATCH, stop))
            for at in range(begin, end):
                blend(tile, x, top, tile_pairs[at], packed)
            begin = end
        used[index] = begin - start
        for j in range(min(TILE, height - row * TILE)):
            for i in range(min(TILE, width - column * TILE)):
                here = j * TILE + i
                left = tile[here]
                py, px = row * TILE + j, column * TILE + i
                transmittance[py, px] = left
                for channel in range(3):
                    image[channel, py, px] = tile[(1 + channel) * AREA + here] + left * background[channel]


@parallel_kernel
def blend_depth_tiles(
    packed: ndarray,
    tile_starts: ndarray,
    tile_pairs: ndarray,
    used: ndarray,
    width: Scalar,
    height: Scalar,
    expected: ndarray,
    median: ndarray,
) -> None:
    """Expected and median depth of every pixel; 0 where nothing was blended (expected) or half of it (median)."""
    tiles_x = (width + TILE - 1) // TILE
    for index in prange(tile_starts.shape[0] - 1):
        row, column = index // tiles_x, index % tiles_x
        tile, x = lines(3 * AREA), lines(TILE)
        set_up(tile, x, row, column, width, height)
        top = np.float32(row * TILE) + HALF
        start = tile_starts[index]
        middle = start + used[index]
        for begin in range(start, middle, BATCH):
            end = min(begin + BATCH, middle)
            expect(packed, tile_pairs, end, min(end + BATCH, middle))
            for at in range(begin, end):
                blend_depth(tile, x, top, tile_pairs[at], packed)
        for j in range(min(TILE, height - row * TILE)):
            for i in range(min(TILE, width - column * TILE)):
                here = j * TILE + i
                py, px = row * TILE + j, column * TILE + i
                alpha = ONE - tile[here]
                expected[py, px] = tile[AREA + here] / alpha if alpha > ZERO else ZERO
                median[py, px] = tile[2 * AREA + here]


@parallel_kernel
def unblend_tiles(
    packed: ndarray,
    tile_starts: ndarray,
    tile_pairs: ndarray,
    used: ndarray,
    width: Scalar,
    height: Scalar,
    image: ndarray,
    image_gradient: ndarray,
    slots: ndarray,
    transmittance: ndarray,
    depth: Any,
    depth_gradient: Any,
) -> None:
    """Gradients of every tile-Gaussian pair into its own slot, so that no two tiles write to one place.

    ``depth_gradient`` is that of the expected ``depth`` E/A, E the blended depth and A the alpha: G/A for E and
    -G E/A^2 for A. numba compiles a kernel of its own without them where both are None.
    """
    tiles_x = (width + TILE - 1) // TILE
    planes = 5 if depth_gradient is None else 7
    packed_bits = packed.view(np.uint32)
    for index in prange(tile_starts.shape[0] - 1):
        row, column = index // tiles_x, index % tiles_x
        tile, x = lines(planes * AREA), lines(TILE)
        set_up(tile, x, row, column, width, height)
        top = np.float32(row * TILE) + HALF
        for j in range(min(TILE, height - row * TILE)):
            for i in range(min(TILE, width - column * TILE)):
                here = j * TILE + i
                py, px = row * TILE + j, column * TILE + i
                shade = ZERO
                for channel in range(3):
                    gradient = image_gradient[channel, py, px]
                    shade += gradient * image[channel, py, px]
                    tile[(2 + channel) * AREA + here] = gradient
                # The depth's two channels add G/A E - G E/A^2 A = 0 to the remainder.
                tile[AREA + here] = shade
                if depth_gradient is not None:
                    alpha = ONE - transmittance[py, px]
                    blended = depth_gradient[py, px] / alpha if alpha > ZERO else ZERO
                    tile[5 * AREA + here] = blended
                    tile[6 * AREA + here] = -blended * depth[py, px]
        start, stop = tile_starts[index], tile_starts[index + 1]
        middle = start + used[index]
        for begin in range(start, middle, BATCH):
            end = min(begin + BATCH, middle)
            # What is packed tells where the slots are, so it is asked for two batches ahead.
            expect(packed, tile_pairs, min(end + BATCH, middle), min(end + 2 * BATCH, middle))
            expect_slots(slots, packed_bits, tile_pairs, end, min(end + BATCH, middle))
            for at in range(begin, end):
                pair = tile_pairs[at]
                unblend(tile, x, top, pair, packed, slots, slot_of(packed_bits, pair), depth_gradient)
        for at in range(middle, stop):
            slot = slot_of(packed_bits, tile_pairs[at])
            for k in range(slots.shape[1]):
                slots[slot, k] = ZERO
