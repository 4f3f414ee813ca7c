"""A tiny scene that both engines train on: photos of a ball of splats."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from maquette.recon.cameras import Camera
from maquette.recon.checkpoint import Checkpoint
from maquette.recon.density import Statistics
from maquette.recon.evaluate import to_8_bit
from maquette.recon.gaussians import Gaussians
from maquette.recon.optimizer import zero_moments
from maquette.recon.rasterize import forward
from maquette.recon.scene import Scene, View

WIDTH, HEIGHT = 44, 36
BACKGROUND = (0.1, 0.2, 0.3)


def ball(count: int = 80, seed: int = 0, sh_degree: int = 1) -> Gaussians:
    """Coloured splats of random shape on a sphere around the origin."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    means = normal(count, 3)
    return Gaussians(
        means=means / np.linalg.norm(means, axis=1, keepdims=True),
        log_scales=np.float32(0.3) * normal(count, 3) - np.float32(1.9),
        quaternions=normal(count, 4),
        opacity_logits=normal(count),
        sh=np.float32(0.4) * normal(count, (sh_degree + 1) ** 2, 3),
    )


def orbit(angle: float) -> Camera:
    """3.5 units from the origin, looking at it, a little off centre."""
    pose = np.eye(4)
    pose[:3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    pose[2, 3] = 3.5
    return Camera(WIDTH, HEIGHT, 50.0, 52.0, WIDTH / 2 + 1.3, HEIGHT / 2 - 0.7, pose)


def scene(folder: Path, views: int = 5) -> Scene:
    """Photos of the true ball from around it, in ``folder``; the first is held out."""
    truth, posed = ball(seed=1), []
    for index, angle in enumerate(np.linspace(0, 2 * np.pi, views, endpoint=False)):
        camera = orbit(float(angle))
        path = folder / f"{index:03d}.png"
        cv2.imwrite(str(path), to_8_bit(forward(truth, camera, background=BACKGROUND).image)[..., ::-1])
        posed.append(View(path.name, camera, path))
    return Scene(tuple(posed), truth.means.astype(np.float64), np.full((len(truth), 3), 128, np.uint8))


def beginning(gaussians: Gaussians, seed: int = 0) -> Checkpoint:
    """Nothing learned yet."""
    n = len(gaussians)
    return Checkpoint(
        gaussians=gaussians,
        moments=zero_moments(gaussians),
        statistics=Statistics(np.zeros(n, np.float32), np.zeros(n, np.int32)),
        iteration=0,
        waiting=np.empty(0, np.int64),
        rng_state=dict(np.random.default_rng(seed).bit_generator.state),
    )
