"""Values and gradients of the kernels against the plain-torch definition, degenerate scenes included."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from tests.recon.rasterize.scenes import NAMES, camera, random_gaussians

from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import backward, forward, rasterize, twin

BACKGROUND = (0.2, 0.5, 0.9)


def needles() -> Gaussians:
    gaussians = random_gaussians(20, seed=3)
    gaussians.log_scales[:, 0] = 1.0
    gaussians.log_scales[:, 1:] = -9.0
    return gaussians


def opaque_and_faint() -> Gaussians:
    gaussians = random_gaussians(40, seed=4)
    gaussians.opacity_logits[::2] = 12.0
    gaussians.opacity_logits[1::2] = -8.0
    return gaussians


def behind() -> Gaussians:
    gaussians = random_gaussians(10, seed=5)
    gaussians.means[:, 2] -= 20.0
    return gaussians


def huge_and_tiny() -> Gaussians:
    gaussians = random_gaussians(12, seed=6)
    gaussians.log_scales[::2] = 4.0
    gaussians.log_scales[1::2] = -20.0
    return gaussians


SCENES: dict[str, tuple[Gaussians, Camera]] = {
    "random": (random_gaussians(60), camera()),
    "many tiles": (random_gaussians(80, seed=1), camera(97, 65)),
    "degree 0": (random_gaussians(30, seed=2, sh_degree=0), camera()),
    "degree 2": (random_gaussians(30, seed=2, sh_degree=2), camera()),
    "needles": (needles(), camera()),
    "opacity 0 and 1": (opaque_and_faint(), camera()),
    "behind": (behind(), camera()),
    "huge and tiny": (huge_and_tiny(), camera()),
    "none": (random_gaussians(0), camera()),
    "one": (random_gaussians(1, seed=8), camera()),
    "one pixel": (random_gaussians(30, seed=9), camera(1, 1)),
}


@pytest.mark.parametrize("name", SCENES)
def test_values_and_gradients(name: str) -> None:
    gaussians, view = SCENES[name]
    parameters = [torch.tensor(getattr(gaussians, field), dtype=torch.float64, requires_grad=True) for field in NAMES]
    expected = twin.rasterize(*parameters, view, background=BACKGROUND)
    found = rasterize(gaussians, view, background=BACKGROUND)
    for field in ("image", "alpha", "depth"):
        wanted = expected[field].detach().numpy()
        np.testing.assert_allclose(getattr(found, field), wanted, atol=1e-4, rtol=1e-4, err_msg=field)
    # The median jumps where transmittance passes one half; a rounding error may move single pixels.
    same = np.isclose(found.median_depth, expected["median_depth"].detach().numpy(), atol=1e-4)
    assert same.mean() > 0.995

    gradient = np.random.default_rng(1).standard_normal((3, view.height, view.width), dtype=np.float32)
    frame = forward(gaussians, view, background=BACKGROUND)
    found_gradients = backward(frame, gaussians, gradient)
    weights = torch.tensor(gradient.transpose(1, 2, 0).copy(), dtype=torch.float64)
    total = (expected["image"] * weights).sum()
    if total.requires_grad:
        total.backward()
    for field, parameter in zip(NAMES, parameters, strict=True):
        full = np.zeros_like(getattr(gaussians, field))
        full[found_gradients.indices] = getattr(found_gradients, field)
        wanted = np.zeros_like(full) if parameter.grad is None else parameter.grad.numpy()
        error = np.linalg.norm(full - wanted)
        assert error <= 1e-3 * np.linalg.norm(wanted) + 1e-6, f"{field}: {error} of {np.linalg.norm(wanted)}"


def test_sh_degree_limits_what_is_used() -> None:
    gaussians, view = random_gaussians(40, seed=11), camera()
    cut = random_gaussians(40, seed=11)
    cut.sh[:, 4:] = 0.0
    np.testing.assert_array_equal(
        rasterize(gaussians, view, sh_degree=1).image, rasterize(cut, view, sh_degree=3).image
    )
    assert not np.array_equal(rasterize(gaussians, view).image, rasterize(cut, view).image)


def test_missing_torch_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(twin.TorchMissingError) as caught:
        twin.rasterize(*([None] * 5), camera())
    assert caught.value.code == "torch_missing"
    assert "[dev]" in caught.value.suggestion
