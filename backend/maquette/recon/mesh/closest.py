"""The nearest place on a surface: its triangles in a sparse grid of cells, looked up cell by cell outwards."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64, Int32, Int64
from numba import prange
from numpy import ndarray

from maquette.recon.rasterize.compiled import Scalar, inlined_kernel, kernel, parallel_kernel

FACING = 0.2
"""Cosine between the normals of a place and of a face from which they can be one surface: never the two sides of a
sheet."""
_MOST_ENTRIES = 24
"""Cells that a face lies in, on average: cells grow until it is no more."""


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles and the cells that they lie in: some 100 bytes a face."""

    corners: Float64[ndarray, "f 3 3"]
    """Places of each face's corners, world units."""
    normals: Float64[ndarray, "f 3"]
    """Unit length; 0 where a face has no area."""
    low: Float64[ndarray, " 3"]
    cell: float
    """Edge of a cell, world units."""
    keys: Int64[ndarray, " c"]
    """Cells that hold anything, in order."""
    starts: Int64[ndarray, " d"]
    listed: Int32[ndarray, " e"]


def surface_of(vertices: Float[ndarray, "v 3"], faces: Int32[ndarray, "f 3"]) -> Surface:
    """Put at least one face into cells about as large as a face."""
    corners = vertices.astype(np.float64)[faces]
    crosses = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = crosses / np.maximum(np.linalg.norm(crosses, axis=1, keepdims=True), 1e-300)
    low = corners.min(axis=(0, 1))
    spans = np.ptp(corners, axis=1).max(axis=1)
    # No more than 2^20 cells along an axis, so that three numbers make one key
    cell = max(float(np.median(spans)), float(np.ptp(corners, axis=(0, 1)).max()) / 1e6, 1e-30)
    nothing = np.empty(0, np.int64)
    while (count := _enter(corners, normals, low, cell, nothing, nothing)) > _MOST_ENTRIES * len(faces) + 1000:
        cell *= 1.5
    keys, entered = np.empty(count, np.int64), np.empty(count, np.int64)
    _enter(corners, normals, low, cell, keys, entered)
    order = np.argsort(keys, kind="stable")
    cells, first = np.unique(keys[order], return_index=True)
    return Surface(corners, normals, low, cell, cells, np.append(first, count), entered[order].astype(np.int32))


def closest(
    surface: Surface, points: Float32[ndarray, "n 3"], normals: Float32[ndarray, "n 3"], reach: float
) -> tuple[Int32[ndarray, " n"], Float32[ndarray, "n 3"]]:
    """The face nearest to each point, of those within ``reach`` (world units) that look the way of its normal, and the
    barycentrics of the nearest place on it. Without one the face is -1 and they are 0."""
    face, barycentrics = np.empty(len(points), np.int32), np.zeros((len(points), 3), np.float32)
    _closest(
        surface.corners, surface.normals, surface.low, surface.cell, surface.keys, surface.starts, surface.listed,
        points, normals, reach, face, barycentrics,
    )  # fmt: skip
    return face, barycentrics


@inlined_kernel
def _key(x: Scalar, y: Scalar, z: Scalar) -> Scalar:
    return (x << 42) | (y << 21) | z


@kernel
def _enter(
    corners: ndarray, normals: ndarray, low: ndarray, cell: Scalar, keys: ndarray, entered: ndarray
) -> Scalar:  # fmt: skip
    """List each face with the cells that its box and its plane pass through; their number alone where no room is."""
    count = 0
    far = 0.5 * math.sqrt(3.0) * cell * 1.001
    for f in range(corners.shape[0]):
        first, last = np.empty(3, np.int64), np.empty(3, np.int64)
        for k in range(3):
            a, b, c = corners[f, 0, k] - low[k], corners[f, 1, k] - low[k], corners[f, 2, k] - low[k]
            first[k] = int(min(a, min(b, c)) / cell)
            last[k] = int(max(a, max(b, c)) / cell)
        for x in range(first[0], last[0] + 1):
            for y in range(first[1], last[1] + 1):
                for z in range(first[2], last[2] + 1):
                    away = (
                        normals[f, 0] * (low[0] + (x + 0.5) * cell - corners[f, 0, 0])
                        + normals[f, 1] * (low[1] + (y + 0.5) * cell - corners[f, 0, 1])
                        + normals[f, 2] * (low[2] + (z + 0.5) * cell - corners[f, 0, 2])
                    )
                    if abs(away) > far:
                        continue
                    if keys.shape[0] > 0:
                        keys[count] = _key(x, y, z)
                        entered[count] = f
                    count += 1
    return count


@inlined_kernel
def _nearest_on(corners: ndarray, x: Scalar, y: Scalar, z: Scalar, share: ndarray) -> Scalar:
    """Squared distance to a triangle and, in ``share``, the barycentrics of the nearest place on it.

    By the regions of its plane that belong to corners, edges and the inside (Ericson 2005, section 5.1.5).
    """
    a, b, c = corners[0], corners[1], corners[2]
    ux, uy, uz = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    vx, vy, vz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    px, py, pz = x - a[0], y - a[1], z - a[2]
    uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
    up, vp = ux * px + uy * py + uz * pz, vx * px + vy * py + vz * pz
    d3, d4, d5, d6 = up - uu, vp - uv, up - uv, vp - vv
    first, second, third = d3 * d6 - d5 * d4, d5 * vp - up * d6, up * d4 - d3 * vp
    s, t = 0.0, 0.0
    if up <= 0.0 and vp <= 0.0:
        s, t = 0.0, 0.0
    elif d3 >= 0.0 and d4 <= d3:
        s, t = 1.0, 0.0
    elif d6 >= 0.0 and d5 <= d6:
        s, t = 0.0, 1.0
    elif third <= 0.0 and up >= 0.0 and d3 <= 0.0:
        s, t = up / (up - d3), 0.0
    elif second <= 0.0 and vp >= 0.0 and d6 <= 0.0:
        s, t = 0.0, vp / (vp - d6)
    elif first <= 0.0 and d4 - d3 >= 0.0 and d5 - d6 >= 0.0:
        t = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        s = 1.0 - t
    else:
        s, t = second / (first + second + third), third / (first + second + third)
    share[0], share[1], share[2] = 1.0 - s - t, s, t
    ex, ey, ez = px - s * ux - t * vx, py - s * uy - t * vy, pz - s * uz - t * vz
    return ex * ex + ey * ey + ez * ez


@parallel_kernel
def _closest(
    corners: ndarray, facing: ndarray, low: ndarray, cell: Scalar, keys: ndarray, starts: ndarray, listed: ndarray,
    points: ndarray, normals: ndarray, reach: Scalar, face: ndarray, barycentrics: ndarray,
) -> None:  # fmt: skip
    chunk = 2048
    rings = math.ceil(reach / cell)
    for part in prange((points.shape[0] + chunk - 1) // chunk):
        share = np.empty(3)
        for i in range(part * chunk, min((part + 1) * chunk, points.shape[0])):
            px, py, pz = float(points[i, 0]), float(points[i, 1]), float(points[i, 2])
            cx = math.floor((px - low[0]) / cell)
            cy = math.floor((py - low[1]) / cell)
            cz = math.floor((pz - low[2]) / cell)
            best = reach * reach
            face[i] = -1
            for ring in range(rings + 1):
                # Rings before this one reach at least so far
                if ring > 1 and best <= ((ring - 1) * cell) ** 2:
                    break
                for x in range(max(cx - ring, 0), cx + ring + 1):
                    dx = max(max(low[0] + x * cell - px, px - low[0] - (x + 1) * cell), 0.0)
                    for y in range(max(cy - ring, 0), cy + ring + 1):
                        dy = max(max(low[1] + y * cell - py, py - low[1] - (y + 1) * cell), 0.0)
                        inner = abs(x - cx) < ring and abs(y - cy) < ring
                        for z in range(cz - ring, cz + ring + 1, 2 * ring if inner else 1):
                            dz = max(max(low[2] + z * cell - pz, pz - low[2] - (z + 1) * cell), 0.0)
                            if z < 0 or dx * dx + dy * dy + dz * dz >= best:
                                continue
                            key = _key(x, y, z)
                            at = np.searchsorted(keys, key)
                            if at >= keys.shape[0] or keys[at] != key:
                                continue
                            for entry in range(starts[at], starts[at + 1]):
                                f = listed[entry]
                                cosine = (
                                    facing[f, 0] * normals[i, 0]
                                    + facing[f, 1] * normals[i, 1]
                                    + facing[f, 2] * normals[i, 2]
                                )
                                if cosine < FACING:
                                    continue
                                distance = _nearest_on(corners[f], px, py, pz, share)
                                if distance < best:
                                    best = distance
                                    face[i] = f
                                    for k in range(3):
                                        barycentrics[i, k] = share[k]
