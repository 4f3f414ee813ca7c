"""The pinhole camera every stage after structure-from-motion works with.

Conventions (DESIGN 5): OpenCV axes (x right, y down, z forward), ``camera_from_world``, pixel centres at +0.5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray


@dataclass(frozen=True, eq=False)
class Camera:
    """An undistorted pinhole camera: size and focal lengths in pixels, pose as a rigid 4x4 matrix."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    camera_from_world: Float[ndarray, "4 4"]

    @property
    def world_from_camera(self) -> Float[ndarray, "4 4"]:
        """Inverse of the rigid ``camera_from_world``."""
        rotation = self.camera_from_world[:3, :3]
        inverse = np.eye(4)
        inverse[:3, :3] = rotation.T
        inverse[:3, 3] = -rotation.T @ self.camera_from_world[:3, 3]
        return inverse

    @property
    def centre(self) -> Float[ndarray, 3]:
        """Optical centre in world units."""
        centre: Float[ndarray, 3] = self.world_from_camera[:3, 3]
        return centre

    def resized(self, width: int, height: int) -> Camera:
        """The same camera for the same picture scaled to ``width`` x ``height`` pixels."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self,
            width=width,
            height=height,
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=self.cx * sx,
            cy=self.cy * sy,
        )

    def resized_to(self, long_side: int) -> Camera:
        """The same camera with its long side reduced to ``long_side`` px; unchanged where it is not longer."""
        scale = long_side / max(self.width, self.height)
        if scale >= 1:
            return self
        return self.resized(max(1, round(self.width * scale)), max(1, round(self.height * scale)))

    def as_dict(self) -> dict[str, object]:
        """Plain numbers for JSON; the inverse of :func:`camera_from_dict`."""
        return {
            "width": self.width,
            "height": self.height,
            "fx": self.fx,
            "fy": self.fy,
            "cx": self.cx,
            "cy": self.cy,
            "camera_from_world": self.camera_from_world.tolist(),
        }


def camera_from_dict(data: dict[str, object]) -> Camera:
    """Read what :meth:`Camera.as_dict` wrote."""
    return Camera(
        width=int(str(data["width"])),
        height=int(str(data["height"])),
        fx=float(str(data["fx"])),
        fy=float(str(data["fy"])),
        cx=float(str(data["cx"])),
        cy=float(str(data["cy"])),
        camera_from_world=np.asarray(data["camera_from_world"], dtype=np.float64).reshape(4, 4),
    )
