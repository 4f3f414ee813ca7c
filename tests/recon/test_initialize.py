"""The first Gaussians stand where the points are, as large as the gaps between them."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.recon.gaussians import SH_C0
from maquette.recon.initialize import gaussians_from_points


def test_a_grid_gives_its_spacing_colour_and_opacity() -> None:
    points = np.stack(np.meshgrid(*[np.arange(4.0) * 0.5] * 3), axis=-1).reshape(-1, 3)
    colors = np.full((len(points), 3), [255, 0, 128], np.uint8)
    gaussians = gaussians_from_points(points, colors, sh_degree=2)
    assert gaussians.sh_degree == 2
    np.testing.assert_allclose(np.exp(gaussians.log_scales), 0.5, rtol=1e-5)
    shown = gaussians.sh[:, 0] * SH_C0 + 0.5
    np.testing.assert_allclose(shown, np.tile([1.0, 0.0, 128 / 255], (len(points), 1)), atol=1e-6)
    np.testing.assert_allclose(1 / (1 + np.exp(-gaussians.opacity_logits)), 0.1, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_coinciding_and_few_points_stay_finite(count: int) -> None:
    points = np.ones((count, 3))
    gaussians = gaussians_from_points(points, np.zeros((count, 3), np.uint8), sh_degree=0)
    assert np.isfinite(gaussians.log_scales).all()
    assert len(gaussians) == count
