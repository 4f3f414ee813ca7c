"""Up as photographers hold their cameras: level from side to side, however much they look up or down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.recon.cameras import Camera

LEAST_AGREEMENT = 0.4
"""Length of the mean of all cameras' own ups (1: all the same) below which they say nothing of which way is up."""
PITCH_DEG = 20.0
"""How far photographers' mean look lies above or below level: what is believed before the cameras are asked."""
LEAST_ROLL_DEG = 2.0
"""Nobody holds a camera more level than this."""
LEAST_ERROR_DEG = 1.0
FLAT, SPREAD = 0.02, 0.1
"""Mean squares of the horizontal axes along up, and along the worse of the level directions: up is the direction that
all of them avoid only where the first is small and the second is not."""
_ROUNDS = 10


@dataclass(frozen=True, eq=False)
class CameraUp:
    """``direction``: unit vector, world; ``error_deg``: its expected error in the direction that is known worst."""

    direction: Float[ndarray, 3]
    error_deg: float


def camera_up(cameras: Sequence[Camera]) -> CameraUp | None:
    """The direction that the cameras' x axes are square to; None where the cameras agree on none.

    Least squares with Cauchy weights, so that a few photos taken on their side do not count. Cameras that all look the
    same way leave the pitch open: there the mean of their own ups decides, which is off by as much as they look down.
    """
    rotations = np.stack([camera.camera_from_world[:3, :3] for camera in cameras])
    rights, ups, forwards = rotations[:, 0], -rotations[:, 1], rotations[:, 2]
    mean = _robust_mean(ups)
    if mean is None:
        return _square_to_all(rights, forwards)

    roll, pitch = np.radians(LEAST_ROLL_DEG), np.radians(PITCH_DEG)
    up, weights = mean, np.ones(len(rights))
    for _ in range(_ROUNDS):
        prior = (np.eye(3) - np.outer(mean, mean)) / pitch**2
        values, vectors = np.linalg.eigh((rights * weights[:, None]).T @ rights / roll**2 + prior)
        up = vectors[:, 0] * np.sign(vectors[:, 0] @ mean)
        residuals = np.abs(rights @ up)
        roll = max(np.radians(LEAST_ROLL_DEG), 1.4826 * float(np.median(residuals)))
        weights = 1 / (1 + (residuals / (2 * roll)) ** 2)
    return CameraUp(up, max(LEAST_ERROR_DEG, float(np.degrees(1 / np.sqrt(values[1] - values[0])))))


def _robust_mean(ups: Float[ndarray, "n 3"]) -> Float[ndarray, 3] | None:
    """The geometric median as a unit vector (Weiszfeld 1937); None where the ups cancel."""
    if np.linalg.norm(ups.mean(axis=0)) < LEAST_AGREEMENT:
        return None
    middle: Float[ndarray, 3] = ups.mean(axis=0)
    for _ in range(_ROUNDS):
        weights = 1 / np.maximum(np.linalg.norm(ups - middle, axis=1), 1e-3)
        middle = weights @ ups / weights.sum()
    return np.asarray(middle / np.linalg.norm(middle))


def _square_to_all(rights: Float[ndarray, "n 3"], forwards: Float[ndarray, "n 3"]) -> CameraUp | None:
    """Cameras that look down from all sides: their ups cancel, but all x axes lie level. Cameras look down, not up."""
    values, vectors = np.linalg.eigh(rights.T @ rights / len(rights))
    down = float(forwards.mean(axis=0) @ vectors[:, 0])
    if values[0] > FLAT or values[1] < SPREAD or abs(down) < LEAST_AGREEMENT:
        return None
    roll = max(np.radians(LEAST_ROLL_DEG), float(np.sqrt(values[0])))
    error = np.degrees(roll / np.sqrt(len(rights) * values[1]))
    return CameraUp(np.asarray(-np.sign(down) * vectors[:, 0]), max(LEAST_ERROR_DEG, float(error)))
