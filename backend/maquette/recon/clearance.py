"""The space in front of a camera, up to the nearest things that structure from motion found in its photo, is empty.

What a photo alone shows (a veil of light, a reflection, its own brightness) is most easily painted by fog right before
its camera, where no other photo looks. Such fog stands in the way of everybody who looks from beside that camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32
from numpy import ndarray

from maquette.recon.cameras import Camera

NEAREST = 0.02
"""Share of a view's sparse points that may be nearer than its nearest depth: a few are always wrong."""
LEAST_POINTS = 20
"""Views with fewer points say nothing."""
MARGIN = 0.2
"""Of the image's size, on each side: Gaussians are wider than their centres."""


@dataclass(frozen=True, eq=False)
class ClearSpace:
    """The frusta of cameras, each up to a depth, world units along z."""

    cameras: tuple[Camera, ...]
    depths: Float[ndarray, " c"]

    def holds(self, means: Float32[ndarray, "n 3"]) -> Bool[ndarray, " n"]:
        """Which of ``means`` (world units) lie in the space of at least one camera."""
        inside = np.zeros(len(means), np.bool_)
        for camera, depth in zip(self.cameras, self.depths, strict=True):
            pose = camera.camera_from_world.astype(np.float32)
            z = means @ pose[2, :3] + pose[2, 3]
            # Only these few are looked at closely.
            near = np.flatnonzero((z > 0) & (z < depth))
            at = means[near] @ pose[:2, :3].T + pose[:2, 3]
            across = at / z[near, None] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
            size = np.array([camera.width, camera.height])
            inside[near] |= ((across > -MARGIN * size) & (across < (1 + MARGIN) * size)).all(axis=1)
        return inside


def clear_space(cameras: Sequence[Camera], points: Float[ndarray, "n 3"], share: float) -> ClearSpace:
    """The space of ``cameras`` up to ``share`` (0 to 1) of the depth of the nearest sparse ``points`` that they see."""
    kept, depths = [], []
    for camera in cameras:
        pose = camera.camera_from_world
        at = points @ pose[:3, :3].T + pose[:3, 3]
        at = at[at[:, 2] > 0]
        xy = at[:, :2] / at[:, 2:] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
        seen = at[((xy >= 0) & (xy < [camera.width, camera.height])).all(axis=1), 2]
        if len(seen) >= LEAST_POINTS:
            kept.append(camera)
            depths.append(share * float(np.quantile(seen, NEAREST)))
    return ClearSpace(tuple(kept), np.array(depths, dtype=np.float64))
