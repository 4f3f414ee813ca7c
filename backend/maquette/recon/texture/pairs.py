"""The plain atlas: triangles in pairs, each pair in a square of its own. For any mesh, at once, and wasteful.

It stands in where the unwrapping by xatlas failed. Every pair of triangles is an island, so that the seams are many:
coarser versions of such a texture mix neighbours that are none on the surface.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64
from numpy import ndarray

from maquette.recon.rasterize.compiled import kernel

MIN_CELL_PX = 4
_INSET_PX = 1.0
"""Corners lie this far inside their square, and half a texel more along the diagonal."""


def lay_out_pairs(
    vertices: Float32[ndarray, "v 3"], faces: Int32[ndarray, "f 3"], size_px: int
) -> Float32[ndarray, "f 3 2"] | None:
    """Corners of every face in texels of a square texture, origin at its lower left; None where it holds too little.

    Squares have sides of powers of two from 4 texels on. Laid along a Z-order curve from the largest to the smallest,
    they fill the texture without gaps (Morton 1966).
    """
    lengths = np.linalg.norm(vertices[faces] - vertices[np.roll(faces, -1, axis=1)], axis=2).astype(np.float64)
    partner, edge = _pair_up(faces, lengths)
    first = np.flatnonzero((partner < 0) | (np.arange(len(faces)) < partner))
    exponents = _sides(lengths[first].max(axis=1), size_px)
    if exponents is None:
        return None
    order = np.argsort(-exponents, kind="stable")
    areas = 4 ** exponents[order]
    origins = np.empty((len(first), 2))
    origins[order] = _morton(np.concatenate([[0], np.cumsum(areas)[:-1]]))
    corners = np.zeros((len(faces), 3, 2), np.float32)
    side = 2.0**exponents
    low, high = origins + _INSET_PX, origins + side[:, None] - _INSET_PX
    half = 0.25  # the two halves share the diagonal, and touch it from their own side
    rows = np.arange(len(first))
    edges = edge[first]
    # The corner across from the shared edge lies in the square's corner, the edge along its diagonal.
    corners[first, (edges + 2) % 3] = low
    corners[first, edges] = np.stack([high[:, 0] - half, low[:, 1]], axis=1)
    corners[first, (edges + 1) % 3] = np.stack([low[:, 0], high[:, 1] - half], axis=1)
    paired = rows[partner[first] >= 0]
    second = partner[first[paired]]
    others = edge[second]
    # The partner runs along the edge the other way round.
    corners[second, (others + 2) % 3] = high[paired]
    corners[second, (others + 1) % 3] = np.stack([high[paired, 0], low[paired, 1] + half], axis=1)
    corners[second, others] = np.stack([low[paired, 0] + half, high[paired, 1]], axis=1)
    return corners


def _pair_up(
    faces: Int32[ndarray, "f 3"], lengths: Float64[ndarray, "f 3"]
) -> tuple[Int64[ndarray, " f"], Int64[ndarray, " f"]]:
    """Each face's partner (-1: none) across the edge named, the longest edges first; alone, its own longest edge."""
    corners = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2).astype(np.int64), axis=1)
    keys = corners[:, 0] * (int(faces.max(initial=0)) + 1) + corners[:, 1]
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    a, b = order[:-1][same], order[1:][same]
    by_length = np.argsort(-lengths.ravel()[a], kind="stable")
    partner, edge = np.full(len(faces), -1, np.int64), lengths.argmax(axis=1)
    _match(a[by_length], b[by_length], partner, edge)
    return partner, edge


@kernel
def _match(a: ndarray, b: ndarray, partner: ndarray, edge: ndarray) -> None:
    for i in range(a.shape[0]):
        f, g = a[i] // 3, b[i] // 3
        if f != g and partner[f] < 0 and partner[g] < 0:
            partner[f], partner[g] = g, f
            edge[f], edge[g] = a[i] % 3, b[i] % 3


def _sides(lengths: Float64[ndarray, " n"], size_px: int) -> Int64[ndarray, " n"] | None:
    """Exponents of two of the squares' sides, in proportion to ``lengths``, the largest that all fit."""
    lowest, highest = int(np.log2(MIN_CELL_PX)), int(np.log2(size_px))
    longest = max(float(lengths.max(initial=0.0)), 1e-30)
    relative = np.log2(np.maximum(lengths / longest, 1e-9))
    for scale in np.arange(highest, lowest - 32, -0.25):
        exponents = np.clip(np.rint(relative + scale), lowest, highest).astype(np.int64)
        if (4**exponents).sum() <= size_px**2:
            return exponents
    return None


def _morton(positions: Int64[ndarray, " n"]) -> Float64[ndarray, "n 2"]:
    """x and y of places along the Z-order curve: their even and odd bits."""
    places = np.zeros((len(positions), 2))
    for bit in range(16):
        places[:, 0] += ((positions >> (2 * bit)) & 1) << bit
        places[:, 1] += ((positions >> (2 * bit + 1)) & 1) << bit
    return places
