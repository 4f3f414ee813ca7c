"""Which Gaussians touch which tile, front to back: one depth sort, then a stable counting sort into tiles.

Pairs of a Gaussian and a tile exist in two orders. In slot order, by Gaussian, they are written and later summed; in
tile order, front to back, they are blended. A pair is one number in either, so that sorting moves one stream of memory:

    slot order, 32 bits: tile << 10 | first row << 5 | last row
    tile order, 64 bits: Gaussian << 32 | place among the Gaussian's slots << 10 | first row << 5 | last row
"""

from __future__ import annotations

import numpy as np
from numba import prange
from numpy import ndarray

from maquette.recon.rasterize.compiled import Scalar, inlined_kernel, kernel, parallel_kernel
from maquette.recon.rasterize.ellipses import TILE, columns, rows, tile_rows
from maquette.recon.rasterize.lanes import WIDTH, lines, will_read
from maquette.recon.rasterize.rows import PACK, cross, nth, put

ROW_BITS = 10
ROW_MASK = (1 << ROW_BITS) - 1
FIRST_SLOT = 12
"""Place of a Gaussian's first slot, as an integer, among its packed floats."""
CHUNKS = 16
"""Parts the counting sort is cut into. A constant, so that nothing depends on the number of threads."""
ROWS = np.float32(32.0)
AHEAD = 16
"""Places of the depth order between asking for a Gaussian's memory, which lies anywhere, and using it."""
BLOCK = 1024
"""Gaussians that one thread takes at a time."""


@inlined_kernel
def list_strips(
    packed: ndarray,
    starts: ndarray,
    tops: ndarray,
    strips: Scalar,
    width: Scalar,
    tiles_x: Scalar,
    seen: ndarray,
    pairs: tuple[ndarray, ...],
    waiting: Scalar,
    slot: Scalar,
    slot_pairs: ndarray,
) -> tuple[Scalar, Scalar]:
    """List the pairs in tile rows, at most sixteen and each of one Gaussian: those ``waiting`` first, as many as fill
    vectors; returns how many wait now, and the next slot.
    """
    pair_starts, pair_tops, pair_lefts, tiles, _ = pairs
    cross(packed, starts, np.uint64(0), seen, np.uint64(0))
    first, last = columns(seen, nth(tops, 0), np.float32(width))
    put(seen, 0, first)
    put(seen, 1, last)
    for k in range(strips):
        tile_row = np.int64(tops[k]) // TILE
        for column in range(np.int64(seen[k]), np.int64(seen[WIDTH + k])):
            pair_starts[waiting], tiles[waiting] = starts[k], tile_row * tiles_x + column
            pair_tops[waiting], pair_lefts[waiting] = tops[k], np.float32(column * TILE)
            waiting += 1
            if waiting == WIDTH:
                write_pairs(packed, pairs, waiting, slot, slot_pairs)
                slot += waiting
                waiting = 0
    return waiting, slot


@inlined_kernel
def write_pairs(packed: ndarray, pairs: tuple[ndarray, ...], count: Scalar, slot: Scalar, slot_pairs: ndarray) -> None:
    """Write pairs, at most sixteen, from ``slot`` on."""
    pair_starts, pair_tops, pair_lefts, tiles, seen = pairs
    cross(packed, pair_starts, np.uint64(0), seen, np.uint64(0))
    first, last = rows(seen, nth(pair_tops, 0), nth(pair_lefts, 0))
    put(seen, 0, first * ROWS + last)
    for k in range(count):
        slot_pairs[slot + k] = (tiles[k] << ROW_BITS) | np.int64(seen[k])


@parallel_kernel
def list_pairs(
    packed: ndarray,
    touched: ndarray,
    block_starts: ndarray,
    width: int,
    height: int,
    tiles_x: int,
    indices: ndarray,
    depths: ndarray,
    slot_starts: ndarray,
    slot_pairs: ndarray,
) -> None:
    """List visible Gaussians, their depths and the pairs in slot order; each Gaussian's first slot is packed, too.

    ``block_starts`` (blocks, 2) holds where each block's Gaussians and slots begin.
    """
    bits = packed.view(np.uint32)
    n = touched.shape[0]
    for block in prange(block_starts.shape[0]):
        seen, tops, starts = lines(WIDTH * WIDTH), lines(WIDTH), np.zeros(WIDTH, np.uint64)
        pair_seen = lines(WIDTH * WIDTH)
        pairs = (np.zeros(WIDTH, np.uint64), lines(WIDTH), lines(WIDTH), np.zeros(WIDTH, np.int64), pair_seen)
        item, first_slot, slot = block_starts[block, 0], block_starts[block, 1], block_starts[block, 1]
        strips, waiting = 0, 0
        for i in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
            if touched[i] == 0:
                continue
            indices[item] = i
            depths[item] = packed[i, 9]
            slot_starts[item] = first_slot
            bits[i, FIRST_SLOT] = first_slot
            first_slot += touched[i]
            item += 1
            row0, row1 = tile_rows(packed, i, height)
            for row in range(row0, row1):
                starts[strips], tops[strips] = np.uint64(i * PACK), np.float32(row * TILE)
                strips += 1
                if strips == WIDTH:
                    waiting, slot = list_strips(
                        packed, starts, tops, strips, width, tiles_x, seen, pairs, waiting, slot, slot_pairs
                    )
                    strips = 0
        waiting, slot = list_strips(
            packed, starts, tops, strips, width, tiles_x, seen, pairs, waiting, slot, slot_pairs
        )
        write_pairs(packed, pairs, waiting, slot, slot_pairs)


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


@inlined_kernel
def expect(order: ndarray, slot_starts: ndarray, slot_pairs: ndarray, k: Scalar) -> None:
    """Ask for the pairs of a Gaussian behind place ``k`` of the depth order, and for where those of a later one are."""
    last = order.shape[0] - 1
    will_read(slot_starts, np.uint64(order[min(k + AHEAD, last)]))
    will_read(slot_pairs, np.uint64(slot_starts[order[min(k + AHEAD // 2, last)]]))


@parallel_kernel
def count_tiles(order: ndarray, slot_starts: ndarray, slot_pairs: ndarray, histogram: ndarray) -> None:
    """Count the pairs of each tile within each chunk of the depth order."""
    n = order.shape[0]
    for chunk in prange(CHUNKS):
        for k in range(n * chunk // CHUNKS, n * (chunk + 1) // CHUNKS):
            expect(order, slot_starts, slot_pairs, k)
            item = order[k]
            for slot in range(slot_starts[item], slot_starts[item + 1]):
                histogram[chunk, slot_pairs[slot] >> ROW_BITS] += 1


@kernel
def running_sums(histogram: ndarray, tile_starts: ndarray) -> None:
    """Turn the counts into each chunk's first place in each tile, in place, and each tile's first place."""
    total = 0
    for tile in range(histogram.shape[1]):
        tile_starts[tile] = total
        for chunk in range(CHUNKS):
            count = histogram[chunk, tile]
            histogram[chunk, tile] = total
            total += count
    tile_starts[histogram.shape[1]] = total


@parallel_kernel
def fill_tiles(
    order: ndarray,
    indices: ndarray,
    slot_starts: ndarray,
    slot_pairs: ndarray,
    histogram: ndarray,
    tile_pairs: ndarray,
) -> None:
    """Write the tile lists, front to back."""
    n = order.shape[0]
    for chunk in prange(CHUNKS):
        for k in range(n * chunk // CHUNKS, n * (chunk + 1) // CHUNKS):
            expect(order, slot_starts, slot_pairs, k)
            will_read(indices, np.uint64(order[min(k + AHEAD, n - 1)]))
            item = order[k]
            record = np.uint64(indices[item]) << np.uint64(32)
            for slot in range(slot_starts[item], slot_starts[item + 1]):
                pair = np.uint64(slot_pairs[slot])
                tile = pair >> np.uint64(ROW_BITS)
                at = histogram[chunk, tile]
                histogram[chunk, tile] = at + 1
                tile_pairs[at] = record | (pair & np.uint64(ROW_MASK))
                record += np.uint64(1 << ROW_BITS)
