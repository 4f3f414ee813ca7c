"""Which part of the world becomes a mesh: what the views look at, not all that stands behind it.

The background of an open scene reaches as far as one can see, and a voxel grid around it would leave the subject a few
voxels. So of each view only what lies about as deep as what many views have in common counts, and the box around that
is the region.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from numpy import ndarray

from maquette.recon.mesh.errors import NoSurfaceError
from maquette.recon.mesh.sights import Sight

SAMPLES = 40_000
"""Pixels of all views that are looked at."""
AGREES = 0.03
"""Largest difference of two views' depths of one point, relative."""
MANY = 0.2
"""Of the views: how many must see a point alike for it to say where the subject is."""
BEHIND = 1.6
"""Farthest that counts, in the median depth of what many views have in common."""
TAILS = (1.0, 99.0)
MARGIN = 0.06
"""Percentiles of the points that the box holds along each axis, and what is added on each side of it."""
LEAST_POINTS = 50


@dataclass(frozen=True, eq=False)
class Region:
    """A box in the world, ``low`` to ``high``.

    ``left_out`` is the share of the views' pixels whose surface lies beside it; ``pixel`` the width in world units that
    the finer quarter of its pixels have; ``disagreement`` the median distance, world units, of what two views take for
    the same surface; ``alike`` the share of pixels whose depth another view confirms.
    """

    low: Float[ndarray, " 3"]
    high: Float[ndarray, " 3"]
    left_out: float
    pixel: float
    disagreement: float
    alike: float


def find_region(sights: Sequence[Sight], *, comparable: bool = True) -> Region:
    """Raises ``no_surface`` where no two views see any surface at the same place, if they are ``comparable``: views of
    opposite sides never do, and then all that they see counts."""
    points, owner, depth, pixel = _samples(sights)
    if len(points) < LEAST_POINTS:
        raise NoSurfaceError("hardly a pixel of any view shows something that is not transparent")
    confirmed, apart = _confirmations(sights, points, owner)
    if (confirmed > 0).sum() < LEAST_POINTS:
        if comparable:
            raise NoSurfaceError("no two views see anything at the same place")
        confirmed[:] = 1
    shared = confirmed >= max(1, round(MANY * len(sights)))
    if shared.sum() < LEAST_POINTS:
        shared = confirmed > 0
    counts = (confirmed > 0) & _near(owner, depth, shared, len(sights))
    low, high = _middle(points[counts], confirmed[counts])
    margin = MARGIN * (high - low).max()
    low, high = low - margin, high + margin
    inside = ((points >= low) & (points <= high)).all(axis=1)
    return Region(
        low=low,
        high=high,
        left_out=float(1 - inside.mean()),
        pixel=float(np.percentile(pixel[counts], 25)),
        disagreement=float(np.median(apart[counts])),
        alike=float((confirmed > 0).mean()),
    )


def _middle(
    points: Float[ndarray, "n 3"], weights: Int[ndarray, " n"]
) -> tuple[Float[ndarray, " 3"], Float[ndarray, " 3"]]:
    """The weighted percentiles :data:`TAILS` along each axis: what many views see is the subject."""
    ends = np.empty((2, 3))
    for axis in range(3):
        order = np.argsort(points[:, axis])
        share = np.cumsum(weights[order])
        at = np.searchsorted(share, np.array(TAILS) / 100 * share[-1])
        ends[:, axis] = points[order[np.minimum(at, len(order) - 1)], axis]
    return ends[0], ends[1]


def _samples(
    sights: Sequence[Sight],
) -> tuple[Float[ndarray, "n 3"], Int[ndarray, " n"], Float[ndarray, " n"], Float[ndarray, " n"]]:
    """Points on surfaces, evenly from all views: where, of which view, how deep, and how wide a pixel is there."""
    points, owner, depth, pixel = [], [], [], []
    for index, sight in enumerate(sights):
        camera = sight.camera
        known = np.flatnonzero(sight.depth)
        known = known[:: max(1, len(known) * len(sights) // SAMPLES)]
        rows, columns = np.divmod(known, camera.width)
        z = sight.depth[rows, columns].astype(np.float64)
        rays = np.stack(
            [(columns + 0.5 - camera.cx) / camera.fx, (rows + 0.5 - camera.cy) / camera.fy, np.ones(len(z))], axis=1
        )
        points.append((rays * z[:, None]) @ camera.world_from_camera[:3, :3].T + camera.centre)
        owner.append(np.full(len(z), index))
        depth.append(z)
        pixel.append(z / max(camera.fx, camera.fy))
    return np.concatenate(points), np.concatenate(owner), np.concatenate(depth), np.concatenate(pixel)


def _confirmations(
    sights: Sequence[Sight], points: Float[ndarray, "n 3"], owner: Int[ndarray, " n"]
) -> tuple[Int[ndarray, " n"], Float[ndarray, " n"]]:
    """How many other views see each point where it is, and how far apart on average their depths are, world units."""
    confirmed, apart = np.zeros(len(points), np.int64), np.zeros(len(points))
    for index, sight in enumerate(sights):
        camera = sight.camera
        there = points @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]
        z = np.where(there[:, 2] > 1e-9, there[:, 2], np.inf)
        u, v = there[:, 0] / z * camera.fx + camera.cx - 0.5, there[:, 1] / z * camera.fy + camera.cy - 0.5
        inside = np.isfinite(z) & (u >= 0) & (v >= 0) & (u < camera.width - 1) & (v < camera.height - 1)
        at = np.flatnonzero(inside & (owner != index))
        seen = _between_pixels(sight.depth, u[at], v[at])
        difference = np.abs(seen - z[at])
        same = (seen > 0) & (difference <= AGREES * z[at])
        confirmed[at[same]] += 1
        apart[at[same]] += difference[same]
    return confirmed, apart / np.maximum(confirmed, 1)


def _between_pixels(
    depth: Float32[ndarray, "h w"], u: Float[ndarray, " n"], v: Float[ndarray, " n"]
) -> Float[ndarray, " n"]:
    """Depth at places between pixels, 0 where one of the four around is unknown. A slanted surface's nearest pixel
    would be off by its slant, and that is no disagreement."""
    left, top = u.astype(np.int64), v.astype(np.int64)
    s, t = u - left, v - top
    around = [depth[top + i, left + j].astype(np.float64) for i in (0, 1) for j in (0, 1)]
    a, b, c, d = around
    seen = (1 - t) * ((1 - s) * a + s * b) + t * ((1 - s) * c + s * d)
    return np.where(np.min(around, axis=0) > 0, seen, 0.0)


def _near(
    owner: Int[ndarray, " n"], depth: Float[ndarray, " n"], shared: Bool[ndarray, " n"], views: int
) -> Bool[ndarray, " n"]:
    """Which points lie not much deeper than what their view has in common with many."""
    near = np.zeros(len(depth), np.bool_)
    for index in range(views):
        own = owner == index
        common = own & shared
        if common.any():
            near |= own & (depth <= BEHIND * np.median(depth[common]))
    return near
