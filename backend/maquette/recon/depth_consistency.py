"""Whether a model's views agree on where its surfaces are: depth consistency, from the model and the cameras alone.

Geometric consistency of Schoenberger et al. 2016 (Pixelwise View Selection for Unstructured Multi-View Stereo, section
4.3): a pixel's depth takes it to a point, the point to a pixel of another view, that pixel's own depth back to a point,
and that one to a pixel of the first view again. Where a surface stands, the way there and back ends where it began;
where density hangs in the air, each view sees its middle elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.multiview.evidence import best_witnesses
from maquette.recon.multiview.settings import WeightSettings
from maquette.recon.rasterize import rasterize

LONG_SIDE_PX = 240
"""Size that depth is rendered at: what hangs in the air is seen at any size, and this one costs little."""

TOLERANCE_PX = 0.5
"""Farthest, in pixels at that size, that the way there and back may end from where it began."""

TOLERANCE_DEPTH = 0.005
"""Largest relative difference of the two depths: cameras side by side have no parallax that would show one."""

WITNESSES = WeightSettings(witnesses=4)
"""How the other views are chosen that a view is held against: the four that together see most of it, within 60 degrees
of its rays."""

CANDIDATES = 48
"""Views they are chosen from, evenly spread, so that many photos cost no more than some."""

_MARGIN = 1e-9


def depth_consistency(gaussians: Gaussians, cameras: Sequence[Camera], measured: Sequence[int]) -> dict[int, float]:
    """For each of the ``measured`` views the share, 0 to 1, of its pixels whose rendered depth is confirmed.

    The depth is the median depth at :data:`LONG_SIDE_PX`; pixels that the model covers less than half have none and do
    not count. Of the witnesses in whose picture a pixel's point falls at least half must confirm it: their depth there
    (the best of the four pixels around) leads back to within :data:`TOLERANCE_PX`, and the depths differ by at most
    :data:`TOLERANCE_DEPTH`. What a witness has hidden behind something counts as not confirmed: no lower bound of
    occlusion is known without the true shape, and it is the same for all versions of a scene. A view that nobody can
    confirm, for there is no depth or no witness, is left out.
    """
    small = [camera.resized_to(LONG_SIDE_PX) for camera in cameras]
    candidates = np.unique(np.linspace(0, len(cameras) - 1, min(CANDIDATES, len(cameras))).round().astype(int))

    @cache
    def depth_of(index: int) -> Float32[ndarray, "h w"]:
        return rasterize(gaussians, small[index], outputs={"median_depth"}).median_depth

    found = {}
    for index in measured:
        depth = depth_of(index)
        others = [int(other) for other in candidates if other != index]
        best = best_witnesses(small[index], depth, [small[other] for other in others], WITNESSES)
        witnesses = [(small[others[i]], depth_of(others[i])) for i in best]
        share = confirmed_share(small[index], depth, witnesses)
        if share is not None:
            found[index] = share
    return found


def confirmed_share(
    camera: Camera, depth: Float32[ndarray, "h w"], witnesses: Sequence[tuple[Camera, Float32[ndarray, "_ _"]]]
) -> float | None:
    """The share of pixels with a ``depth`` that half of the witnesses confirm, of those that any has in its picture.

    Depths: world units along z, 0 = nothing there. None where there is no such pixel.
    """
    rows, columns = np.nonzero(depth > 0)
    z = depth[rows, columns].astype(np.float64)
    points = _points(camera, columns, rows, z)
    asked, confirmed = np.zeros(len(z), np.int64), np.zeros(len(z), np.int64)
    for other, other_depth in witnesses:
        inside, same = _there_and_back(camera, rows, columns, points, other, other_depth)
        asked += inside
        confirmed += same
    if not asked.any():
        return None
    return float((2 * confirmed >= asked)[asked > 0].mean())


def _there_and_back(
    camera: Camera,
    rows: Int[ndarray, " n"],
    columns: Int[ndarray, " n"],
    points: Float[ndarray, "n 3"],
    other: Camera,
    other_depth: Float32[ndarray, "h w"],
) -> tuple[Bool[ndarray, " n"], Bool[ndarray, " n"]]:
    """Whether each point, in ``camera``'s axes, falls into the other picture, and whether its depth confirms it."""
    other_from_own = other.camera_from_world @ camera.world_from_camera
    there = _moved(points, other_from_own)
    z = np.maximum(there[:, 2], _MARGIN)
    u = other.fx * there[:, 0] / z + other.cx - 0.5
    v = other.fy * there[:, 1] / z + other.cy - 0.5
    inside = there[:, 2] > _MARGIN
    inside &= (u >= -0.5) & (u < other.width - 0.5) & (v >= -0.5) & (v < other.height - 0.5)
    u, v = np.where(inside, u, 0.0), np.where(inside, v, 0.0)

    own_from_other = camera.camera_from_world @ other.world_from_camera
    same = np.zeros(len(points), bool)
    # The best of the four pixels around: at an edge of an object the others belong to what is behind it
    left, top = np.floor(u).astype(np.int64), np.floor(v).astype(np.int64)
    for row in (top, top + 1):
        for column in (left, left + 1):
            seen = other_depth[np.clip(row, 0, other.height - 1), np.clip(column, 0, other.width - 1)]
            known = inside & (seen > 0)
            distance = np.where(known, seen, 1.0).astype(np.float64)
            back = _moved(_points(other, u, v, distance), own_from_other)
            known &= back[:, 2] > _MARGIN
            depth = np.maximum(back[:, 2], _MARGIN)
            across = camera.fx * back[:, 0] / depth + camera.cx - 0.5 - columns
            down = camera.fy * back[:, 1] / depth + camera.cy - 0.5 - rows
            near = (np.hypot(across, down) <= TOLERANCE_PX) & (np.abs(z / distance - 1) <= TOLERANCE_DEPTH)
            same |= known & near
    return inside, same


def _points(camera: Camera, columns: ndarray, rows: ndarray, z: Float[ndarray, " n"]) -> Float[ndarray, "n 3"]:
    """Points in the camera's axes at depth ``z`` on the rays through these pixels' centres."""
    x = (columns + 0.5 - camera.cx) / camera.fx * z
    y = (rows + 0.5 - camera.cy) / camera.fy * z
    return np.stack([x, y, z], axis=1)


def _moved(points: Float[ndarray, "n 3"], pose: Float[ndarray, "4 4"]) -> Float[ndarray, "n 3"]:
    moved: Float[ndarray, "n 3"] = points @ pose[:3, :3].T + pose[:3, 3]
    return moved
