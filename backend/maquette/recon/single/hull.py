"""Where an object can be at all: the space that all its outlines leave (the visual hull, Laurentini 1994), coloured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from maquette.recon.cameras import Camera

CELLS = 72
"""Cells along a side of the cube."""
LEAST_CELLS = 200
"""Fewer are no object: the outlines contradict each other."""


def coloured_hull(
    cameras: Sequence[Camera],
    pictures: Sequence[UInt8[ndarray, "_ _ 3"]],
    masks: Sequence[UInt8[ndarray, "_ _"]],
    half_extent: float,
) -> tuple[Float[ndarray, "n 3"], UInt8[ndarray, "n 3"], int]:
    """Points on the hull's surface in the cube of ``half_extent`` world units around the origin, with their colours.

    The third value is how many outlines a cell was allowed to miss: made views do not quite agree, and where nothing
    is inside all of them, one after the other is let go, up to a third. No points where even that leaves nothing.
    """
    ticks = (np.arange(CELLS) + 0.5) / CELLS * 2 * half_extent - half_extent
    cells = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 3)
    votes = np.zeros(len(cells), np.int32)
    for camera, mask in zip(cameras, masks, strict=True):
        column, row, _, inside = _projected(camera, cells)
        votes[inside] += mask[row[inside], column[inside]] >= 128
    for missed in range(len(cameras) // 3 + 1):
        solid = (votes >= len(cameras) - missed).reshape(CELLS, CELLS, CELLS)
        if solid.sum() >= LEAST_CELLS:
            points = cells[_surface(solid).ravel()]
            return points, _colours(points, cameras, pictures, 2 * half_extent / CELLS), missed
    return np.empty((0, 3)), np.empty((0, 3), np.uint8), len(cameras)


def _projected(
    camera: Camera, points: Float[ndarray, "n 3"]
) -> tuple[ndarray, ndarray, Float[ndarray, " n"], Bool[ndarray, " n"]]:
    """Column, row and depth of each point, and whether the picture shows it."""
    pose = camera.camera_from_world
    x, y, z = pose[:3, :3] @ points.T + pose[:3, 3:]
    ahead = z > 1e-6
    depth = np.where(ahead, z, 1.0)
    column = np.floor(camera.fx * x / depth + camera.cx).astype(np.int64)
    row = np.floor(camera.fy * y / depth + camera.cy).astype(np.int64)
    inside = ahead & (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    return column, row, z, inside


def _surface(solid: Bool[ndarray, "a b c"]) -> Bool[ndarray, "a b c"]:
    framed = np.pad(solid, 1)
    within = solid.copy()
    for axis in range(3):
        for step in (-1, 1):
            within &= np.roll(framed, step, axis)[1:-1, 1:-1, 1:-1]
    return np.asarray(solid & ~within)


def _colours(
    points: Float[ndarray, "n 3"],
    cameras: Sequence[Camera],
    pictures: Sequence[UInt8[ndarray, "_ _ 3"]],
    cell: float,
) -> UInt8[ndarray, "n 3"]:
    """The mean over the views that a point is in front in."""
    total, count = np.zeros((len(points), 3)), np.zeros(len(points))
    for camera, picture in zip(cameras, pictures, strict=True):
        column, row, z, inside = _projected(camera, points)
        # Cells are wider apart than pixels: nearness is compared on squares of about one cell.
        block = max(1, round(1.5 * cell * camera.fx / float(np.median(z[inside])))) if inside.any() else 1
        place = (row // block) * (camera.width // block + 1) + column // block
        nearest = np.full((camera.height // block + 1) * (camera.width // block + 1), np.inf)
        np.minimum.at(nearest, place[inside], z[inside])
        seen = np.flatnonzero(inside)
        seen = seen[z[seen] <= nearest[place[seen]] + 2 * cell]
        total[seen] += picture[row[seen], column[seen]]
        count[seen] += 1
    mean = total / np.maximum(count, 1)[:, None]
    # What no view has in front takes the mean of all.
    mean[count == 0] = mean[count > 0].mean(axis=0) if (count > 0).any() else 128
    return np.rint(mean).astype(np.uint8)
