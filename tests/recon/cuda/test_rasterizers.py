"""What stands behind the torch engine renders as the definition does; the cull before it loses nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.recon.cuda.engines import Engine
from tests.recon.cuda.worlds import ball, orbit
from tests.recon.rasterize.scenes import NAMES, camera, random_gaussians

from maquette.recon.cameras import Camera
from maquette.recon.cuda.state import to_device
from maquette.recon.cuda.views import camera_on, in_view
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import forward, twin

BACKGROUND = (0.2, 0.5, 0.9)


def opaque() -> Gaussians:
    """Large and closed, so that pixels fill up and what is behind must not show."""
    gaussians = ball(120, seed=3)
    gaussians.opacity_logits[:] = 6.0
    gaussians.log_scales += np.float32(0.7)
    return gaussians


SCENES: dict[str, tuple[Gaussians, Camera]] = {
    "ball": (ball(), orbit(0.4)),
    "opaque": (opaque(), orbit(1.9)),
    "all around": (random_gaussians(150, seed=2), camera(49, 35)),
}


@pytest.mark.parametrize("scene", SCENES)
def test_renders_as_the_twin_defines(on: Engine, scene: str) -> None:
    gaussians, view = SCENES[scene]
    parameters = [torch.tensor(getattr(gaussians, field), dtype=torch.float64) for field in NAMES]
    wanted = twin.rasterize(*parameters, view, background=BACKGROUND)["image"].permute(2, 0, 1)
    splats, seen_from = to_device(gaussians, on.device), camera_on(view, on.device)
    indices = in_view(splats, seen_from)
    leaves = splats.changed(lambda tensor: tensor[indices].requires_grad_())
    picture = on.rasterizer(leaves, seen_from, BACKGROUND)
    difference = np.abs(picture.image.detach().cpu().numpy() - wanted.numpy())
    if on.name == "twin":
        assert difference.max() < 1e-5
    else:
        # gsplat leaves out the splat that closes a pixel: at most a tenth of the light, and only where all is opaque.
        assert (difference < 1e-3).mean() > 0.98
        assert difference.max() < (0.1 if scene == "opaque" else 1e-3)
    visible = set(indices[picture.visible].tolist())
    found = forward(gaussians, view, background=BACKGROUND)
    assert set(found.indices.tolist()) <= visible
    assert len(visible) <= 1.2 * len(found.indices) + 5, "far more are called visible than touch the image"


@pytest.mark.parametrize("seed", range(5))
def test_the_cull_keeps_all_that_touch_the_image(seed: int) -> None:
    gaussians = random_gaussians(2000, seed=seed)
    gaussians.log_scales += np.random.default_rng(seed).normal(0, 1, (2000, 3)).astype(np.float32)
    view = camera(50 + 7 * seed, 37)
    kept = set(in_view(to_device(gaussians, torch.device("cpu")), camera_on(view, torch.device("cpu"))).tolist())
    touching = set(forward(gaussians, view).indices.tolist())
    assert touching <= kept
    assert len(kept) < 1900, "the cull leaves hardly anything out"
