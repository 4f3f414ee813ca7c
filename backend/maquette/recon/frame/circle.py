"""Up where cameras stand on one circle, as around a turntable: the circle's axis, however the camera was mounted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.recon.cameras import Camera

LEAST_CAMERAS = 6
FLAT, ROUND = 0.02, 0.03
"""Largest distance of the cameras (root mean square) from the plane and from the circle, in its radii."""
LARGEST_GAP_DEG = 120.0
LOOKS_INWARDS = 0.5
"""Cosine of the angle between a camera's look, seen along the axis, and the way to the middle; the least of all."""
LEAST_TILT = 0.02
"""Mean cosine between look and axis above which cameras clearly look down along it."""


@dataclass(frozen=True, eq=False)
class Circle:
    """``axis``: unit vector, world, pointing up; ``sideways``: the photos lie on their side.

    ``sign_known``: whether anything says which of the axis' two ends is up; if not, it is the one nearer to the
    world's -y.
    """

    axis: Float[ndarray, 3]
    sideways: bool
    sign_known: bool


def camera_circle(cameras: Sequence[Camera]) -> Circle | None:
    """The circle that all cameras stand on and look into; None where there is none.

    Which end of the axis is up is told by the cameras' own ups. Photos that lie on their side do not tell: there the
    cameras are taken to look down on what they circle, as they mostly do.
    """
    if len(cameras) < LEAST_CAMERAS:
        return None
    centres = np.stack([camera.centre for camera in cameras])
    rotations = np.stack([camera.camera_from_world[:3, :3] for camera in cameras])
    _, values, vectors = np.linalg.svd(centres - centres.mean(axis=0), full_matrices=False)
    plane, axis = vectors[:2], vectors[2]
    across = (centres - centres.mean(axis=0)) @ plane.T
    # |p|^2 = 2 p.m + c is linear in the middle m (Kasa 1976).
    solved = np.linalg.lstsq(np.column_stack([2 * across, np.ones(len(across))]), (across**2).sum(axis=1), rcond=None)[
        0
    ]
    spokes = across - solved[:2]
    radii = np.linalg.norm(spokes, axis=1)
    radius = float(radii.mean())
    if radius <= 0 or values[2] / np.sqrt(len(cameras)) > FLAT * radius or radii.std() > ROUND * radius:
        return None
    angles = np.sort(np.degrees(np.arctan2(spokes[:, 1], spokes[:, 0])))
    if np.diff(np.append(angles, angles[0] + 360)).max() > LARGEST_GAP_DEG:
        return None
    looks = rotations[:, 2] @ plane.T
    inwards = -(looks * spokes).sum(axis=1) / np.maximum(np.linalg.norm(looks, axis=1) * radii, 1e-12)
    if inwards.min() < LOOKS_INWARDS:
        return None

    along_x, along_y, along_z = rotations.mean(axis=0) @ axis
    sideways = bool(abs(along_x) > abs(along_y))
    if sideways:
        sign_known = bool(abs(along_z) > LEAST_TILT)
        sign = -np.sign(along_z) if sign_known else (1.0 if axis[1] <= 0 else -1.0)
        return Circle(np.asarray(sign * axis), True, sign_known)
    return Circle(np.asarray(-np.sign(along_y) * axis), False, True)
