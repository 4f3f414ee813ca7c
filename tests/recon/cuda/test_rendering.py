"""The backend cuda gives what the backend cpu gives; the median pass alone is held to the twin."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.recon.cuda.engines import Engine
from tests.recon.cuda.worlds import ball, orbit
from tests.recon.rasterize.scenes import NAMES, camera, random_gaussians

from maquette.recon.cameras import Camera
from maquette.recon.cuda import rendering
from maquette.recon.cuda.median import median_depth
from maquette.recon.cuda.rasterizing import TILE
from maquette.recon.cuda.state import to_device
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import OUTPUTS, rasterize, twin

BACKGROUND = (0.2, 0.5, 0.9)


def nothing_in_view() -> Gaussians:
    gaussians = random_gaussians(10)
    gaussians.means[:, 2] -= 40
    return gaussians


SCENES: dict[str, tuple[Gaussians, Camera]] = {
    "ball": (ball(), orbit(0.4)),
    "all around": (random_gaussians(150, seed=2), camera(49, 35)),
    "nothing in view": (nothing_in_view(), camera()),
    "no Gaussian": (random_gaussians(0), camera()),
}


@pytest.mark.parametrize("scene", SCENES)
def test_gives_every_output_of_the_cpu_backend(on_gsplat: Engine, scene: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gaussians, view = SCENES[scene]
    monkeypatch.setattr(rendering, "open_gpu", lambda: on_gsplat.device)
    arguments = {"background": BACKGROUND, "sh_degree": 1, "near": 2.0, "far": 4.5}
    wanted = rasterize(gaussians, view, outputs=OUTPUTS, **arguments)
    found = rendering.rasterize(gaussians, view, outputs=OUTPUTS, **arguments)
    for name in ("image", "alpha"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), atol=1e-3, err_msg=name)
    filled = wanted.alpha > 0.01
    np.testing.assert_allclose(found.depth[filled], wanted.depth[filled], rtol=1e-3)
    assert np.isclose(found.median_depth, wanted.median_depth, rtol=1e-3).mean() > 0.99
    np.testing.assert_allclose(found.contribution, wanted.contribution, rtol=1e-2, atol=1e-2)
    assert (found.visible != wanted.visible).sum() <= 0.02 * len(gaussians)
    if scene == "all around":
        assert wanted.visible.any() and filled.any() and (wanted.median_depth > 0).any()


def test_only_what_was_asked_comes_back(on_gsplat: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "open_gpu", lambda: on_gsplat.device)
    gaussians, view = SCENES["ball"]
    found = rendering.rasterize(
        gaussians, view, background=BACKGROUND, sh_degree=1, near=0.01, far=float("inf"), outputs=("depth",)
    )
    assert list(found.outputs) == ["depth"]


@pytest.mark.parametrize("size", [(50, 37), (16, 16), (33, 5)])
def test_median_depth_is_the_twins(size: tuple[int, int]) -> None:
    gaussians, view = random_gaussians(90, seed=7), camera(*size)
    gaussians.means[:, 2] = np.abs(gaussians.means[:, 2]) + 0.5
    gaussians.opacity_logits[:] = np.abs(gaussians.opacity_logits) + 0.5
    values = {name: torch.tensor(getattr(gaussians, name), dtype=torch.float64) for name in NAMES}
    wanted = twin.rasterize(*values.values(), view)["median_depth"].numpy()

    pose = torch.as_tensor(view.camera_from_world)
    points = values["means"] @ pose[:3, :3].T + pose[:3, 3]
    assert (points[:, 2] > 0.01).all()
    inverse = torch.linalg.inv(
        twin.screen_covariances(points, values["log_scales"], values["quaternions"], pose[:3, :3], view)
    )
    x, y, z = points.unbind(1)
    # Every splat in every tile, front to back: more than a rasteriser lists, and the same picture.
    rows, columns = -(-size[1] // TILE), -(-size[0] // TILE)
    order = torch.argsort(z)
    found = median_depth(
        torch.stack([view.fx * x / z + view.cx, view.fy * y / z + view.cy], dim=1),
        torch.stack([inverse[:, 0, 0], inverse[:, 0, 1], inverse[:, 1, 1]], dim=1),
        torch.sigmoid(values["opacity_logits"]),
        z,
        (torch.arange(rows * columns) * len(order)).reshape(rows, columns),
        order.repeat(rows * columns),
        *size,
    )
    assert (wanted > 0).mean() > 0.3
    assert np.isclose(found.numpy(), wanted).mean() > 0.999


def test_planes_are_those_of_a_frame(on_gsplat: Engine) -> None:
    gaussians, view = SCENES["ball"]
    found = rendering.planes(to_device(gaussians, on_gsplat.device), view, BACKGROUND)
    wanted = rasterize(gaussians, view, background=BACKGROUND, outputs=("image",)).image
    np.testing.assert_allclose(found.transpose(1, 2, 0), wanted, atol=1e-3)
