"""Where sparse points stand in a view, and how near: what depths are measured by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.recon.cameras import Camera

CELL = 1 / 40
"""Side of the cells in which a point hides those far behind it, of the view's longer side."""
BEHIND = 1.25
"""A point that many times as far as the nearest of its cell is taken to be hidden."""


@dataclass(frozen=True, eq=False)
class Sightings:
    """Points that a view shows: ``xy`` in its pixels (centres at +0.5), ``inverse`` one over world units along z."""

    xy: Float[ndarray, "n 2"]
    inverse: Float[ndarray, " n"]

    def __len__(self) -> int:
        return len(self.inverse)


def sight(camera: Camera, points: Float[ndarray, "n 3"]) -> Sightings:
    """The ``points`` (world units) inside the view, without those that stand far behind another of their cell.

    A scene does not say which photo found which point, so what a surface hides can only be told by what hides it.
    """
    pose = camera.camera_from_world
    at = points @ pose[:3, :3].T + pose[:3, 3]
    at = at[np.isfinite(at).all(axis=1) & (at[:, 2] > 0)]
    with np.errstate(over="ignore"):
        xy = at[:, :2] / at[:, 2:] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
    inside = ((xy >= 0) & (xy < [camera.width, camera.height])).all(axis=1)
    xy, depth = xy[inside], at[inside, 2]
    cell_px = max(camera.width, camera.height) * CELL
    column, row = (xy / cell_px).astype(np.intp).T
    cells = row * (int(camera.width / cell_px) + 1) + column
    nearest = np.full(int(cells.max()) + 1 if len(cells) else 0, np.inf)
    np.minimum.at(nearest, cells, depth)
    seen = depth <= BEHIND * nearest[cells]
    return Sightings(xy[seen], 1.0 / depth[seen])
