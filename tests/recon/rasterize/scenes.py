"""Small scenes the rasteriser's tests share: random ones, and those where rasterisers break."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

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


def straight(width: int = 33, height: int = 21) -> Camera:
    """At the origin along z, so that depths are exact in float32 and ties stay ties."""
    return Camera(width, height, 0.9 * width, 1.1 * width, 0.53 * width, 0.46 * height, np.eye(4))


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


@dataclass(frozen=True, eq=False)
class Case:
    """What to render, and how."""

    gaussians: Gaussians
    camera: Camera
    sh_degree: int | None = None
    near: float = 0.01
    far: float = float("inf")


def changed(count: int, seed: int, change: Callable[[Gaussians], object]) -> Gaussians:
    """Random Gaussians after ``change``."""
    gaussians = random_gaussians(count, seed)
    change(gaussians)
    return gaussians


def _needles(gaussians: Gaussians) -> None:
    gaussians.log_scales[:, 0] = 1.0
    gaussians.log_scales[:, 1:] = -9.0


def _discs(gaussians: Gaussians) -> None:
    gaussians.log_scales[:, :2] = 0.0
    gaussians.log_scales[:, 2] = -12.0


def _opaque_and_faint(gaussians: Gaussians) -> None:
    gaussians.opacity_logits[::2] = 12.0
    gaussians.opacity_logits[1::2] = -8.0


def _saturated(gaussians: Gaussians) -> None:
    gaussians.opacity_logits[::2] = 20.0
    gaussians.opacity_logits[1::2] = -20.0


def _behind(gaussians: Gaussians) -> None:
    gaussians.means[:, 2] -= 20.0


def _across_the_near_plane(gaussians: Gaussians) -> None:
    gaussians.means[:] *= np.float32([0.15, 0.15, 0.1])
    gaussians.log_scales[:] = -1.2, -1.6, -2.0


def _huge_and_tiny(gaussians: Gaussians) -> None:
    gaussians.log_scales[::3] = 4.0
    gaussians.log_scales[1::3] = -20.0
    gaussians.log_scales[2::3] = 25.0


def _same_depth(gaussians: Gaussians) -> None:
    gaussians.means[:, 2] = 2.0


def _identical(gaussians: Gaussians) -> None:
    for name in NAMES:
        array = getattr(gaussians, name)
        array[:] = array[0]
    gaussians.means[:] = 0.1, 0.05, 2.0
    gaussians.opacity_logits[:] = -1.0


def _black_and_bright(gaussians: Gaussians) -> None:
    gaussians.sh[::2, 0] = -5.0
    gaussians.sh[1::2, 0] = 20.0


def _scaled_quaternions(gaussians: Gaussians) -> None:
    gaussians.quaternions[:] *= np.float32(10.0) ** np.linspace(-3, 3, len(gaussians), dtype=np.float32)[:, None]


CASES: dict[str, Case] = {
    "random": Case(random_gaussians(40), camera()),
    "many tiles": Case(random_gaussians(40, seed=1), camera(97, 65)),
    **{f"degree {d}": Case(random_gaussians(15, seed=2, sh_degree=d), straight()) for d in range(4)},
    **{f"degree {d} of 3": Case(random_gaussians(15, seed=2), straight(), sh_degree=d) for d in range(3)},
    "needles": Case(changed(20, 3, _needles), camera()),
    "discs": Case(changed(20, 3, _discs), camera()),
    "opacity 0 and 1": Case(changed(40, 4, _opaque_and_faint), camera()),
    "opacity saturated": Case(changed(20, 4, _saturated), straight()),
    "behind": Case(changed(10, 5, _behind), camera()),
    "across the near plane": Case(changed(12, 6, _across_the_near_plane), straight(), near=0.2),
    "huge and tiny": Case(changed(12, 6, _huge_and_tiny), camera()),
    "between near and far": Case(random_gaussians(40, seed=7), straight(), near=2.0, far=4.0),
    "same depth": Case(changed(20, 10, _same_depth), straight()),
    "identical": Case(changed(20, 11, _identical), camera()),
    "black and bright": Case(changed(20, 12, _black_and_bright), straight()),
    "quaternions of any length": Case(changed(20, 13, _scaled_quaternions), straight()),
    "none": Case(random_gaussians(0), camera()),
    "one": Case(random_gaussians(1, seed=8), camera()),
    "one pixel": Case(random_gaussians(30, seed=9), camera(1, 1)),
    **{f"size {w}x{h}": Case(random_gaussians(12, seed=w), straight(w, h)) for w, h in ((16, 16), (17, 32), (1, 40))},
    "principal point outside": Case(random_gaussians(40, seed=14), replace(straight(), cx=-4.0, cy=25.0)),
    "long and short focal length": Case(random_gaussians(20, seed=15), replace(straight(), fx=90.0, fy=8.0)),
}
