"""Which pixels' depths another view confirms: what only one view draws may hang anywhere along its rays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int
from numba import prange
from numpy import ndarray

from maquette.recon.mesh.sights import Sight
from maquette.recon.rasterize.compiled import Scalar, parallel_kernel

WITNESSES = 12
"""Views that each is held against."""
LEAST_ANGLE_DEG, WIDEST_ANGLE_DEG = 4.0, 75.0
"""How far apart two views look at the subject for one to say something about the other: side by side they make the same
mistakes."""
TOLERANCE = 0.03
"""Largest difference of two depths of the same point, relative."""


def drop_unconfirmed(sights: Sequence[Sight]) -> int:
    """Take out of the sights, in place, every depth that no witness shares or that more witnesses look through.

    A view without a witness keeps all. Returns how many had one.
    """
    alone, witnessed = [], 0
    for index, sight in enumerate(sights):
        votes = np.ones(sight.depth.shape, np.int32)
        witnesses = _witnesses(sights, index)
        if witnesses:
            votes[:], witnessed = 0, witnessed + 1
        for other in witnesses:
            ask(
                sight.depth,
                _lens(sight),
                (sights[other].camera.camera_from_world @ sight.camera.world_from_camera)[:3].astype(np.float32),
                sights[other].depth,
                _lens(sights[other]),
                np.float32(TOLERANCE),
                votes,
            )
        alone.append(votes <= 0)
    # Only now: a view asks the others for all that they saw
    for sight, where in zip(sights, alone, strict=True):
        sight.depth[where] = 0
        sight.weight[where] = 0
    return witnessed


def _lens(sight: Sight) -> ndarray:
    camera = sight.camera
    return np.array([camera.fx, camera.fy, camera.cx, camera.cy], np.float32)


def _witnesses(sights: Sequence[Sight], index: int) -> list[int]:
    """The views nearest in angle, seen from what this one looks at, that are not too near."""
    known = sights[index].depth[sights[index].depth > 0]
    if len(known) == 0:
        return []
    camera = sights[index].camera
    middle = camera.centre + camera.camera_from_world[2, :3] * float(np.median(known))
    rays = np.stack([sight.camera.centre for sight in sights]) - middle
    rays /= np.maximum(np.linalg.norm(rays, axis=1, keepdims=True), 1e-12)
    angle: Int[ndarray, " n"] = np.degrees(np.arccos(np.clip(rays @ rays[index], -1, 1)))
    useful = [i for i in np.argsort(angle) if i != index and LEAST_ANGLE_DEG <= angle[i] <= WIDEST_ANGLE_DEG]
    return [int(i) for i in useful[:WITNESSES]]


@parallel_kernel
def ask(
    depth: ndarray,
    lens: ndarray,
    other_from_own: ndarray,
    other_depth: ndarray,
    other_lens: ndarray,
    tolerance: Scalar,
    votes: ndarray,
) -> None:
    """Add 1 where the other view has the same depth, take 1 where it looks through to what is behind."""
    half, one = np.float32(0.5), np.float32(1.0)
    height, width = depth.shape
    other_height, other_width = other_depth.shape
    for row in prange(height):
        for column in range(width):
            z = depth[row, column]
            if z <= 0:
                continue
            x = (np.float32(column) + half - lens[2]) / lens[0] * z
            y = (np.float32(row) + half - lens[3]) / lens[1] * z
            m = other_from_own
            there = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3]
            if there <= 0:
                continue
            u = other_lens[0] * (m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]) / there + other_lens[2]
            v = other_lens[1] * (m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]) / there + other_lens[3]
            if not (u >= 0 and v >= 0 and u < other_width and v < other_height):
                continue
            seen = other_depth[int(v), int(u)]
            if seen <= 0:
                continue
            if abs(seen - there) <= tolerance * there:
                votes[row, column] += 2
            elif seen > there * (one + tolerance):
                votes[row, column] -= 1
