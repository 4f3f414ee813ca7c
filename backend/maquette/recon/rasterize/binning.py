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

from maquette.recon.rasterize.compiled import kernel, parallel_kernel
from maquette.recon.rasterize.ellipses import columns, rows, tile_rows

ROW_BITS = 10
ROW_MASK = (1 << ROW_BITS) - 1
FIRST_SLOT = 12
"""Place of a Gaussian's first slot, as an integer, among its packed floats."""
CHUNKS = 16
"""Parts the counting sort is cut into. A constant, so that nothing depends on the number of threads."""
BLOCK = 1024
"""Gaussians that one thread takes at a time."""


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
        item, slot = block_starts[block, 0], block_starts[block, 1]
        for i in range(block * BLOCK, min(n, (block + 1) * BLOCK)):
            if touched[i] == 0:
                continue
            indices[item] = i
            depths[item] = packed[i, 9]
            slot_starts[item] = slot
            bits[i, FIRST_SLOT] = slot
            item += 1
            row0, row1 = tile_rows(packed, i, height)
            for row in range(row0, row1):
                column0, column1 = columns(packed, i, row, width)
                for column in range(column0, column1):
                    first, last = rows(packed, i, row, column)
                    slot_pairs[slot] = ((row * tiles_x + column) << ROW_BITS) | (first << 5) | last
                    slot += 1


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


@parallel_kernel
def count_tiles(order: ndarray, slot_starts: ndarray, slot_pairs: ndarray, histogram: ndarray) -> None:
    """Count the pairs of each tile within each chunk of the depth order."""
    n = order.shape[0]
    for chunk in prange(CHUNKS):
        for k in range(n * chunk // CHUNKS, n * (chunk + 1) // CHUNKS):
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
            item = order[k]
            record = np.uint64(indices[item]) << np.uint64(32)
            for slot in range(slot_starts[item], slot_starts[item + 1]):
                pair = np.uint64(slot_pairs[slot])
                tile = pair >> np.uint64(ROW_BITS)
                at = histogram[chunk, tile]
                histogram[chunk, tile] = at + 1
                tile_pairs[at] = record | (pair & np.uint64(ROW_MASK))
                record += np.uint64(1 << ROW_BITS)
