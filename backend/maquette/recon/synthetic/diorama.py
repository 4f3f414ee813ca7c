"""The demo's world: boxes and spheres of known size on a ground plane, z up, in world units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

Material = Literal["brick", "facade", "planks", "stone", "marble"]


@dataclass(frozen=True)
class Box:
    """A box turned by ``yaw`` radians about the vertical through its centre; ``size`` is x, y, z before turning."""

    centre: tuple[float, float, float]
    size: tuple[float, float, float]
    yaw: float
    material: Material

    @property
    def volume(self) -> float:
        """Cubic world units."""
        return self.size[0] * self.size[1] * self.size[2]


@dataclass(frozen=True)
class Sphere:
    """A ball."""

    centre: tuple[float, float, float]
    radius: float
    material: Material

    @property
    def volume(self) -> float:
        """Cubic world units."""
        return 4 / 3 * np.pi * self.radius**3


@dataclass(frozen=True)
class Diorama:
    """What stands on the ground (z = 0): a paved square of ``plaza_side`` in the middle of a lawn."""

    boxes: tuple[Box, ...]
    spheres: tuple[Sphere, ...]
    plaza_side: float = 5.6
    lawn_side: float = 24.0

    def box_rows(self) -> Float[ndarray, "n 8"]:
        """One row a box for the kernels: centre, half size, cosine and sine of the yaw."""
        rows = [(*b.centre, *(s / 2 for s in b.size), np.cos(b.yaw), np.sin(b.yaw)) for b in self.boxes]
        return np.array(rows, dtype=np.float64).reshape(-1, 8)

    def sphere_rows(self) -> Float[ndarray, "n 4"]:
        """One row a sphere for the kernels: centre and radius."""
        return np.array([(*s.centre, s.radius) for s in self.spheres], dtype=np.float64).reshape(-1, 4)


VILLAGE = Diorama(
    boxes=(
        Box(centre=(-0.62, 0.62, 0.75), size=(0.85, 0.85, 1.5), yaw=0.35, material="facade"),
        Box(centre=(0.72, 0.62, 0.33), size=(1.25, 0.8, 0.66), yaw=-0.45, material="brick"),
        Box(centre=(0.72, 0.66, 0.86), size=(0.5, 0.42, 0.4), yaw=0.2, material="planks"),
        Box(centre=(-0.5, -0.85, 0.24), size=(0.62, 0.48, 0.48), yaw=0.8, material="stone"),
    ),
    spheres=(
        Sphere(centre=(0.62, -0.62, 0.5), radius=0.5, material="marble"),
        Sphere(centre=(-1.35, -0.35, 0.26), radius=0.26, material="stone"),
    ),
)
"""The world of the demo capture: about 2.5 units across, 1.5 high."""
