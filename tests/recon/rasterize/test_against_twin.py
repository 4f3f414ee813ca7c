"""Values and gradients of the kernels against the plain-torch definition, and the definition against itself."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from tests.recon.rasterize.scenes import CASES, NAMES, Case, camera, random_gaussians, straight

from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import OUTPUTS, backward, forward, rasterize, twin

BACKGROUND = (0.2, 0.5, 0.9)


def of_the_twin(case: Case) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
    parameters = [
        torch.tensor(getattr(case.gaussians, name), dtype=torch.float64, requires_grad=True) for name in NAMES
    ]
    rendered = twin.rasterize(
        *parameters, case.camera, background=BACKGROUND, sh_degree=case.sh_degree, near=case.near, far=case.far
    )
    return parameters, rendered


def image_gradient(case: Case) -> np.ndarray:
    size = (3, case.camera.height, case.camera.width)
    return np.random.default_rng(1).standard_normal(size, dtype=np.float32)


def gradients_of(case: Case) -> Gaussians:
    """The kernels' gradients of the image times :func:`image_gradient`, a row for every Gaussian."""
    frame = forward(
        case.gaussians, case.camera, background=BACKGROUND, sh_degree=case.sh_degree, near=case.near, far=case.far
    )
    found = backward(frame, case.gaussians, image_gradient(case))
    full = {name: np.zeros_like(getattr(case.gaussians, name)) for name in NAMES}
    for name in NAMES:
        full[name][found.indices] = getattr(found, name)
    return Gaussians(**full)


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name: str) -> None:
    case = CASES[name]
    parameters, expected = of_the_twin(case)
    found = rasterize(
        case.gaussians,
        case.camera,
        background=BACKGROUND,
        sh_degree=case.sh_degree,
        near=case.near,
        far=case.far,
        outputs=OUTPUTS,
    )
    for output in ("image", "alpha", "depth", "contribution"):
        wanted = expected[output].detach().numpy()
        np.testing.assert_allclose(getattr(found, output), wanted, atol=1e-4, rtol=1e-4, err_msg=output)
    # Two that jump: the median where transmittance passes one half, visibility where one pixel's alpha is 1/255.
    same = np.isclose(found.median_depth, expected["median_depth"].detach().numpy(), atol=1e-4)
    assert same.mean() > 0.995
    differing = found.visible != expected["visible"].numpy()
    assert (found.contribution[differing] < 0.01).all()

    found_gradients = gradients_of(case)
    weights = torch.tensor(image_gradient(case).transpose(1, 2, 0).copy(), dtype=torch.float64)
    total = (expected["image"] * weights).sum()
    if total.requires_grad:
        total.backward()
    for field, parameter in zip(NAMES, parameters, strict=True):
        full = getattr(found_gradients, field)
        wanted = np.zeros_like(full) if parameter.grad is None else parameter.grad.numpy()
        error = np.linalg.norm(full - wanted)
        assert error <= 1e-3 * np.linalg.norm(wanted) + 1e-6, f"{field}: {error} of {np.linalg.norm(wanted)}"


def test_the_cases_draw_something() -> None:
    for name, case in CASES.items():
        drawn = rasterize(case.gaussians, case.camera, near=case.near, far=case.far, outputs=("visible",)).visible
        assert drawn.any() == (name not in ("none", "behind")), name


@pytest.mark.parametrize("seed", range(3))
def test_gradients_are_the_twins_finite_differences(seed: int) -> None:
    case = Case(random_gaussians(12, seed=30 + seed, sh_degree=seed + 1), straight(19, 17))
    found = gradients_of(case)
    weights = torch.tensor(image_gradient(case).transpose(1, 2, 0).copy(), dtype=torch.float64)
    values = [torch.tensor(getattr(case.gaussians, name), dtype=torch.float64) for name in NAMES]
    generator = torch.Generator().manual_seed(seed)
    step = 1e-7  # so small that no pixel crosses the cut at alpha 1/255, where the image jumps
    for index, name in enumerate(NAMES):
        direction = torch.randn(values[index].shape, generator=generator, dtype=torch.float64)
        ends = []
        for sign in (1, -1):
            moved = [value + sign * step * direction if k == index else value for k, value in enumerate(values)]
            shown = twin.rasterize(*moved, case.camera, background=BACKGROUND)["image"]
            ends.append(float((shown * weights).sum()))
        measured = (ends[0] - ends[1]) / (2 * step)
        gradient = getattr(found, name)
        predicted = float(np.sum(gradient * direction.numpy()))
        scale = float(np.linalg.norm(gradient) * np.linalg.norm(direction))
        assert abs(measured - predicted) < 1e-3 * scale, f"{name}: {measured} measured, {predicted} predicted"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("means", np.nan),
        ("means", 1e38),
        ("log_scales", np.nan),
        ("log_scales", 200.0),
        ("log_scales", -200.0),
        ("quaternions", np.nan),
        ("quaternions", 0.0),
        ("quaternions", 1e30),
        ("opacity_logits", np.nan),
        ("opacity_logits", 500.0),
        ("opacity_logits", -500.0),
    ],
)
def test_broken_numbers_harm_no_other_gaussian(name: str, value: float) -> None:
    """Every second Gaussian is broken: what comes out is finite, and the others are drawn."""
    gaussians = random_gaussians(40, seed=16)
    getattr(gaussians, name)[::2] = value
    case = Case(gaussians, straight())
    rendering = rasterize(gaussians, case.camera, outputs=OUTPUTS)
    for output in OUTPUTS:
        assert np.isfinite(getattr(rendering, output)).all(), output
    assert rendering.visible[1::2].any()
    gradients = gradients_of(case)
    for field in NAMES:
        assert np.isfinite(getattr(gradients, field)[1::2]).all(), field
        if not np.isnan(value):
            assert np.isfinite(getattr(gradients, field)).all(), field


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
