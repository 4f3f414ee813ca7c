"""Cameras given beside photos: what is read from a poses file, before it is known which photo is which.

Three forms: nerfstudio's and instant-ngp's ``transforms.json``, a COLMAP model (``cameras`` and ``images`` as .bin or
.txt, ``points3D`` where it is there) and Middlebury's ``*_par.txt``. All end as OpenCV axes and ``camera_from_world``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.sfm.lenses import Lens

Form = Literal["transforms", "colmap", "middlebury"]

ROTATION_TOLERANCE = 0.02
"""How far the axes of a rotation may be from unit length."""


class PosesUnreadableError(BadInputError):
    """The files beside the photos are no cameras, or broken ones."""

    code = "poses_unreadable"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The camera poses sent with the photos cannot be read: {why}.",
            suggestion="Send a transforms.json, a COLMAP model (cameras, images and points3D, .bin or .txt) or a "
            "Middlebury *_par.txt beside the photos, or the photos alone.",
        )


@dataclass(frozen=True)
class BrownLens:
    """A pinhole camera with Brown's distortion for pictures of this size, px, pixel centres at +0.5.

    ``distortion``: k1 k2 p1 p2 k3 k4 k5 k6, in OpenCV's order.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = (0.0,) * 8

    def scaled(self, width: int, height: int) -> BrownLens:
        """The same lens for the same picture at another size."""
        sx, sy = width / self.width, height / self.height
        return BrownLens(width, height, self.fx * sx, self.fy * sy, self.cx * sx, self.cy * sy, self.distortion)

    def turned(self, quarter_turns: int) -> BrownLens:
        """The lens of the picture turned clockwise by so many quarters; :func:`turn` turns its axes likewise."""
        lens = self
        for _ in range(quarter_turns % 4):
            k1, k2, p1, p2, *rest = lens.distortion
            lens = BrownLens(
                width=lens.height,
                height=lens.width,
                fx=lens.fy,
                fy=lens.fx,
                cx=lens.height - lens.cy,
                cy=lens.cx,
                distortion=(k1, k2, p2, -p1, *rest),
            )
        return lens

    def as_colmap(self) -> Lens:
        """In COLMAP's words: the simplest of its models that says the same."""
        pinhole = (self.fx, self.fy, self.cx, self.cy)
        if not any(self.distortion):
            return Lens("PINHOLE", self.width, self.height, pinhole)
        if not any(self.distortion[4:]):
            return Lens("OPENCV", self.width, self.height, (*pinhole, *self.distortion[:4]))
        return Lens("FULL_OPENCV", self.width, self.height, (*pinhole, *self.distortion))


def turn(quarter_turns: int) -> Float[ndarray, "4 4"]:
    """What a clockwise turn of the picture does to camera coordinates (OpenCV axes): x to y, y to -x."""
    once = np.array([[0.0, -1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    return np.linalg.matrix_power(once, quarter_turns % 4)


@dataclass(frozen=True, eq=False)
class NamedPose:
    """One camera of a poses file. ``name`` as the file has it, folders included.

    ``size``: width and height the file states, px, None where it states none. ``lens_at`` answers the lens for the
    picture at a size of the same shape.
    """

    name: str
    camera_from_world: Float[ndarray, "4 4"]
    size: tuple[int, int] | None
    lens_at: Callable[[int, int], BrownLens]


@dataclass(frozen=True, eq=False)
class KnownPoses:
    """All cameras of a poses file, and the points it brings (world units, sRGB; often none)."""

    form: Form
    poses: tuple[NamedPose, ...]
    points: Float[ndarray, "n 3"]
    colors: UInt8[ndarray, "n 3"]

    @property
    def names(self) -> tuple[str, ...]:
        """As the file has them."""
        return tuple(pose.name for pose in self.poses)


def rigid(rotation: Sequence[Sequence[float]] | ndarray, shift: Sequence[float] | ndarray) -> Float[ndarray, "4 4"]:
    """A rigid matrix with the nearest rotation to ``rotation``, for files hold rounded numbers.

    Raises ValueError where that is no rotation or holds numbers that are not finite.
    """
    matrix, along = np.asarray(rotation, np.float64), np.asarray(shift, np.float64)
    if not (np.isfinite(matrix).all() and np.isfinite(along).all()):
        raise ValueError("holds numbers that are not finite")
    U, sizes, Vt = np.linalg.svd(matrix)
    if abs(sizes - 1.0).max() > ROTATION_TOLERANCE or np.linalg.det(U @ Vt) < 0:
        raise ValueError("is no rotation and translation")
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = U @ Vt, along
    return pose
