"""Weighted contributions against their definition, taken from images that the kernels rendered."""

from __future__ import annotations

import numpy as np
from tests.recon.rasterize.scenes import camera, random_gaussians

from maquette.recon.rasterize import contribution, forward, rasterize


def test_is_the_weighted_sum_of_what_a_gaussian_alone_has_in_the_image() -> None:
    gaussians, view = random_gaussians(40, seed=3, sh_degree=0), camera(50, 37)
    weights = np.random.default_rng(0).standard_normal((37, 50), dtype=np.float32)
    found = contribution(forward(gaussians, view), weights)
    for i in range(len(gaussians)):
        # All others black: the red plane is alpha times transmittance of this one.
        gaussians.sh[:] = -10.0
        gaussians.sh[i] = 0.5 / 0.28209479
        alone = forward(gaussians, view).image[0].astype(np.float64)
        np.testing.assert_allclose(found[i], (alone * weights).sum(), atol=1e-4, rtol=1e-4)
    assert (found != 0).sum() > 10


def test_weights_of_one_give_the_output_of_that_name() -> None:
    gaussians, view = random_gaussians(60, seed=1), camera()
    ones = np.ones((view.height, view.width), np.float32)
    frame = forward(gaussians, view)
    expected = rasterize(gaussians, view, outputs=("contribution",)).contribution
    np.testing.assert_array_equal(contribution(frame, ones), expected)
    assert not contribution(frame, np.zeros_like(ones)).any()
