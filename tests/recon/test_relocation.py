"""Relocation: what is joined keeps the picture, what is faint moves, what is opaque stays."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from tests.recon.rasterize.scenes import random_gaussians, straight

from maquette.recon.gaussians import Gaussians
from maquette.recon.optimizer import Moments, zero_moments
from maquette.recon.rasterize import forward
from maquette.recon.relocation import (
    DEAD_OPACITY,
    choose,
    explore,
    extend,
    opacities,
    relocate,
    share,
    shared_between,
)


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def busy_moments(gaussians: Gaussians) -> Moments:
    moments = zero_moments(gaussians)
    for part in (moments.first, moments.second):
        for field in fields(part):
            getattr(part, field.name)[:] = 1.0
    return moments


@pytest.mark.parametrize("opacity", [0.02, 0.3, 0.9, 0.99])
@pytest.mark.parametrize("together", [1, 2, 3, 10])
def test_those_that_share_take_as_much_light_as_one(opacity: float, together: int) -> None:
    each, factor = shared_between(np.array([opacity]), np.array([together]))
    along = np.linspace(-12, 12, 20_001)
    one = opacity * np.exp(-(along**2) / 2)
    many = 1 - (1 - each[0] * np.exp(-((along / factor[0]) ** 2) / 2)) ** together
    assert many.sum() == pytest.approx(one.sum(), rel=1e-3)
    assert many.max() == pytest.approx(opacity, rel=1e-6)


def test_more_than_can_be_told_apart_still_gives_numbers() -> None:
    each, factor = shared_between(np.array([0.5, 0.999]), np.array([51, 5000]))
    assert np.isfinite(each).all()
    assert (factor > 0).all()


def test_adding_gaussians_hardly_changes_the_picture() -> None:
    rng = np.random.default_rng(3)
    gaussians = random_gaussians(60, 3)
    camera = straight(64, 48)
    before = forward(gaussians, camera).image.copy()
    grown, moments = extend(gaussians, busy_moments(gaussians), 40, rng)
    assert len(grown) == len(moments.first) == 100
    after = forward(grown, camera).image
    assert np.sqrt(np.mean((after - before) ** 2)) < 0.03
    assert not moments.first.means[60:].any()
    changed = ~np.isclose(moments.first.opacity_logits[:60], 1.0)
    assert 0 < changed.sum() < 60, "those that were joined forget their moments, the others do not"
    assert opacities(grown.opacity_logits).min() >= DEAD_OPACITY - 1e-6


def test_nothing_to_add_changes_nothing() -> None:
    gaussians = random_gaussians(5)
    same, _ = extend(gaussians, zero_moments(gaussians), 0, np.random.default_rng(0))
    assert same is gaussians


def test_the_dead_move_to_the_living() -> None:
    rng = np.random.default_rng(5)
    gaussians = random_gaussians(50, 5)
    gaussians.opacity_logits[:] = logit(0.4)
    dead = np.array([0, 7, 31])
    gaussians.opacity_logits[dead] = logit(0.004)
    places = gaussians.means.copy()
    moments = busy_moments(gaussians)
    assert relocate(gaussians, moments, rng) == 3
    assert (opacities(gaussians.opacity_logits) > DEAD_OPACITY).all()
    living = np.delete(np.arange(50), dead)
    for row in dead:
        assert (gaussians.means[row] == places[living]).all(axis=1).any()
        assert not moments.second.sh[row].any()
    np.testing.assert_array_equal(gaussians.means[living], places[living])


@pytest.mark.parametrize("opacity", [0.004, 0.9])
def test_all_dead_or_none_moves_nothing(opacity: float) -> None:
    gaussians = random_gaussians(8, 1)
    gaussians.opacity_logits[:] = logit(opacity)
    assert relocate(gaussians, zero_moments(gaussians), np.random.default_rng(0)) == 0


def test_a_gaussian_joined_twice_is_shared_between_three() -> None:
    shares = share(np.full(4, 0.657), np.array([1, 1, 3]))
    assert shares.parents.tolist() == [1, 3]
    np.testing.assert_allclose(opacities(shares.opacity_logits), [1 - 0.343 ** (1 / 3), 1 - 0.343**0.5], rtol=1e-5)
    assert (shares.log_scale_shifts < 0).all() or (shares.log_scale_shifts > 0).all()


def test_draws_are_in_proportion_and_leave_out_the_faded() -> None:
    joined = choose(np.array([0.2, 0.004, 0.6]), 40_000, np.random.default_rng(0)).joined
    np.testing.assert_allclose(np.bincount(joined, minlength=3) / 40_000, [0.25, 0.0, 0.75], atol=0.01)


def test_the_faint_explore_along_their_own_shape_and_the_opaque_stay() -> None:
    gaussians = random_gaussians(4000, 4)
    gaussians.opacity_logits[:] = logit(0.001)
    gaussians.opacity_logits[::2] = logit(0.5)
    gaussians.log_scales[:] = np.log([1.0, 0.1, 0.1])
    gaussians.quaternions[:] = [np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)]  # the long axis along y
    before = gaussians.means.copy()
    explore(gaussians, 0.5, np.random.default_rng(9))
    moved = gaussians.means - before
    assert not moved[::2].any()
    gate = 1 / (1 + np.exp(100 * (0.001 - 0.005)))
    np.testing.assert_allclose(moved[1::2].std(axis=0), 0.5 * gate * np.array([0.01, 1.0, 0.01]), rtol=0.06)


def test_exploring_draws_one_number_however_many_explore() -> None:
    streams = []
    for count in (3, 300):
        rng = np.random.default_rng(1)
        explore(random_gaussians(count), 1.0, rng)
        streams.append(rng.random())
    assert streams[0] == streams[1]
