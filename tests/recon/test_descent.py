"""Backward pass and Adam in one against the two one after the other."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from tests.recon.rasterize.scenes import NAMES, camera, random_gaussians

from maquette.recon.descent import descend
from maquette.recon.gaussians import Gaussians
from maquette.recon.optimizer import LearningRates, Moments, adam_step, zero_moments
from maquette.recon.rasterize import ScreenGradients, backward, depths, forward

RATES = LearningRates(1e-3, 2e-3, 3e-3, 4e-3, 5e-3, 6e-3)
VIEW = camera(97, 65)


def losses() -> tuple[np.ndarray, np.ndarray]:
    """Gradients of a loss with respect to image and depth."""
    rng = np.random.default_rng(3)
    image = rng.standard_normal((3, VIEW.height, VIEW.width), dtype=np.float32)
    return image, rng.standard_normal((VIEW.height, VIEW.width), dtype=np.float32)


def descended(sh_degree: int, used: int, *, steps: int = 3) -> tuple[Gaussians, Moments, ScreenGradients]:
    gaussians = random_gaussians(700, seed=2, sh_degree=sh_degree)
    moments, (image, depth_gradient) = zero_moments(gaussians), losses()
    for _ in range(steps):
        frame = forward(gaussians, VIEW, sh_degree=used)
        depth, _ = depths(frame)
        found = descend(
            frame,
            gaussians,
            moments,
            RATES,
            image,
            opacity_weight=0.3,
            depth=depth,
            depth_gradient=depth_gradient,
        )
    return gaussians, moments, found


@pytest.mark.parametrize(("sh_degree", "used"), [(3, 3), (3, 2), (3, 1), (3, 0), (2, 2), (1, 1), (0, 0)])
def test_is_backward_and_then_adam(sh_degree: int, used: int) -> None:
    mine, my_moments, found = descended(sh_degree, used, steps=1)
    gaussians = random_gaussians(700, seed=2, sh_degree=sh_degree)
    moments, (image, depth_gradient) = zero_moments(gaussians), losses()
    frame = forward(gaussians, VIEW, sh_degree=used)
    depth, _ = depths(frame)
    gradients = backward(frame, gaussians, image, depth=depth, depth_gradient=depth_gradient)
    adam_step(gaussians, moments, gradients, RATES, opacity_weight=0.3)
    assert my_moments.steps == 1
    np.testing.assert_array_equal(found.indices, gradients.indices)
    np.testing.assert_allclose(found.screen, gradients.screen, rtol=1e-5)
    for name in NAMES:
        for a, b in ((my_moments.first, moments.first), (my_moments.second, moments.second)):
            largest = float(np.abs(getattr(b, name)).max())
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-4, atol=1e-6 * largest)
        # Adam's first step is the sign of the gradient: where that is next to nothing, rounding decides.
        sure = np.abs(getattr(moments.first, name)) > 1e-5 * np.abs(getattr(moments.first, name)).max()
        np.testing.assert_allclose(getattr(mine, name)[sure], getattr(gaussians, name)[sure], rtol=1e-5, atol=1e-6)


def test_same_bits_on_one_and_two_threads() -> None:
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("this machine lends only one core")
    before, found = numba.get_num_threads(), []
    try:
        for threads in (1, 2):
            numba.set_num_threads(threads)
            found.append(descended(3, 3))
    finally:
        numba.set_num_threads(before)
    (one, one_moments, one_screen), (two, two_moments, two_screen) = found
    for name in NAMES:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
        np.testing.assert_array_equal(getattr(one_moments.first, name), getattr(two_moments.first, name))
        np.testing.assert_array_equal(getattr(one_moments.second, name), getattr(two_moments.second, name))
    np.testing.assert_array_equal(one_screen.screen, two_screen.screen)


def test_what_no_pixel_took_and_harmonics_not_in_use_rest() -> None:
    gaussians = random_gaussians(300, seed=5)
    gaussians.means[::3, 2] -= 100.0
    gaussians.opacity_logits[1::3] = -9.0
    before, moments = gaussians.subset(np.arange(300)), zero_moments(gaussians)
    moments.first.sh[:] = 1.0
    found = descend(forward(gaussians, VIEW, sh_degree=1), gaussians, moments, RATES, losses()[0])
    taken = found.indices[found.screen >= 0]
    assert set(taken % 3) == {2}
    rest = np.setdiff1d(np.arange(300), taken)
    for name in NAMES:
        np.testing.assert_array_equal(getattr(gaussians, name)[rest], getattr(before, name)[rest])
    np.testing.assert_array_equal(gaussians.sh[:, 6:], before.sh[:, 6:])
    assert (moments.first.sh[:, 6:] == 1.0).all()
    assert (gaussians.means[taken] != before.means[taken]).any(axis=1).all()
