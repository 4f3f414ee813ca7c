"""The surface where fused distances are zero: marching cubes over groups of blocks, stitched exactly.

A cell belongs to one group only and a vertex lies on one edge of the lattice, which names it: the same edge in two
groups is the same vertex, whatever rounding made of its place.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int, Int32
from numpy import ndarray
from skimage.measure import marching_cubes

from maquette.progress import Progress
from maquette.recon.mesh.blocks import SIDE, Blocks

GROUP = 4
"""Blocks along a group: large enough that a call is cheap, small enough that one is never much memory."""
SMALLEST = 2e-3
"""Distances nearer to zero than this, in truncations, are moved off it: a vertex on a corner would be on many edges."""
JUMP = 1.2
"""Largest difference of distances within a cell, in truncations: a surface changes by a few tenths, more is where what
is known ends."""


def zero_surface(
    blocks: Blocks, least_weight: float, progress: Progress
) -> tuple[Float64[ndarray, "v 3"], Int32[ndarray, "f 3"]]:
    """Vertices (world units) and faces, counter-clockwise from the front; empty where there is no surface.

    Cells with a corner of less than ``least_weight`` make none. Reports the stage ``meshing``.
    """
    groups = np.unique(blocks.places // GROUP, axis=0)
    lattice = np.array(blocks.slots.shape, np.int64) * SIDE + 1
    corners, keys, faces, count = [], [], [], 0
    for done, group in enumerate(groups):
        if done % 16 == 0:
            progress("meshing", done / len(groups), f"{count} corners")
        distances, weights = _gathered(blocks, group * GROUP)
        cells = _cells(distances, weights >= least_weight)
        if not cells.any():
            continue
        distances = np.where(np.abs(distances) < SMALLEST, np.copysign(np.float32(SMALLEST), distances), distances)
        mask = np.zeros(distances.shape, np.bool_)
        mask[1:, 1:, 1:] = cells  # scikit-image asks the last corner of a cell
        found, triangles, _, _ = marching_cubes(  # type: ignore[no-untyped-call]
            distances, 0.0, mask=mask, gradient_direction="descent"
        )
        base = group.astype(np.int64) * (GROUP * SIDE)
        corners.append(found + base)
        keys.append(_edges(found, base, lattice))
        faces.append(triangles.astype(np.int64) + count)
        count += len(found)
    progress("meshing", 1.0, f"{count} corners")
    if count == 0:
        return np.zeros((0, 3)), np.zeros((0, 3), np.int32)
    _, first, which = np.unique(np.concatenate(keys), return_index=True, return_inverse=True)
    vertices = np.concatenate(corners)[first] * blocks.voxel + blocks.origin
    return vertices, which[np.concatenate(faces)].astype(np.int32)


def _gathered(blocks: Blocks, start: Int[ndarray, " 3"]) -> tuple[Float32[ndarray, "x y z"], Float32[ndarray, "x y z"]]:
    """Distances and weights of the group that begins at block ``start``, and one layer of its neighbours."""
    size = GROUP * SIDE + 1
    distances, weights = np.ones((size,) * 3, np.float32), np.zeros((size,) * 3, np.float32)
    shape = blocks.slots.shape
    for offset in np.ndindex(GROUP + 1, GROUP + 1, GROUP + 1):
        place = start + offset
        if (place >= shape).any():
            continue
        slot = blocks.slots[tuple(place)]
        if slot < 0:
            continue
        ends = [SIDE if o < GROUP else 1 for o in offset]
        there = tuple(slice(o * SIDE, o * SIDE + end) for o, end in zip(offset, ends, strict=True))
        here = (slot, *(slice(0, end) for end in ends))
        distances[there], weights[there] = blocks.distances[here], blocks.weights[here]
    return distances, weights


def _cells(distances: Float32[ndarray, "x y z"], seen: Bool[ndarray, "x y z"]) -> Bool[ndarray, "_ _ _"]:
    """Which cells have all eight corners seen, a change of sign and no jump."""
    corners = [tuple(slice(o, o - 1 or None) for o in offset) for offset in np.ndindex(2, 2, 2)]
    low, high, all_seen = distances[corners[0]], distances[corners[0]], seen[corners[0]]
    for corner in corners[1:]:
        low, high = np.minimum(low, distances[corner]), np.maximum(high, distances[corner])
        all_seen = all_seen & seen[corner]
    return np.asarray(all_seen & (low <= 0) & (high >= 0) & (high - low < JUMP))


def _edges(found: Float32[ndarray, "v 3"], base: Int[ndarray, " 3"], lattice: Int[ndarray, " 3"]) -> Int[ndarray, " v"]:
    """The name of each vertex: the lattice point that it lies on or behind, and the axes along which it is behind."""
    nearest = np.rint(found)
    between = np.abs(found - nearest) > SMALLEST / 10
    point = np.where(between, np.floor(found), nearest).astype(np.int64) + base
    along = between @ np.array([1, 2, 4])
    names: Int[ndarray, " v"] = ((point[:, 0] * lattice[1] + point[:, 1]) * lattice[2] + point[:, 2]) * 8 + along
    return names
