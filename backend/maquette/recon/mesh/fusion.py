"""Depth maps of many views averaged into one signed distance (Curless & Levoy 1996).

Each view tells every voxel how far in front of its surface it lies, along the viewing axis; far in front is free, far
behind is unknown. The mean, weighted by how squarely and how closely a view looks, is zero on the surface.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import prange
from numpy import ndarray

from maquette.progress import Progress
from maquette.recon.mesh.blocks import SIDE, Blocks
from maquette.recon.mesh.sights import Sight
from maquette.recon.rasterize.compiled import Scalar, parallel_kernel

FREE = np.float32(0.1)
"""What a view's word counts where it only says that nothing is there, far in front of its surface."""


def fuse(blocks: Blocks, sights: Sequence[Sight], progress: Progress) -> None:
    """Fill the distances and weights of ``blocks``. Reports the stage ``fusing``."""
    near = float(np.median([np.median(sight.depth[sight.depth > 0]) for sight in sights if sight.depth.any()]))
    for done, sight in enumerate(sights):
        progress("fusing", done / len(sights), f"view {done + 1} of {len(sights)}")
        camera = sight.camera
        integrate(
            blocks.places,
            blocks.origin.astype(np.float32),
            np.float32(blocks.voxel),
            np.float32(blocks.truncation),
            camera.camera_from_world[:3].astype(np.float32),
            np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float32),
            np.float32(near),
            sight.depth,
            sight.weight,
            blocks.distances,
            blocks.weights,
        )
    progress("fusing", 1.0, f"{len(blocks)} blocks")


@parallel_kernel
def integrate(
    places: ndarray,
    origin: ndarray,
    voxel: Scalar,
    truncation: Scalar,
    pose: ndarray,
    lens: ndarray,
    near: Scalar,
    depth: ndarray,
    weight: ndarray,
    distances: ndarray,
    weights: ndarray,
) -> None:
    """One view's word on every voxel of every block. A view at twice the depth ``near`` counts a quarter."""
    zero, one, half = np.float32(0.0), np.float32(1.0), np.float32(0.5)
    height, width = depth.shape
    for block in prange(places.shape[0]):
        x0 = origin[0] + voxel * np.float32(places[block, 0] * SIDE)
        y0 = origin[1] + voxel * np.float32(places[block, 1] * SIDE)
        z0 = origin[2] + voxel * np.float32(places[block, 2] * SIDE)
        # Farthest that a voxel is from the block's middle: a block beside the picture is left out as a whole
        reach = voxel * np.float32(SIDE) * np.float32(0.87)
        middle = voxel * np.float32(SIDE - 1) * half
        mx, my, mz = x0 + middle, y0 + middle, z0 + middle
        cx = pose[0, 0] * mx + pose[0, 1] * my + pose[0, 2] * mz + pose[0, 3]
        cy = pose[1, 0] * mx + pose[1, 1] * my + pose[1, 2] * mz + pose[1, 3]
        cz = pose[2, 0] * mx + pose[2, 1] * my + pose[2, 2] * mz + pose[2, 3]
        if cz + reach <= zero:
            continue
        if cz > reach:
            closest = cz - reach
            u, v = lens[0] * cx / cz + lens[2], lens[1] * cy / cz + lens[3]
            # Moving by reach in any direction moves the picture of the middle by at most this
            most_u = reach * (lens[0] + abs(u - lens[2])) / closest
            most_v = reach * (lens[1] + abs(v - lens[3])) / closest
            if u + most_u < zero or u - most_u > width or v + most_v < zero or v - most_v > height:
                continue
        for i in range(SIDE):
            for j in range(SIDE):
                wx, wy = x0 + voxel * np.float32(i), y0 + voxel * np.float32(j)
                ax = pose[0, 0] * wx + pose[0, 1] * wy + pose[0, 3]
                ay = pose[1, 0] * wx + pose[1, 1] * wy + pose[1, 3]
                az = pose[2, 0] * wx + pose[2, 1] * wy + pose[2, 3]
                for k in range(SIDE):
                    wz = z0 + voxel * np.float32(k)
                    z = az + pose[2, 2] * wz
                    if z <= zero:
                        continue
                    u = lens[0] * (ax + pose[0, 2] * wz) / z + lens[2] - half
                    v = lens[1] * (ay + pose[1, 2] * wz) / z + lens[3] - half
                    if not (u > -half and v > -half and u < width - half and v < height - half):
                        continue
                    column, row = int(u + half), int(v + half)
                    seen, sure = depth[row, column], weight[row, column]
                    if sure <= zero:
                        continue
                    left, top = int(np.floor(u)), int(np.floor(v))
                    if left >= 0 and top >= 0 and left + 1 < width and top + 1 < height:
                        a, b = depth[top, left], depth[top, left + 1]
                        c, d = depth[top + 1, left], depth[top + 1, left + 1]
                        if min(min(a, b), min(c, d)) > zero:
                            s, t = u - np.float32(left), v - np.float32(top)
                            seen = (one - t) * ((one - s) * a + s * b) + t * ((one - s) * c + s * d)
                    ahead = (seen - z) / truncation
                    if ahead < -one:
                        continue
                    closeness = near / z
                    sure *= min(closeness * closeness, np.float32(4.0))
                    if ahead < zero:
                        # Behind the surface a view knows less and less: a thin thing has another side
                        sure *= one + ahead
                    elif ahead > one:
                        # Free space far in front: a view that looks past a fuzzy surface must not eat it
                        sure *= FREE
                    before = weights[block, i, j, k]
                    after = before + sure
                    if after > zero:
                        held = distances[block, i, j, k]
                        distances[block, i, j, k] = held + (min(ahead, one) - held) * (sure / after)
                        weights[block, i, j, k] = after
