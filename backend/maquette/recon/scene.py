"""A scene: posed, undistorted photos and the sparse points they were placed by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from maquette.recon.cameras import Camera

HELD_OUT_EVERY = 8
"""Every 8th view in name order, beginning with the first, is never trained on (Mip-NeRF 360, section 5)."""


@dataclass(frozen=True, eq=False)
class View:
    """One posed photo. ``image_path`` is an undistorted RGB image of exactly the camera's size.

    Of that size, too, where they are there: ``mask_path``, an 8-bit grey image whose values are weights, 255 counts
    fully and 0 not at all; ``depth_path``, a float32 .npy of distances along z in world units, 0 or NaN unknown.
    """

    name: str
    camera: Camera
    image_path: Path
    mask_path: Path | None = None
    depth_path: Path | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """Views in name order and sparse points (world units, sRGB 0-255 colours)."""

    views: tuple[View, ...]
    points: Float[ndarray, "n 3"]
    colors: UInt8[ndarray, "n 3"]

    @property
    def held_out(self) -> tuple[int, ...]:
        """Indices of the views that measure quality and are never trained on."""
        return tuple(range(0, len(self.views), HELD_OUT_EVERY))

    @property
    def training(self) -> tuple[int, ...]:
        """Indices of the views to train on."""
        return tuple(i for i in range(len(self.views)) if i % HELD_OUT_EVERY != 0)

    @property
    def radius(self) -> float:
        """1.1 times the largest distance of a camera from the mean camera, world units (3DGS, section 5)."""
        centres = np.stack([view.camera.centre for view in self.views])
        return float(1.1 * np.linalg.norm(centres - centres.mean(axis=0), axis=1).max())
