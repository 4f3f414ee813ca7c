"""Small scenes the rasteriser's tests share."""

from __future__ import annotations

import numpy as np

from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians

NAMES = ("means", "log_scales", "quaternions", "opacity_logits", "sh")


def camera(width: int = 50, height: int = 37) -> Camera:
    """Turned a little and off centre, so that no term of the projection is zero by chance."""
    angle = 0.2
    pose = np.eye(4)
    pose[:3, :3] = [
        [np.cos(angle), 0.0, np.sin(angle)],
        [0.0, 1.0, 0.0],
        [-np.sin(angle), 0.0, np.cos(angle)],
    ]
    pose[:3, 3] = 0.1, -0.2, 0.3
    return Camera(width, height, 0.9 * width, 1.1 * width, 0.53 * width, 0.46 * height, pose)


def random_gaussians(count: int, seed: int = 0, sh_degree: int = 3) -> Gaussians:
    """Spread over the view and beyond it, some behind the camera."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    means = normal(count, 3) * np.float32([1.2, 1.0, 1.8]) + np.float32([0.0, 0.0, 3.5])
    return Gaussians(
        means=means,
        log_scales=normal(count, 3) * np.float32(0.7) - np.float32(1.8),
        quaternions=normal(count, 4),
        opacity_logits=normal(count) * np.float32(2.5),
        sh=normal(count, (sh_degree + 1) ** 2, 3) * np.float32(0.3),
    )
