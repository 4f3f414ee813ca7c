"""The same bits on any number of threads, and the marks that densification relies on."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from tests.recon.rasterize.scenes import NAMES, camera, random_gaussians

from maquette.recon.rasterize import Frame, Gradients, backward, forward


def run(threads: int) -> tuple[Frame, Gradients]:
    gaussians, view = random_gaussians(5000, seed=12), camera(150, 101)
    gradient = np.random.default_rng(3).standard_normal((3, view.height, view.width), dtype=np.float32)
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        frame = forward(gaussians, view)
        return frame, backward(frame, gaussians, gradient)
    finally:
        numba.set_num_threads(before)


def test_same_bits_on_one_and_two_threads() -> None:
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("this machine lends only one core")
    one, two = run(1), run(2)
    np.testing.assert_array_equal(one[0].image, two[0].image)
    for name in (*NAMES, "screen", "indices"):
        np.testing.assert_array_equal(getattr(one[1], name), getattr(two[1], name), err_msg=name)


def test_hidden_gaussians_are_marked_as_not_taken() -> None:
    gaussians, view = random_gaussians(2, seed=1, sh_degree=0), camera()
    gaussians.means[:] = view.world_from_camera[:3, :3] @ [0, 0, 2] + view.centre
    gaussians.means[1] += (view.world_from_camera[:3, :3] @ [0, 0, 1]).astype(np.float32)
    gaussians = gaussians.subset(np.array([0, 0, 0, 0, 1]))
    gaussians.log_scales[:] = 1.5
    gaussians.log_scales[4] = -3.0
    gaussians.opacity_logits[:] = 15.0
    frame = forward(gaussians, view)
    gradients = backward(frame, gaussians, np.ones((3, view.height, view.width), np.float32))
    assert list(frame.indices) == [0, 1, 2, 3, 4]
    assert gradients.screen[4] == -1.0
    assert not gradients.means[4].any()
    assert (gradients.screen[:2] >= 0).all()
    assert frame.radii_px.shape == (5,)
