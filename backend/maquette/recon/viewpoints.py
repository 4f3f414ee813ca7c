"""Cameras that no photo was taken with: from where, at what and how wide one looks, or given as plain numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.cameras import Camera

UP = (0.0, -1.0, 0.0)
"""Up in the world of structure-from-motion where nothing else is known: OpenCV's y points down."""

WIDEST_DEG = 150.0
"""A pinhole picture as wide as this is all stretched edge."""

_SMALLEST_LENGTH = 1e-9
_ROTATION_TOLERANCE = 1e-3


class BadCameraError(BadInputError):
    """The numbers given make no camera."""

    code = "bad_camera"


def look_at(
    position: Sequence[float],
    target: Sequence[float],
    *,
    up: Sequence[float] = UP,
    vertical_fov_deg: float,
    width: int,
    height: int,
) -> Camera:
    """A camera at ``position`` that sees ``target`` in the middle of its picture, with ``up`` (world axes) upwards.

    Position and target in world units; the field of view is that of the picture's height, degrees. Raises
    :class:`BadCameraError` where they leave no direction or no upright.
    """
    if not 0 < vertical_fov_deg <= WIDEST_DEG:
        raise BadCameraError(
            f"A vertical field of view of {vertical_fov_deg:g} degrees makes no picture.",
            suggestion=f"Give more than 0 and at most {WIDEST_DEG:g} degrees; 50 is usual.",
            field="fov",
        )
    eye = _finite(position, 3, "position")
    forward = _unit(_finite(target, 3, "target") - eye, "target", "The camera stands where it should look.")
    # OpenCV axes: x right, y down, z forward.
    sideways = np.cross(forward, _unit(_finite(up, 3, "up"), "up", "The direction up has no length."))
    right = _unit(sideways, "up", "The camera looks along the direction that should be up.")
    return Camera(
        width=width,
        height=height,
        **_centred(height / 2 / np.tan(np.radians(vertical_fov_deg) / 2), width, height),
        camera_from_world=_pose(np.stack([right, np.cross(forward, right), forward]), eye),
    )


def camera_of_numbers(
    camera_from_world: Sequence[float], fx: float, fy: float, cx: float, cy: float, *, width: int, height: int
) -> Camera:
    """A camera by the 12 numbers of a rigid 3x4 ``camera_from_world``, row by row, and its intrinsics in px.

    Raises :class:`BadCameraError` where the left 3x3 is no rotation or a number is out of the question.
    """
    rows = _finite(camera_from_world, 12, "camera_from_world").reshape(3, 4)
    rotation = rows[:, :3]
    skewed = np.abs(rotation @ rotation.T - np.eye(3)).max() > _ROTATION_TOLERANCE
    if skewed or np.linalg.det(rotation) < 0:
        raise BadCameraError(
            "The left 3x3 of camera_from_world is no rotation.",
            suggestion="Give the world-to-camera matrix in OpenCV axes (x right, y down, z forward), without scale.",
            field="camera_from_world",
        )
    for field, value in (("fx", fx), ("fy", fy)):
        if not 0 < value < np.inf:
            raise BadCameraError(
                f"A focal length of {value:g} px makes no picture.", suggestion="Give px above 0.", field=field
            )
    _finite([cx, cy], 2, "cx and cy")
    pose = np.eye(4)
    pose[:3] = rows
    return Camera(width=width, height=height, fx=fx, fy=fy, cx=cx, cy=cy, camera_from_world=pose)


def _centred(focal_px: float, width: int, height: int) -> dict[str, float]:
    return {"fx": float(focal_px), "fy": float(focal_px), "cx": width / 2, "cy": height / 2}


def _pose(rotation: Float[ndarray, "3 3"], eye: Float[ndarray, 3]) -> Float[ndarray, "4 4"]:
    pose = np.eye(4)
    pose[:3, :3] = rotation
    pose[:3, 3] = -rotation @ eye
    return pose


def _finite(values: Sequence[float], count: int, field: str) -> Float[ndarray, " n"]:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise BadCameraError(
            f"{field} is not {count} finite numbers.", suggestion=f"Give {count} numbers.", field=field
        )
    return numbers


def _unit(vector: Float[ndarray, 3], field: str, problem: str) -> Float[ndarray, 3]:
    length = float(np.linalg.norm(vector))
    if length < _SMALLEST_LENGTH:
        raise BadCameraError(problem, suggestion="Give another position, target or up.", field=field)
    return np.asarray(vector / length)
