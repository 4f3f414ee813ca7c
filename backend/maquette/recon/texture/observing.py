"""What one photo shows at places on the surface, and how much that is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from numba import prange
from numpy import ndarray

from maquette.recon.rasterize.compiled import Scalar, inlined_kernel, parallel_kernel
from maquette.recon.texture.sights import Sight
from maquette.recon.texture.texels import Places

LEAST_COSINE = 0.12
"""Surfaces seen flatter than by 83 degrees are not painted from."""
DEPTH_TOLERANCE = 1.5e-3
"""How far behind the visible surface, of its depth, a place still is that surface: float32 and the raster's steps."""
SLOPE_PX = 1.2
"""And by as many pixels' worth of depth on the slanted surface."""


@dataclass(frozen=True, eq=False)
class Samples:
    """The best photos of each place so far: colours, and weights that are 0 where there is none."""

    colors: UInt8[ndarray, "n k 3"]
    weights: Float32[ndarray, "n k"]


def no_samples(count: int, kept: int) -> Samples:
    """Room for the ``kept`` best of ``count`` places."""
    return Samples(np.zeros((count, kept, 3), np.uint8), np.zeros((count, kept), np.float32))


def observe(places: Places, sight: Sight, factor: float, table: UInt8[ndarray, "3 256"], samples: Samples) -> None:
    """Enter what ``sight`` shows into ``samples``, in place of the least where it is worth more.

    A sample's weight is ``factor`` (the photo's own) x trust of the pixel x cosine² to the normal x sampling density
    (squared pixels for each spacing of the places, at most 2²). ``table`` turns stored colours into even ones.
    """
    pose = np.ascontiguousarray(sight.camera.camera_from_world[:3])
    _observe(
        places.points,
        places.normals,
        places.spacing,
        pose,
        sight.camera.centre.copy(),
        sight.lens,
        sight.depth,
        sight.trust,
        sight.texels,
        sight.levels,
        factor,
        table,
        samples.colors,
        samples.weights,
    )


@inlined_kernel
def _add(texels: ndarray, level: ndarray, x: Scalar, y: Scalar, shrink: Scalar, share: Scalar, color: ndarray) -> None:
    """Add ``share`` of the bilinear colour at a place, pixels of the full photo, from a version ``shrink`` smaller."""
    width, height = level[1], level[2]
    u = min(max(x * shrink - 0.5, 0.0), width - 1.0)
    v = min(max(y * shrink - 0.5, 0.0), height - 1.0)
    left, top = int(u), int(v)
    right, low = min(left + 1, width - 1), min(top + 1, height - 1)
    fx, fy = u - left, v - top
    for c in range(3):
        above = (1 - fx) * texels[level[0] + top * width + left, c] + fx * texels[level[0] + top * width + right, c]
        below = (1 - fx) * texels[level[0] + low * width + left, c] + fx * texels[level[0] + low * width + right, c]
        color[c] += share * ((1 - fy) * above + fy * below)


@parallel_kernel
def _observe(
    points: ndarray, normals: ndarray, spacing: Scalar, pose: ndarray, centre: ndarray, lens: ndarray, depth: ndarray,
    trust: ndarray, texels: ndarray, levels: ndarray, factor: Scalar, table: ndarray, colors: ndarray, weights: ndarray,
) -> None:  # fmt: skip
    height, width = depth.shape
    kept = weights.shape[1]
    chunk = 4096
    for part in prange((points.shape[0] + chunk - 1) // chunk):
        color = np.empty(3)
        for i in range(part * chunk, min((part + 1) * chunk, points.shape[0])):
            px, py, pz = points[i, 0], points[i, 1], points[i, 2]
            z = pose[2, 0] * px + pose[2, 1] * py + pose[2, 2] * pz + pose[2, 3]
            if not (z > 0.0):
                continue
            x = lens[0] * (pose[0, 0] * px + pose[0, 1] * py + pose[0, 2] * pz + pose[0, 3]) / z + lens[2]
            y = lens[1] * (pose[1, 0] * px + pose[1, 1] * py + pose[1, 2] * pz + pose[1, 3]) / z + lens[3]
            if not (0.0 <= x < width and 0.0 <= y < height):
                continue
            trusted = trust[int(y), int(x)]
            if trusted <= 0.0:
                continue
            dx, dy, dz = centre[0] - px, centre[1] - py, centre[2] - pz
            distance = math.sqrt(dx * dx + dy * dy + dz * dz)
            cosine = (normals[i, 0] * dx + normals[i, 1] * dy + normals[i, 2] * dz) / distance
            if cosine < LEAST_COSINE:
                continue
            pixel = z / lens[0]
            slope = math.sqrt(1.0 - min(cosine * cosine, 1.0)) / cosine
            seen = depth[int(y), int(x)]
            if seen <= 0.0 or z - seen > DEPTH_TOLERANCE * z + SLOPE_PX * slope * pixel:
                continue
            across = spacing / pixel
            weight = factor * trusted * cosine * cosine * min(across, 2.0) ** 2
            least = 0
            for k in range(1, kept):
                if weights[i, k] < weights[i, least]:
                    least = k
            if weight <= weights[i, least]:
                continue
            lod = min(max(math.log2(max(across, 1e-6)), 0.0), levels.shape[0] - 1.0)
            lower = int(lod)
            color[:] = 0.0
            _add(texels, levels[lower], x, y, levels[lower, 1] / width, 1.0 - (lod - lower), color)
            if lod > lower:
                upper = lower + 1
                _add(texels, levels[upper], x, y, levels[upper, 1] / width, lod - lower, color)
            for c in range(3):
                colors[i, least, c] = table[c, int(min(color[c] + 0.5, 255.0))]
            weights[i, least] = weight
