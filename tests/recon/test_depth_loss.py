"""The depth prior's loss against its definition and finite differences, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy import ndarray

from maquette.recon.depth_loss import depth_loss

RADIUS = 2.5


def definition(
    depth: ndarray, transmittance: ndarray, inverse: ndarray, weights: ndarray | None, radius: float
) -> float:
    """Sum of w |r / D - r p| over all pixels' number, where p is known and opacity is half."""
    total = 0.0
    for at in np.ndindex(depth.shape):
        if inverse[at] > 0 and depth[at] > 0 and 1 - transmittance[at] >= 0.5:
            weight = 1.0 if weights is None else weights[at] / 255
            total += weight * abs(radius / float(depth[at]) - radius * float(inverse[at]))
    return total / depth.size


def case(seed: int = 0) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.5, 8.0, (9, 14)).astype(np.float32)
    depth[0, :3] = 0.0
    transmittance = rng.uniform(0, 1, (9, 14)).astype(np.float32)
    inverse = (1 / rng.uniform(0.5, 8.0, (9, 14))).astype(np.float32)
    inverse[rng.uniform(size=(9, 14)) < 0.3] = 0.0
    return depth, transmittance, inverse, rng.integers(0, 256, (9, 14), dtype=np.uint8)


@pytest.mark.parametrize("masked", [False, True])
def test_value_and_gradient(masked: bool) -> None:
    depth, transmittance, inverse, grey = case()
    weights = grey if masked else None
    found = depth_loss(depth, transmittance, inverse, RADIUS, weights=weights)
    assert found.value == pytest.approx(definition(depth, transmittance, inverse, weights, RADIUS), rel=1e-5)
    exact, step = np.float64(depth), 1e-5
    for at in np.ndindex(depth.shape):
        up, down = exact.copy(), exact.copy()
        up[at] += step
        down[at] = max(0.0, down[at] - step)
        slope = definition(up, transmittance, inverse, weights, RADIUS)
        slope -= definition(down, transmittance, inverse, weights, RADIUS)
        if exact[at] > 0:
            assert found.gradient[at] == pytest.approx(slope / (2 * step), rel=1e-3, abs=1e-9)
    silent = (inverse == 0) | (transmittance > 0.5) | (depth == 0)
    assert silent.any()
    assert (found.gradient[silent] == 0).all()


def test_units_do_not_matter() -> None:
    depth, transmittance, inverse, _ = case(1)
    metres = depth_loss(depth, transmittance, inverse, RADIUS)
    feet = depth_loss(depth * np.float32(4), transmittance, inverse / np.float32(4), RADIUS * 4)
    assert feet.value == pytest.approx(metres.value, rel=1e-6)
    np.testing.assert_allclose(feet.gradient * 4, metres.gradient, rtol=1e-5)
