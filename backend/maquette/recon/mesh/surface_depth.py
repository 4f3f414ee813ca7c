"""Where on a ray the model's surface lies: the middle half of the light that the ray takes.

The rasteriser's median depth is that of one Gaussian's centre: a step from each Gaussian to the next. Here every
Gaussian is met where it is densest on the ray, for a flat one on its plane (RaDe-GS, Zhang et al. 2024, section 3.2; as
the discs of 2DGS, Huang et al. 2024): with m its centre seen from the camera, d the ray and W the whitening of its
covariance at t = (Wd . Wm) / (Wd . Wd). And of these depths the interquartile mean is taken, weighted by light: like
the median it is deaf to the haze in front and to what shines through from behind, and it does not jump.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from numba import prange
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize.blending import MAX_ALPHA
from maquette.recon.rasterize.compiled import parallel_kernel
from maquette.recon.rasterize.ellipses import TILE
from maquette.recon.rasterize.frame import Frame
from maquette.recon.rasterize.projection import MIN_ALPHA

FLATTEST = 1e-3
"""Thinnest that a Gaussian is taken to be, of its own largest extent: float32 has no room for less."""
QUARTILES = (np.float32(0.25), np.float32(0.75))
"""Shares of a ray's light between which depths are averaged."""
REACH = np.float32(3.0)
"""Farthest from its centre that a Gaussian is met, in its largest standard deviation."""


def whitenings(gaussians: Gaussians) -> Float32[ndarray, "n 10"]:
    """For each Gaussian W = S^-1 R^T row by row, so that |W x| = 1 one standard deviation out; then the largest one.

    The matrix in inverse world units, the standard deviation in world units.
    """
    q = gaussians.quaternions / np.linalg.norm(gaussians.quaternions, axis=1, keepdims=True)
    w, x, y, z = q.T
    rotation = np.stack(
        [
            np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], axis=-1),
            np.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], axis=-1),
            np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=-1),
        ],
        axis=-2,
    )
    scales = np.exp(gaussians.log_scales)
    largest = scales.max(axis=1)
    scales = np.maximum(scales, FLATTEST * largest[:, None])
    packed = np.empty((len(gaussians), 10), np.float32)
    packed[:, :9] = (rotation.transpose(0, 2, 1) / scales[:, :, None]).reshape(-1, 9)
    packed[:, 9] = largest
    return packed


def surface_depth(
    frame: Frame, gaussians: Gaussians, whitened: Float32[ndarray, "n 10"]
) -> tuple[Float32[ndarray, "h w"], Float32[ndarray, "h w"]]:
    """Distance along z of the surface in each pixel of a frame, and the standard deviation of the depths it is the mean
    of, world units; both 0 where nothing is. ``whitened`` are the :func:`whitenings` of the Gaussians shown."""
    camera = frame.camera
    depth, spread = np.empty_like(frame.transmittance), np.empty_like(frame.transmittance)
    tile_depths(
        frame.packed,
        frame.tile_starts,
        frame.tile_pairs,
        frame.transmittance,
        gaussians.means,
        whitened,
        *_rays(camera),
        depth,
        spread,
    )
    return depth, spread


def _rays(camera: Camera) -> tuple[Float32[ndarray, " 3"], Float32[ndarray, "3 3"]]:
    """Centre, and the matrix that takes (column, row, 1) in pixels to a ray in the world with z = 1."""
    intrinsics = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    rays = camera.world_from_camera[:3, :3] @ np.linalg.inv(intrinsics)
    return camera.centre.astype(np.float32), rays.astype(np.float32)


@parallel_kernel
def tile_depths(
    packed: ndarray,
    tile_starts: ndarray,
    tile_pairs: ndarray,
    background: ndarray,
    means: ndarray,
    whitened: ndarray,
    centre: ndarray,
    rays: ndarray,
    depth: ndarray,
    spread: ndarray,
) -> None:
    """Walk each pixel's Gaussians front to back until three quarters of its light (1 - ``background``) are gone."""
    zero, half, one = np.float32(0.0), np.float32(0.5), np.float32(1.0)
    height, width = depth.shape
    tiles_x = (width + TILE - 1) // TILE
    for index in prange(tile_starts.shape[0] - 1):
        top, left = (index // tiles_x) * TILE, (index % tiles_x) * TILE
        for row in range(top, min(top + TILE, height)):
            for column in range(left, min(left + TILE, width)):
                px, py = np.float32(column) + half, np.float32(row) + half
                rx = rays[0, 0] * px + rays[0, 1] * py + rays[0, 2]
                ry = rays[1, 0] * px + rays[1, 1] * py + rays[1, 2]
                rz = rays[2, 0] * px + rays[2, 1] * py + rays[2, 2]
                light = one - background[row, column]
                begin, end = QUARTILES[0] * light, QUARTILES[1] * light
                taken, weights, total, squares, origin = zero, zero, zero, zero, zero
                for at in range(tile_starts[index], tile_starts[index + 1]):
                    pair = tile_pairs[at]
                    first = np.int64((pair >> np.uint64(5)) & np.uint64(31))
                    last = np.int64(pair & np.uint64(31))
                    if row - top < first or row - top >= last:
                        continue
                    i = np.int64(pair >> np.uint64(32))
                    dx, dy = px - packed[i, 0], py - packed[i, 1]
                    exponent = dx * dx * packed[i, 2] + packed[i, 5] + (dx * packed[i, 3] + packed[i, 4] * dy) * dy
                    alpha = np.float32(2.0) ** exponent
                    if alpha < MIN_ALPHA:
                        continue
                    before = taken
                    taken += (one - taken) * min(alpha, MAX_ALPHA)
                    weight = min(taken, end) - max(before, begin)
                    if weight > zero:
                        middle = packed[i, 9]
                        mx, my, mz = means[i, 0] - centre[0], means[i, 1] - centre[1], means[i, 2] - centre[2]
                        along, square = zero, zero
                        for k in range(0, 9, 3):
                            a, b, c = whitened[i, k], whitened[i, k + 1], whitened[i, k + 2]
                            d = a * rx + b * ry + c * rz
                            along += d * (a * mx + b * my + c * mz)
                            square += d * d
                        reach = min(REACH * whitened[i, 9], half * middle)
                        z = along / square if square > zero else middle
                        z = min(max(z, middle - reach), middle + reach)
                        if weights == zero:
                            origin = z
                        # From the first depth on: the squares of whole depths would cancel in float32
                        weights += weight
                        total += weight * (z - origin)
                        squares += weight * (z - origin) * (z - origin)
                    if taken >= end:
                        break
                if weights > zero:
                    mean = total / weights
                    depth[row, column] = origin + mean
                    spread[row, column] = np.sqrt(max(squares / weights - mean * mean, zero))
                else:
                    depth[row, column] = zero
                    spread[row, column] = zero
