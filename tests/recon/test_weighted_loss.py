"""The loss under a mask against its definition in plain torch, and what a mask promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from numpy import ndarray
from torch import Tensor

from maquette.recon.losses import photometric_loss
from maquette.recon.rasterize.scratch import Scratch
from maquette.recon.weighted_loss import weighted_photometric_loss


def twin(image: Tensor, photo: Tensor, weights: Tensor, ssim_weight: float) -> Tensor:
    """Sum of w [(1 - l) |x - y| + l (1 - SSIM)] over all pixels' number; windowed means of what counts alone."""
    offsets = torch.arange(-5, 6, dtype=torch.float64)
    line = torch.exp(-(offsets**2) / (2 * 1.5**2))
    line = line / line.sum()
    window = torch.outer(line, line)[None, None].repeat(3, 1, 1, 1)

    def blur(planes: Tensor) -> Tensor:
        return functional.conv2d(planes[None], window, padding=5, groups=3)[0]

    w = weights.expand_as(image)
    total, inside = blur(w), blur(torch.ones_like(w))
    safe = torch.where(total > 0, total, 1.0)

    def mean(f: Tensor) -> Tensor:
        return inside * blur(w * f) / safe

    mean_a, mean_b = mean(image), mean(photo)
    var_a, var_b = mean(image**2) - mean_a**2, mean(photo**2) - mean_b**2
    covariance = mean(image * photo) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    ssim = top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return (w * ((1 - ssim_weight) * (image - photo).abs() + ssim_weight * (1 - ssim))).mean()


def pictures(size: tuple[int, int], seed: int = 0) -> tuple[ndarray, ndarray]:
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (3, *size), dtype=np.uint8)
    # Between two 8-bit values, so that |x - y| has no corner at a pixel.
    image = ((np.rint(photo + rng.normal(0, 25, photo.shape)) + 0.5) / 255.0).astype(np.float32)
    return image, photo


def grey(size: tuple[int, int]) -> ndarray:
    """Every weight from 0 to 255, a hole of zeros and one lonely pixel in it."""
    weights = np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8)
    weights[: size[0] // 2, : size[1] // 2] = 0
    weights[0, 0] = 3
    return weights


@pytest.mark.parametrize("size", [(37, 52), (1, 1), (3, 40), (16, 16)])
@pytest.mark.parametrize("ssim_weight", [0.0, 0.2, 1.0])
def test_value_and_gradient(size: tuple[int, int], ssim_weight: float) -> None:
    image, photo = pictures(size)
    weights = grey(size)
    found = weighted_photometric_loss(image, photo, weights, ssim_weight, scratch=Scratch())
    rendered = torch.tensor(image, dtype=torch.float64, requires_grad=True)
    share = torch.tensor(weights, dtype=torch.float64) / 255.0
    expected = twin(rendered, torch.tensor(photo, dtype=torch.float64) / 255.0, share, ssim_weight)
    expected.backward()
    assert found.value == pytest.approx(expected.item(), abs=1e-5)
    wanted = rendered.grad.numpy()
    # A 1x1 picture whose pixel differs has next to no gradient of its SSIM: compare with the loss's scale there.
    assert np.linalg.norm(found.gradient - wanted) <= 1e-3 * np.linalg.norm(wanted) + 1e-7
    assert (found.gradient[:, weights == 0] == 0).all()


def test_the_definition_agrees_with_finite_differences() -> None:
    image, photo = pictures((13, 17), seed=3)
    weights = grey((13, 17))
    share, target = torch.tensor(weights / 255.0), torch.tensor(photo / 255.0)
    exact = np.float64(image)
    gradient = weighted_photometric_loss(image, photo, weights, 0.2, scratch=Scratch()).gradient
    rng, step = np.random.default_rng(0), 1e-6
    for _ in range(30):
        at = tuple(rng.integers(0, side) for side in image.shape)
        up, down = exact.copy(), exact.copy()
        up[at] += step
        down[at] -= step
        slope = (twin(torch.tensor(up), target, share, 0.2) - twin(torch.tensor(down), target, share, 0.2)) / (2 * step)
        assert gradient[at] == pytest.approx(slope.item(), rel=2e-3, abs=1e-7)


@pytest.mark.parametrize("weight", [255, 51])
def test_one_weight_everywhere_scales_the_plain_loss(weight: int) -> None:
    image, photo = pictures((30, 41))
    plain = photometric_loss(image, photo, 0.2)
    found = weighted_photometric_loss(image, photo, np.full((30, 41), weight, np.uint8), 0.2, scratch=Scratch())
    assert found.value == pytest.approx(plain.value * weight / 255, rel=1e-5)
    assert (found.l1, found.ssim) == (pytest.approx(plain.l1, rel=1e-5), pytest.approx(plain.ssim, rel=1e-5))
    error = np.linalg.norm(found.gradient - plain.gradient * np.float32(weight / 255))
    assert error <= 1e-5 * np.linalg.norm(plain.gradient)


def test_nothing_behind_the_mask_is_seen() -> None:
    """Neither the photo nor the render there changes any other pixel's loss, windows or not."""
    image, photo = pictures((40, 40))
    weights = np.full((40, 40), 255, np.uint8)
    weights[10:22, 13:30] = 0
    found = weighted_photometric_loss(image, photo, weights, 0.2, scratch=Scratch())
    image[:, weights == 0] = 7.0
    photo[:, weights == 0] = 255 - photo[:, weights == 0]
    again = weighted_photometric_loss(image, photo, weights, 0.2, scratch=Scratch())
    assert again.value == pytest.approx(found.value, rel=1e-6)
    np.testing.assert_allclose(again.gradient, found.gradient, rtol=1e-4, atol=1e-9)


def test_a_black_mask_says_nothing() -> None:
    image, photo = pictures((20, 20))
    found = weighted_photometric_loss(image, photo, np.zeros((20, 20), np.uint8), 0.2, scratch=Scratch())
    assert (found.value, found.l1, found.ssim) == (0.0, 0.0, 1.0)
    assert (found.gradient == 0).all()
