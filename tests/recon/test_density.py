"""Clone, split, prune, reset: what stays, what is new, and that the moments keep step."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.recon.density import Statistics, accumulate, densify, empty_statistics, prune, reset_opacity, rotations
from maquette.recon.gaussians import Gaussians
from maquette.recon.optimizer import Moments, zero_moments
from maquette.recon.rasterize import Gradients


def model(count: int = 6) -> tuple[Gaussians, Moments]:
    rng = np.random.default_rng(0)
    gaussians = Gaussians(
        means=rng.standard_normal((count, 3), dtype=np.float32),
        log_scales=np.full((count, 3), np.log(0.01), np.float32),
        quaternions=rng.standard_normal((count, 4), dtype=np.float32),
        opacity_logits=np.zeros(count, np.float32),
        sh=rng.standard_normal((count, 4, 3), dtype=np.float32),
    )
    moments = zero_moments(gaussians)
    moments.first.means[:] = np.arange(count)[:, None] + 1
    return gaussians, moments


def statistics(sums: list[float], views: int = 2) -> Statistics:
    return Statistics(np.array(sums, np.float32), np.full(len(sums), views, np.int32))


def grow(gaussians: Gaussians, moments: Moments, stats: Statistics, cap: int = 100) -> tuple[Gaussians, Moments]:
    return densify(
        gaussians,
        moments,
        stats,
        threshold=1.0,
        split_above=0.1,
        max_gaussians=cap,
        rng=np.random.default_rng(1),
    )


def test_small_ones_are_cloned() -> None:
    gaussians, moments = model()
    grown, kept = grow(gaussians, moments, statistics([0, 4, 0, 0, 0, 0]))
    assert len(grown) == 7
    np.testing.assert_array_equal(grown.means[:6], gaussians.means)
    np.testing.assert_array_equal(grown.means[6], gaussians.means[1])
    assert list(kept.first.means[:, 0]) == [1, 2, 3, 4, 5, 6, 0]


def test_large_ones_are_split_inside_themselves() -> None:
    gaussians, moments = model()
    gaussians.log_scales[2] = np.log([1.0, 1e-6, 1e-6])
    grown, kept = grow(gaussians, moments, statistics([0, 0, 4, 0, 0, 0]))
    assert len(grown) == 7
    assert list(kept.first.means[:, 0]) == [1, 2, 4, 5, 6, 0, 0]
    np.testing.assert_allclose(grown.log_scales[5:], gaussians.log_scales[[2, 2]] - np.log(1.6), atol=1e-6)
    along = rotations(gaussians.quaternions[2:3])[0][:, 0]
    for child in grown.means[5:]:
        offset = child - gaussians.means[2]
        # The parent is a needle: its children lie on its axis.
        assert np.linalg.norm(offset - along * (offset @ along)) < 1e-4
        assert 0 < np.linalg.norm(offset) < 5


def test_the_cap_keeps_the_largest_gradients() -> None:
    gaussians, moments = model()
    grown, _ = grow(gaussians, moments, statistics([3, 9, 4, 8, 5, 0]), cap=8)
    assert len(grown) == 8
    np.testing.assert_array_equal(grown.means[6:], gaussians.means[[1, 3]])
    assert len(grow(gaussians, moments, statistics([9] * 6), cap=6)[0]) == 6


def test_unseen_gaussians_do_not_grow() -> None:
    gaussians, moments = model()
    assert len(grow(gaussians, moments, empty_statistics(6))[0]) == 6


def test_statistics_count_only_views_that_took_the_gaussian() -> None:
    stats = empty_statistics(3)
    gradients = Gradients(
        indices=np.array([0, 2]),
        means=np.zeros((2, 3), np.float32),
        log_scales=np.zeros((2, 3), np.float32),
        quaternions=np.zeros((2, 4), np.float32),
        opacity_logits=np.zeros(2, np.float32),
        sh=np.zeros((2, 1, 3), np.float32),
        screen=np.array([0.5, -1.0], np.float32),
    )
    accumulate(stats, gradients)
    accumulate(stats, gradients)
    assert list(stats.gradient_sum) == [1.0, 0.0, 0.0]
    assert list(stats.views) == [2, 0, 0]


def test_prune_drops_faint_and_huge_ones_but_never_all() -> None:
    gaussians, moments = model()
    gaussians.opacity_logits[0] = -9.0
    gaussians.log_scales[3, 1] = np.log(7.0)
    kept, state = prune(gaussians, moments, min_opacity=0.005, max_scale=5.0)
    assert list(state.first.means[:, 0]) == [2, 3, 5, 6]
    assert len(kept) == 4
    gaussians.opacity_logits[:] = [-9, -9, -8, -9, -9, -9]
    alone, state = prune(gaussians, moments, min_opacity=0.005, max_scale=5.0)
    assert len(alone) == 1
    assert state.first.means[0, 0] == 3


def test_reset_opacity_lowers_and_forgets() -> None:
    gaussians, moments = model()
    gaussians.opacity_logits[:] = [3, 2, 1, -7, 0, 5]
    moments.second.opacity_logits[:] = 1.0
    reset_opacity(gaussians, moments, ceiling=0.01)
    opacities = 1 / (1 + np.exp(-gaussians.opacity_logits.astype(np.float64)))
    assert opacities[[0, 1, 2, 4, 5]] == pytest.approx(0.01, rel=1e-5)
    assert gaussians.opacity_logits[3] == -7.0
    assert not moments.second.opacity_logits.any()
