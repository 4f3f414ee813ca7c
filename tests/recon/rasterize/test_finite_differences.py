"""Gradients against what they mean: the change of the loss when a parameter moves a little."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import backward, forward

NAMES = ("means", "log_scales", "quaternions", "opacity_logits", "sh")


def smooth_scene() -> tuple[Gaussians, Camera]:
    """Broad splats whose cut-off at alpha 1/255 lies outside the image, so that the loss has no steps."""
    rng = np.random.default_rng(2)
    count = 5
    gaussians = Gaussians(
        means=rng.uniform(-0.3, 0.3, (count, 3)).astype(np.float32) + np.float32([0, 0, 3]),
        log_scales=rng.uniform(-0.3, 0.3, (count, 3)).astype(np.float32),
        quaternions=rng.standard_normal((count, 4)).astype(np.float32),
        opacity_logits=rng.uniform(-1, 1, count).astype(np.float32),
        sh=(0.2 * rng.standard_normal((count, 16, 3))).astype(np.float32),
    )
    return gaussians, Camera(20, 18, 22.0, 21.0, 9.5, 8.7, np.eye(4))


@pytest.mark.parametrize("name", NAMES)
def test_directional_derivative(name: str) -> None:
    gaussians, camera = smooth_scene()
    rng = np.random.default_rng(7)
    weights = rng.standard_normal((3, camera.height, camera.width), dtype=np.float32)

    def loss() -> float:
        return float(np.sum(forward(gaussians, camera).image.astype(np.float64) * weights))

    gradients = backward(forward(gaussians, camera), gaussians, weights)
    assert len(gradients.indices) == len(gaussians)
    array = getattr(gaussians, name)
    for _ in range(4):
        direction = rng.standard_normal(array.shape).astype(np.float32)
        step, before = np.float32(2e-3), array.copy()
        array[:] = before + step * direction
        above = loss()
        array[:] = before - step * direction
        below = loss()
        array[:] = before
        measured = (above - below) / (2 * step)
        predicted = float(np.sum(getattr(gradients, name) * direction))
        scale = float(np.linalg.norm(getattr(gradients, name)) * np.linalg.norm(direction))
        assert abs(measured - predicted) < 3e-3 * scale, f"{measured} measured, {predicted} predicted"


def test_screen_gradient_is_that_of_the_mean_in_half_images() -> None:
    gaussians, camera = smooth_scene()
    rng = np.random.default_rng(8)
    weights = rng.standard_normal((3, camera.height, camera.width), dtype=np.float32)
    gaussians.sh[:, 1:] = 0.0
    alone = gaussians.subset(np.array([0]))
    gradients = backward(forward(alone, camera), alone, weights)
    step = 1e-3
    measured = []
    for axis, focal in ((0, camera.fx), (1, camera.fy)):
        values = []
        for sign in (1, -1):
            # Moving the principal point moves the screen mean and nothing else but the clamp of x/z.
            moved = Camera(
                camera.width,
                camera.height,
                camera.fx,
                camera.fy,
                camera.cx + (sign * step * focal if axis == 0 else 0.0),
                camera.cy + (sign * step * focal if axis == 1 else 0.0),
                camera.camera_from_world,
            )
            values.append(float(np.sum(forward(alone, moved).image.astype(np.float64) * weights)))
        measured.append((values[0] - values[1]) / (2 * step * focal))
    expected = np.hypot(measured[0] * camera.width / 2, measured[1] * camera.height / 2)
    assert gradients.screen[0] == pytest.approx(expected, rel=2e-2)
