"""Small holes closed: each open border gets the triangles between its own vertices that have the least area.

Minimum-area triangulation of a polygon in space by dynamic programming (Barequet & Sharir 1995, section 3).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64, Int, Int32
from numpy import ndarray

from maquette.recon.mesh.topology import areas, border, edge_counts, half_edges, parts
from maquette.recon.rasterize.compiled import kernel

MOST_CORNERS = 600
"""Corners of the longest border that is closed: the work grows with their cube."""
SHARE_OF_PART = 0.25
"""Largest hole, of the area of the part that it is in."""


def close_holes(
    vertices: Float[ndarray, "v 3"], faces: Int32[ndarray, "f 3"], largest: float
) -> tuple[Int32[ndarray, "g 3"], int]:
    """The faces with those that close every border around at most ``largest`` (squared units of the vertices), and how
    many borders that were. A crack is small however long it is; the border of an open sheet is no hole in it.

    No vertex may be on two borders (:func:`~maquette.recon.mesh.topology.split_touching`).
    """
    count, part = parts(faces, len(vertices))
    part_area = np.bincount(part, weights=areas(vertices, faces), minlength=count)
    part_of = np.zeros(len(vertices), np.int64)
    part_of[faces.reshape(-1)] = np.repeat(part, 3)
    patches = []
    for loop in borders(faces):
        ring = loop[::-1]  # seen from the hole the border runs the other way
        if not 3 <= len(ring) <= MOST_CORNERS:
            continue
        patch = ring[smallest_cover(np.ascontiguousarray(vertices[ring], np.float64))]
        area = float(areas(vertices, patch.astype(np.int32)).sum())
        if area <= min(largest, SHARE_OF_PART * part_area[part_of[ring[0]]]):
            patches.append(patch)
    patches = _fitting(faces, patches)
    if not patches:
        return faces, 0
    return np.concatenate([faces, *patches]).astype(np.int32), len(patches)


def _fitting(faces: Int32[ndarray, "f 3"], patches: list[Int[ndarray, "_ 3"]]) -> list[Int[ndarray, "_ 3"]]:
    """The patches without those that would put a third face to an edge: their diagonal was an edge already."""
    if not patches:
        return patches
    owner = np.repeat(np.arange(len(patches)), [len(patch) for patch in patches])
    which, counts = edge_counts(np.concatenate([faces, *patches]).astype(np.int32))
    crowded = (counts[which] > 2).reshape(-1, 3).any(axis=1)[len(faces) :]
    bad = set(owner[crowded].tolist())
    return [patch for index, patch in enumerate(patches) if index not in bad]


def borders(faces: Int32[ndarray, "f 3"]) -> list[Int[ndarray, " n"]]:
    """The closed borders, each as its vertices in the direction of the faces' edges."""
    open_edges = border(faces)
    start, end = (side[open_edges] for side in half_edges(faces))
    following = dict(zip(start.tolist(), end.tolist(), strict=True))
    loops = []
    while following:
        first, at = following.popitem()
        loop = [first]
        while at != first and at in following:
            loop.append(at)
            at = following.pop(at)
        if at == first:
            loops.append(np.array(loop))
    return loops


@kernel
def smallest_cover(ring: Float64[ndarray, "n 3"]) -> Int[ndarray, "m 3"]:
    """The n - 2 triangles, as indices into ``ring``, that cover it with the least area."""
    n = ring.shape[0]
    least = np.zeros((n, n))
    split = np.zeros((n, n), np.int64)
    for gap in range(2, n):
        for i in range(n - gap):
            k = i + gap
            least[i, k] = np.inf
            for j in range(i + 1, k):
                ax, ay, az = ring[j, 0] - ring[i, 0], ring[j, 1] - ring[i, 1], ring[j, 2] - ring[i, 2]
                bx, by, bz = ring[k, 0] - ring[i, 0], ring[k, 1] - ring[i, 1], ring[k, 2] - ring[i, 2]
                cx, cy, cz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
                area = least[i, j] + least[j, k] + np.sqrt(cx * cx + cy * cy + cz * cz)
                if area < least[i, k]:
                    least[i, k] = area
                    split[i, k] = j
    triangles = np.empty((n - 2, 3), np.int64)
    stack = np.empty((n, 2), np.int64)
    stack[0, 0], stack[0, 1] = 0, n - 1
    waiting, found = 1, 0
    while waiting > 0:
        waiting -= 1
        i, k = stack[waiting, 0], stack[waiting, 1]
        j = split[i, k]
        triangles[found, 0], triangles[found, 1], triangles[found, 2] = i, j, k
        found += 1
        if j - i > 1:
            stack[waiting, 0], stack[waiting, 1] = i, j
            waiting += 1
        if k - j > 1:
            stack[waiting, 0], stack[waiting, 1] = j, k
            waiting += 1
    return triangles
