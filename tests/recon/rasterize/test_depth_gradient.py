"""A loss that looks at the expected depth, as a depth prior does: its gradients beside those of the image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.recon.rasterize.scenes import NAMES, camera, random_gaussians

from maquette.recon.rasterize import backward, depths, forward, twin


@pytest.mark.parametrize("image_weight", [0.0, 1.0])
def test_gradients_of_the_depth(image_weight: float) -> None:
    gaussians, view = random_gaussians(25, seed=21), camera(37, 29)
    rng = np.random.default_rng(4)
    image_gradient = np.float32(image_weight) * rng.standard_normal((3, 29, 37), dtype=np.float32)
    depth_gradient = rng.standard_normal((29, 37), dtype=np.float32)

    frame = forward(gaussians, view)
    depth, _ = depths(frame)
    # Almost empty pixels divide by almost nothing; a prior leaves them out, too.
    depth_gradient[frame.transmittance > 0.9] = 0.0
    found = backward(frame, gaussians, image_gradient, depth=depth, depth_gradient=depth_gradient)

    parameters = [torch.tensor(getattr(gaussians, name), dtype=torch.float64, requires_grad=True) for name in NAMES]
    shown = twin.rasterize(*parameters, view)
    loss = (shown["image"] * torch.tensor(image_gradient.transpose(1, 2, 0).copy())).sum()
    (loss + (shown["depth"] * torch.tensor(depth_gradient)).sum()).backward()
    for name, parameter in zip(NAMES, parameters, strict=True):
        full = np.zeros_like(getattr(gaussians, name))
        full[found.indices] = getattr(found, name)
        wanted = np.zeros_like(full) if parameter.grad is None else parameter.grad.numpy()
        error = np.linalg.norm(full - wanted)
        assert error <= 1e-3 * np.linalg.norm(wanted) + 1e-6, f"{name}: {error} of {np.linalg.norm(wanted)}"


def test_a_depth_gradient_of_zero_changes_nothing() -> None:
    gaussians, view = random_gaussians(40, seed=22), camera()
    frame = forward(gaussians, view)
    gradient = np.random.default_rng(5).standard_normal(frame.image.shape, dtype=np.float32)
    depth, _ = depths(frame)
    plain = backward(frame, gaussians, gradient)
    with_depth = backward(frame, gaussians, gradient, depth=depth, depth_gradient=np.zeros_like(depth))
    for name in (*NAMES, "screen"):
        np.testing.assert_allclose(getattr(plain, name), getattr(with_depth, name), rtol=1e-4, atol=1e-5, err_msg=name)
