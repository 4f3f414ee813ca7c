"""Points where structure from motion found none: walls without texture, the ground, the sky.

Gaussians multiply only where some are. What no sparse point covers is otherwise painted by Gaussians that grow towards
the camera from elsewhere: fog in front of every view that was not trained on (docs/engine.md has what this gives).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from maquette.recon.depth.priors import shrunk_inverse_depth
from maquette.recon.photos import Photo

CELLS = 20
"""Cells along the longer side of a photo; each without a sparse point gets one."""
CELLS_WITH_DEPTH = 60
"""The same where a photo's depth is known beforehand (docs/engine.md has what that gives)."""
REACH = 6.0
"""Cells within which the nearest sparse point of each quadrant must lie, for a cell to lie between them."""
BEHIND = 2.0
"""How far away is what lies between no points, as a multiple of the distance that 95 % of all points are nearer than,
or of the largest between two cameras: what one camera puts behind everything must hang in front of no other."""
MOST = 4000
"""Points added at most."""
MOST_WITH_DEPTH = 20_000
"""The same where a photo's depth is known beforehand."""
SAME_COLOR = 2.0
"""Difference from the background, of 255, up to which a cell shows nothing."""
LOOKED_AT = 5000
"""Points of a photo that say how deep things are; of more, as dense clouds have, every so-and-so-many-th."""


def most_seeds(photos: Sequence[Photo]) -> int:
    """How many points are added at most."""
    return MOST_WITH_DEPTH if any(photo.inverse_depth is not None for photo in photos) else MOST


def seed_uncovered(
    photos: Sequence[Photo],
    points: Float[ndarray, "n 3"],
    rng: np.random.Generator,
    *,
    background: tuple[float, float, float] = (0.0, 0.0, 0.0),
    most: int = MOST,
) -> tuple[Float[ndarray, "m 3"], UInt8[ndarray, "m 3"]]:
    """Points (world units) and colours (sRGB 0 to 255) for the cells of ``photos`` that no sparse point falls into.

    A cell lies as deep as a depth prior of its photo says. Where there is none, a cell that sparse points surround
    lies between them: at the weighted mean of their inverse depths, by distance in the image. Any other lies behind
    everything. Cells that a mask leaves out, or that show nothing but ``background`` (sRGB 0 to 1), get none. At most
    ``most``: a random part of all beyond that.
    """
    if len(photos) == 0 or len(points) == 0:
        return np.empty((0, 3)), np.empty((0, 3), np.uint8)
    centres = np.stack([photo.camera.centre for photo in photos])
    to_points = [float(np.quantile(np.linalg.norm(points - centre, axis=1), 0.95)) for centre in centres]
    between_cameras = [float(np.linalg.norm(centres - centre, axis=1).max()) for centre in centres]
    behind = BEHIND * max(float(np.median(to_points)), *between_cameras)
    found = [_uncovered(photo, points, behind, background) for photo in photos]
    places, colors = (np.concatenate([one[part] for one in found]) for part in (0, 1))
    if len(places) > most:
        kept = np.sort(rng.choice(len(places), most, replace=False))
        places, colors = places[kept], colors[kept]
    return places, colors


def _uncovered(
    photo: Photo, points: Float[ndarray, "n 3"], behind: float, background: tuple[float, float, float]
) -> tuple[Float[ndarray, "m 3"], UInt8[ndarray, "m 3"]]:
    camera = photo.camera
    cells_across = CELLS if photo.inverse_depth is None else CELLS_WITH_DEPTH
    longer = max(camera.width, camera.height)
    cell_px = longer / cells_across
    columns, rows = max(1, round(camera.width / cell_px)), max(1, round(camera.height / cell_px))
    pose = camera.camera_from_world
    at = points @ pose[:3, :3].T + pose[:3, 3]
    at = at[at[:, 2] > 0]
    xy = at[:, :2] / at[:, 2:] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
    inside = ((xy >= 0) & (xy < [camera.width, camera.height])).all(axis=1)
    xy, depths = xy[inside], at[inside, 2]

    covered = np.zeros((rows, columns), np.bool_)
    cells = (xy / [camera.width / columns, camera.height / rows]).astype(np.intp)
    covered[cells[:, 1], cells[:, 0]] = True
    shades = cv2.resize(photo.pixels.transpose(1, 2, 0), (columns, rows), interpolation=cv2.INTER_AREA)
    empty = np.abs(shades - 255 * np.asarray(background)).max(axis=2) <= SAME_COLOR
    wanted = ~covered & ~empty & _counting(photo, columns, rows)
    row, column = np.nonzero(wanted)
    middle = np.stack([(column + 0.5) * camera.width / columns, (row + 0.5) * camera.height / rows], axis=1)
    rays = np.concatenate(
        [(middle - [camera.cx, camera.cy]) / [camera.fx, camera.fy], np.ones((len(middle), 1))], axis=1
    )
    along = behind / np.linalg.norm(rays, axis=1)
    some = slice(None, None, max(1, -(-len(xy) // LOOKED_AT)))
    between, depth = _between(middle, xy[some], depths[some], longer / CELLS)
    along[between] = depth[between]
    if photo.inverse_depth is not None:
        known = shrunk_inverse_depth(photo.inverse_depth, columns, rows)[row, column]
        np.divide(1.0, known, out=along, where=known > 0)
    places = (rays * along[:, None] - pose[:3, 3]) @ pose[:3, :3]
    return places, np.ascontiguousarray(shades[row, column], dtype=np.uint8)


def _between(
    middle: Float[ndarray, "m 2"], xy: Float[ndarray, "p 2"], depths: Float[ndarray, " p"], cell_px: float
) -> tuple[Bool[ndarray, " m"], Float[ndarray, " m"]]:
    """Which cells have points near on every side, and how deep the nearest of each quadrant say they are."""
    x, y = (xy[None, :, axis] - middle[:, None, axis] for axis in (0, 1))
    distance = np.hypot(x, y)
    surrounded = np.ones(len(middle), np.bool_)
    weights, inverse_depths = np.zeros(len(middle)), np.zeros(len(middle))
    for sign_x in (-1, 1):
        for sign_y in (-1, 1):
            there = np.where((sign_x * x >= 0) & (sign_y * y >= 0), distance, np.inf)
            if there.shape[1] == 0:
                return np.zeros(len(middle), np.bool_), weights
            nearest = there.argmin(axis=1)
            reached = there[np.arange(len(middle)), nearest]
            surrounded &= reached < REACH * cell_px
            weight = 1.0 / (reached + 0.1 * cell_px) ** 2
            weights += weight
            inverse_depths += weight / depths[nearest]
    return surrounded, weights / np.maximum(inverse_depths, 1e-30)


def _counting(photo: Photo, columns: int, rows: int) -> Bool[ndarray, "rows columns"]:
    if photo.weights is None:
        return np.ones((rows, columns), np.bool_)
    shares = cv2.resize(photo.weights, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(shares >= 128)
