"""The torch loss against the numba one, and its gradient against autograd's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maquette.recon import depth_loss as numba_depth
from maquette.recon import losses
from maquette.recon.cuda.loss import C1, C2, depth_loss, photometric_loss, windowed
from maquette.recon.rasterize.scratch import Scratch
from maquette.recon.weighted_loss import weighted_photometric_loss


def pair(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A smooth photo and a render that is off by some noise, partly beyond 0 to 1."""
    rng = np.random.default_rng(height * width)
    y, x = np.mgrid[0:height, 0:width]
    smooth = 0.5 + 0.5 * np.sin(0.3 * x + 0.2 * y)[None] * np.array([1, 0.5, -0.8])[:, None, None]
    render = smooth + rng.normal(0, 0.2, smooth.shape)
    return render.astype(np.float32), np.rint(255 * smooth).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(40, 57), (5, 300), (16, 16), (1, 1)])
@pytest.mark.parametrize("weight", [0.0, 0.2, 1.0])
def test_equals_the_numba_loss(size: tuple[int, int], weight: float) -> None:
    image, photo = pair(*size)
    wanted = losses.photometric_loss(image, photo, weight)
    found = photometric_loss(torch.from_numpy(image), torch.from_numpy(photo), weight)
    assert float(found.value) == pytest.approx(wanted.value, abs=1e-5)
    scale = np.abs(wanted.gradient).max()
    np.testing.assert_allclose(found.gradient.numpy(), wanted.gradient, rtol=1e-3, atol=1e-4 * scale)


def test_gradient_is_that_of_the_value() -> None:
    image, photo = pair(23, 31)
    a = torch.tensor(image, dtype=torch.float64, requires_grad=True)
    b = torch.tensor(photo / 255.0)
    # windowed() is linear; in float64 autograd walks back through the same windows.
    kernel = torch.tensor(np.outer(losses.WINDOW, losses.WINDOW), dtype=torch.float64)[None, None]

    def window(planes: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(planes[:, None], kernel, padding=losses.REACH)[:, 0]

    ma, mb = window(a), window(b)
    covariance, spread = window(a * b) - ma * mb, window(a * a) - ma * ma + window(b * b) - mb * mb
    ssim = (2 * ma * mb + C1) * (2 * covariance + C2) / ((ma * ma + mb * mb + C1) * (spread + C2))
    (0.8 * (a - b).abs().mean() + 0.2 * (1 - ssim.mean())).backward()
    found = photometric_loss(torch.from_numpy(image), torch.from_numpy(photo), 0.2)
    np.testing.assert_allclose(found.gradient.numpy(), a.grad.numpy(), rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(windowed(torch.from_numpy(image)).numpy(), window(a).detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("size", [(40, 57), (5, 90), (1, 1)])
def test_equals_the_numba_loss_under_a_mask(size: tuple[int, int]) -> None:
    image, photo = pair(*size)
    weights = np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8)
    weights[: size[0] // 2, : size[1] // 2] = 0
    wanted = weighted_photometric_loss(image, photo, weights, 0.2, scratch=Scratch())
    found = photometric_loss(*(torch.from_numpy(array) for array in (image, photo)), 0.2, torch.from_numpy(weights))
    assert float(found.value) == pytest.approx(wanted.value, abs=1e-5)
    scale = np.abs(wanted.gradient).max()
    np.testing.assert_allclose(found.gradient.numpy(), wanted.gradient, rtol=1e-3, atol=1e-4 * scale)


def test_the_depth_loss_equals_the_numba_one() -> None:
    rng = np.random.default_rng(2)
    depth = rng.uniform(0.5, 8, (12, 17)).astype(np.float32)
    depth[0] = 0
    alpha = rng.uniform(0, 1, (12, 17)).astype(np.float32)
    inverse = np.where(rng.uniform(size=(12, 17)) < 0.3, 0, 1 / rng.uniform(0.5, 8, (12, 17))).astype(np.float32)
    weights = rng.integers(0, 256, (12, 17), dtype=np.uint8)
    for mask in (None, weights):
        wanted = numba_depth.depth_loss(depth, np.float32(1) - alpha, inverse, 1.7, weights=mask)
        leaf = torch.tensor(depth, requires_grad=True)
        given = None if mask is None else torch.from_numpy(mask)
        found = depth_loss(leaf, torch.from_numpy(alpha), torch.from_numpy(inverse), 1.7, given)
        found.backward()
        assert found.item() == pytest.approx(wanted.value, rel=1e-5)
        np.testing.assert_allclose(leaf.grad.numpy(), wanted.gradient, rtol=1e-4, atol=1e-8)
