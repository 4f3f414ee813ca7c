"""Charts: parts of the surface that look one way, laid flat by looking at them from there.

Each grows from a seed over faces whose smoothed normals stay within a cone about the seed's, as in Levy et al. 2002
("Least Squares Conformal Maps", section 3) but flattened by a parallel projection: nothing flips, and lengths shrink
by no more than the cone allows. What would lie over a part of the chart that is elsewhere along the axis starts a
chart of its own. xatlas can make charts too: of a fused mesh of 77,000 triangles 5336 in 45 s of computing, where
these are 4170 in 0.13 s, and packing them takes xatlas 1.5 s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int32, Int64
from numpy import ndarray

from maquette.recon.mesh.mesh import Mesh
from maquette.recon.rasterize.compiled import Scalar, kernel

CONE_COSINE = 0.7
"""Of 45 degrees, between the smoothed normals of a chart's faces and its axis."""
FACE_COSINE = 0.25
"""And between a face's own normal, noisy as it may be, and the axis."""
SMALL = 6
"""Charts of fewer faces give them to their neighbours, where those can take them."""
_SMOOTHINGS = 6
_FOLD_CELLS = 4.0
"""Depth along the axis, in cells, from which two faces over one place are two layers."""


@dataclass(frozen=True, eq=False)
class Charts:
    """The faces' charts, flat: vertices stand once for each chart they are in."""

    chart: Int32[ndarray, " f"]
    vertex: Int32[ndarray, " m"]
    """The mesh's own vertex that each new one stands for."""
    faces: Int32[ndarray, "f 3"]
    flat: Float64[ndarray, "m 2"]
    """World units, each chart about its own origin; counter-clockwise as seen from outside."""


def charts_of(mesh: Mesh) -> Charts:
    """Cut all of ``mesh`` into charts."""
    vertices = mesh.vertices.astype(np.float64)
    crosses = np.cross(
        vertices[mesh.faces[:, 1]] - vertices[mesh.faces[:, 0]], vertices[mesh.faces[:, 2]] - vertices[mesh.faces[:, 0]]
    )
    normals = _unit(crosses)
    neighbours = _neighbours(mesh.faces)
    smooth = _smoothed(crosses, neighbours)
    seeds = np.argsort(-(normals * smooth).sum(axis=1), kind="stable")
    chart = np.full(len(mesh.faces), -1, np.int32)
    axes = np.zeros((len(mesh.faces), 3))
    edges = np.linalg.norm(vertices[mesh.faces[:, 0]] - vertices[mesh.faces[:, 1]], axis=1)
    cell = max(float(np.median(edges)), 1e-12)
    table = np.full(1 << int(np.ceil(np.log2(32 * len(mesh.faces) + 64))), -1, np.int64)
    depths = np.zeros(len(table), np.float32)
    places = (vertices - vertices.min(axis=0)).astype(np.float64)
    count = _grow(places, mesh.faces, neighbours, normals, smooth, seeds, cell, table, depths, chart, axes)
    sizes = np.bincount(chart, minlength=count)
    _adopt(places, mesh.faces, neighbours, normals, axes, sizes, cell, table, depths, chart)
    return _flattened(mesh, chart, axes)


def _flattened(mesh: Mesh, chart: Int32[ndarray, " f"], axes: Float64[ndarray, "_ 3"]) -> Charts:
    used, chart = np.unique(chart, return_inverse=True)
    keys = chart.astype(np.int64)[:, None] * len(mesh.vertices) + mesh.faces
    unique, faces = np.unique(keys, return_inverse=True)
    of_vertex, vertex = unique // len(mesh.vertices), unique % len(mesh.vertices)
    across, up = _frames(axes[used])
    points = mesh.vertices[vertex].astype(np.float64)
    flat = np.stack([(points * across[of_vertex]).sum(axis=1), (points * up[of_vertex]).sum(axis=1)], axis=1)
    low = np.full((len(used), 2), np.inf)
    np.minimum.at(low, of_vertex, flat)
    return Charts(
        chart.astype(np.int32),
        vertex.astype(np.int32),
        faces.reshape(-1, 3).astype(np.int32),
        flat - low[of_vertex],
    )


def _frames(axes: Float64[ndarray, "k 3"]) -> tuple[Float64[ndarray, "k 3"], Float64[ndarray, "k 3"]]:
    """Two directions across each axis, right-handed with it."""
    helper = np.where(np.abs(axes[:, :1]) < 0.8, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    across = _unit(np.cross(helper, axes))
    return across, np.cross(axes, across)


def _unit(vectors: Float64[ndarray, "n 3"]) -> Float64[ndarray, "n 3"]:
    unit: Float64[ndarray, "n 3"] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-300)
    return unit


def _neighbours(faces: Int32[ndarray, "f 3"]) -> Int64[ndarray, "f 3"]:
    """The face across each edge, -1 where there is none."""
    corners = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=2).reshape(-1, 2).astype(np.int64), axis=1)
    keys = corners[:, 0] * (int(faces.max()) + 1) + corners[:, 1]
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    a, b = order[:-1][same], order[1:][same]
    found = np.full(faces.size, -1, np.int64)
    found[a], found[b] = b // 3, a // 3
    return found.reshape(-1, 3)


def _smoothed(crosses: Float64[ndarray, "f 3"], neighbours: Int64[ndarray, "f 3"]) -> Float64[ndarray, "f 3"]:
    """Unit normals, each the mean of a neighbourhood by area."""
    smooth = crosses
    for _ in range(_SMOOTHINGS):
        total = smooth.copy()
        for edge in range(3):
            across = neighbours[:, edge]
            total += np.where((across >= 0)[:, None], smooth[across], 0.0)
        smooth = total / 4
    return _unit(smooth)


@kernel
def _free(
    corners: ndarray, places: ndarray, chart: Scalar, axis: ndarray, cell: Scalar, table: ndarray, depths: ndarray,
    take: Scalar,
) -> Scalar:  # fmt: skip
    """Whether a face lies over no other layer of the chart; with ``take`` its cells are marked as the chart's.

    The cells are those of its middle and of the middles of its edges, kept in a hash table for all charts.
    """
    if abs(axis[0]) < 0.8:
        ax, ay, az = 0.0, -axis[2], axis[1]
    else:
        ax, ay, az = axis[2], 0.0, -axis[0]
    length = np.sqrt(ax * ax + ay * ay + az * az)
    ax, ay, az = ax / length, ay / length, az / length
    bx, by, bz = axis[1] * az - axis[2] * ay, axis[2] * ax - axis[0] * az, axis[0] * ay - axis[1] * ax
    for sample in range(4):
        p, q, r = 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0
        if sample > 0:
            p, q, r = (0.1 if sample == 1 else 0.45), (0.1 if sample == 2 else 0.45), (0.1 if sample == 3 else 0.45)
        x = p * places[corners[0], 0] + q * places[corners[1], 0] + r * places[corners[2], 0]
        y = p * places[corners[0], 1] + q * places[corners[1], 1] + r * places[corners[2], 1]
        z = p * places[corners[0], 2] + q * places[corners[1], 2] + r * places[corners[2], 2]
        column = np.int64(np.floor((x * ax + y * ay + z * az) / cell)) + 1048576
        row = np.int64(np.floor((x * bx + y * by + z * bz) / cell)) + 1048576
        depth = (x * axis[0] + y * axis[1] + z * axis[2]) / cell
        key = (np.int64(chart) << 42) ^ (column << 21) ^ row
        mask = table.shape[0] - 1
        slot = ((key * 7046029254386353131) >> 20) & mask
        while table[slot] != -1 and table[slot] != key:
            slot = (slot + 1) & mask
        if table[slot] == key:
            if abs(depths[slot] - depth) > _FOLD_CELLS:
                return False
        elif take:
            table[slot] = key
            depths[slot] = depth
    return True


@kernel
def _grow(
    places: ndarray, faces: ndarray, neighbours: ndarray, normals: ndarray, smooth: ndarray, seeds: ndarray,
    cell: Scalar, table: ndarray, depths: ndarray, chart: ndarray, axes: ndarray,
) -> Scalar:  # fmt: skip
    """Grow charts from the smoothest faces on; their number."""
    queue = np.empty(faces.shape[0], np.int64)
    count = 0
    for seed in seeds:
        if chart[seed] >= 0:
            continue
        axis = smooth[seed]
        if not (normals[seed, 0] * axis[0] + normals[seed, 1] * axis[1] + normals[seed, 2] * axis[2] > FACE_COSINE):
            axis = normals[seed]
        if not (axis[0] * axis[0] + axis[1] * axis[1] + axis[2] * axis[2] > 0.5):
            axis = np.array([0.0, 0.0, 1.0])  # a face without area lies flat anywhere
        axes[count] = axis
        _free(faces[seed], places, count, axis, cell, table, depths, True)
        chart[seed] = count
        queue[0] = seed
        first, end = 0, 1
        while first < end:
            f = queue[first]
            first += 1
            for edge in range(3):
                g = neighbours[f, edge]
                if g < 0 or chart[g] >= 0:
                    continue
                rounded = smooth[g, 0] * axis[0] + smooth[g, 1] * axis[1] + smooth[g, 2] * axis[2]
                own = normals[g, 0] * axis[0] + normals[g, 1] * axis[1] + normals[g, 2] * axis[2]
                alike = rounded > CONE_COSINE and own > FACE_COSINE
                if alike and _free(faces[g], places, count, axis, cell, table, depths, False):
                    _free(faces[g], places, count, axis, cell, table, depths, True)
                    chart[g] = count
                    queue[end] = g
                    end += 1
        count += 1
    return count


@kernel
def _adopt(
    places: ndarray, faces: ndarray, neighbours: ndarray, normals: ndarray, axes: ndarray, sizes: ndarray,
    cell: Scalar, table: ndarray, depths: ndarray, chart: ndarray,
) -> None:  # fmt: skip
    """Let larger charts take the faces of small ones, ring by ring."""
    for _ in range(4):
        for f in range(faces.shape[0]):
            if sizes[chart[f]] >= SMALL:
                continue
            for edge in range(3):
                g = neighbours[f, edge]
                if g < 0 or sizes[chart[g]] < SMALL:
                    continue
                axis = axes[chart[g]]
                own = normals[f, 0] * axis[0] + normals[f, 1] * axis[1] + normals[f, 2] * axis[2]
                if own > FACE_COSINE and _free(faces[f], places, chart[g], axis, cell, table, depths, False):
                    _free(faces[f], places, chart[g], axis, cell, table, depths, True)
                    sizes[chart[f]] -= 1
                    chart[f] = chart[g]
                    sizes[chart[g]] += 1
                    break
