"""Exposures: their gradients, that their mean stays the identity, and that they follow names."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.recon.exposure import exposed, exposure_gradients, exposure_step, no_exposures, rows_of


def test_gradients() -> None:
    rng = np.random.default_rng(1)
    image = rng.random((3, 11, 18), dtype=np.float32)
    gains = rng.uniform(0.8, 1.2, 3).astype(np.float32)
    outer = rng.standard_normal(image.shape, dtype=np.float32)
    np.testing.assert_allclose(exposed(image, gains), gains[:, None, None] * image, rtol=1e-6)
    np.testing.assert_array_equal(exposed(image, np.ones(3, np.float32)), image)
    to_image = outer.copy()
    to_gains = exposure_gradients(image, gains, to_image)
    # The exposed image is linear in both, so the gradients of its inner product with `outer` are exact sums.
    np.testing.assert_allclose(to_image, gains[:, None, None] * outer, rtol=1e-6)
    np.testing.assert_allclose(to_gains, (outer * image).sum(axis=(1, 2)), rtol=1e-4, atol=1e-4)


def test_steps_descend_and_leave_the_mean_of_the_trained_alone() -> None:
    exposures = no_exposures().covering(["a", "b", "c", "d"])
    trained = rows_of(exposures.names, ["d", "a", "c"])
    rng = np.random.default_rng(2)
    for _ in range(20):
        exposure_step(exposures, int(rng.choice(trained)), rng.standard_normal(3), 0.2, trained)
    assert np.abs(exposures.gains[trained] - 1.0).max() > 0.05
    np.testing.assert_allclose(exposures.gains[trained].mean(axis=0), 1.0, atol=1e-6)
    np.testing.assert_array_equal(exposures.gains[1], np.ones(3), "a photo that is not in training stays")
    twice = no_exposures().covering(["a", "b", "c"])
    exposure_step(twice, 0, np.ones(3), 0.2, rows_of(twice.names, ["a", "b", "c", "b"]))
    np.testing.assert_allclose(twice.gains.mean(axis=0), 1.0, atol=1e-6, err_msg="b is seen twice in a pass")
    one = no_exposures().covering(["a", "b"])
    exposure_step(one, 0, np.ones(3), 0.1, rows_of(one.names, ["a", "b"]))
    assert (one.gains[0] < 1.0).all()
    assert one.steps.tolist() == [1, 0]


def test_names_carry_over_in_any_order() -> None:
    first = no_exposures().covering(["b", "a"])
    first.gains[0] *= 2
    later = first.covering(["c", "b", "a"])
    assert later.names == ("b", "a", "c")
    assert rows_of(later.names, ["c", "b"]).tolist() == [2, 0]
    np.testing.assert_array_equal(later.gains, [[2] * 3, [1] * 3, [1] * 3])
    later.gains[0] = 0
    assert first.gains[0, 0] == pytest.approx(2.0), "a copy, not a view"
