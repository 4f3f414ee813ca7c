"""The fused loss against a torch definition, values and gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from maquette.recon.losses import photometric_loss


def twin(image: Tensor, photo: Tensor, ssim_weight: float) -> Tensor:
    """(1 - l) L1 + l (1 - SSIM), window 11x11, sigma 1.5, zero padded."""
    offsets = torch.arange(-5, 6, dtype=torch.float64)
    line = torch.exp(-(offsets**2) / (2 * 1.5**2))
    line = line / line.sum()
    window = torch.outer(line, line)[None, None].repeat(3, 1, 1, 1)

    def blur(planes: Tensor) -> Tensor:
        return functional.conv2d(planes[None], window, padding=5, groups=3)[0]

    mean_a, mean_b = blur(image), blur(photo)
    var_a, var_b = blur(image**2) - mean_a**2, blur(photo**2) - mean_b**2
    covariance = blur(image * photo) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    ssim = (top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean()
    return (1 - ssim_weight) * (image - photo).abs().mean() + ssim_weight * (1 - ssim)


@pytest.mark.parametrize("size", [(37, 52), (1, 1), (3, 40), (16, 16)])
@pytest.mark.parametrize("ssim_weight", [0.0, 0.2, 1.0])
def test_value_and_gradient(size: tuple[int, int], ssim_weight: float) -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (3, *size), dtype=np.uint8)
    # Between two 8-bit values, so that |x - y| has no corner at a pixel.
    noise = rng.normal(0, 25, photo.shape)
    image = ((np.rint(photo + noise) + 0.5) / 255.0).astype(np.float32)
    found = photometric_loss(image, photo, ssim_weight)
    rendered = torch.tensor(image, dtype=torch.float64, requires_grad=True)
    expected = twin(rendered, torch.tensor(photo, dtype=torch.float64) / 255.0, ssim_weight)
    expected.backward()
    assert found.value == pytest.approx(expected.item(), abs=1e-5)
    wanted = rendered.grad.numpy()
    assert np.linalg.norm(found.gradient - wanted) <= 1e-3 * np.linalg.norm(wanted)


def test_equal_images_cost_nothing() -> None:
    photo = np.random.default_rng(1).integers(0, 256, (3, 20, 30), dtype=np.uint8)
    found = photometric_loss((photo / np.float32(255)).astype(np.float32), photo)
    assert found.value == pytest.approx(0.0, abs=1e-5)
    assert found.ssim == pytest.approx(1.0, abs=1e-5)
