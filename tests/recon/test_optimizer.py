"""Sparse Adam against torch's, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import torch

from maquette.recon.gaussians import Gaussians
from maquette.recon.optimizer import LearningRates, adam_step, moments_from_arrays, zero_moments
from maquette.recon.rasterize import Gradients

NAMES = ("means", "log_scales", "quaternions", "opacity_logits", "sh")


def model(count: int, seed: int) -> Gaussians:
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    return Gaussians(normal(count, 3), normal(count, 3), normal(count, 4), normal(count), normal(count, 9, 3))


def gradients_for(indices: list[int], seed: int) -> Gradients:
    parts = model(len(indices), seed)
    return Gradients(
        indices=np.array(indices, np.int64),
        **{name: getattr(parts, name) for name in NAMES},
        screen=np.ones(len(indices), np.float32),
    )


def test_equals_torch_where_all_is_visible() -> None:
    gaussians = model(7, seed=0)
    rates = LearningRates(1e-2, 2e-2, 3e-2, 4e-2, 5e-2, 5e-2)
    tensors = {name: torch.tensor(getattr(gaussians, name), dtype=torch.float64) for name in NAMES}
    adam = torch.optim.Adam(
        [
            {"params": [tensors[name]], "lr": rate}
            for name, rate in zip(NAMES, (1e-2, 2e-2, 3e-2, 4e-2, 5e-2), strict=True)
        ],
        eps=1e-15,
    )
    moments = zero_moments(gaussians)
    for step in range(5):
        gradients = gradients_for(list(range(7)), seed=10 + step)
        for name in NAMES:
            tensors[name].grad = torch.tensor(getattr(gradients, name), dtype=torch.float64)
        adam.step()
        adam_step(gaussians, moments, gradients, rates)
    for name in NAMES:
        np.testing.assert_allclose(getattr(gaussians, name), tensors[name].numpy(), atol=2e-5)


def test_base_colour_and_rest_have_their_own_rates() -> None:
    gaussians, before = model(3, seed=1), model(3, seed=1)
    adam_step(
        gaussians, zero_moments(gaussians), gradients_for([0, 1, 2], 2), LearningRates(0.0, 0.0, 0.0, 0.0, 0.5, 0.0)
    )
    assert not np.array_equal(gaussians.sh[:, 0], before.sh[:, 0])
    np.testing.assert_array_equal(gaussians.sh[:, 1:], before.sh[:, 1:])
    np.testing.assert_array_equal(gaussians.means, before.means)


def test_unseen_and_untaken_gaussians_stay() -> None:
    gaussians, before = model(5, seed=3), model(5, seed=3)
    gradients = gradients_for([1, 3], seed=4)
    gradients.screen[1] = -1.0
    moments = zero_moments(gaussians)
    adam_step(gaussians, moments, gradients, LearningRates(0.1))
    changed = (gaussians.means != before.means).any(axis=1)
    assert list(changed) == [False, True, False, False, False]
    assert not moments.second.sh[[0, 2, 3, 4]].any()


def test_a_photo_that_shows_no_gaussian_changes_none() -> None:
    gaussians, before = model(3, seed=5), model(3, seed=5)
    adam_step(gaussians, zero_moments(gaussians), gradients_for([], seed=6), LearningRates(0.1))
    for name in NAMES:
        np.testing.assert_array_equal(getattr(gaussians, name), getattr(before, name))


def test_opacity_weight_pulls_opacities_down() -> None:
    gaussians, before = model(3, seed=7), model(3, seed=7)
    gradients = gradients_for([0, 1, 2], seed=8)
    gradients.opacity_logits[:] = 0.0
    adam_step(gaussians, zero_moments(gaussians), gradients, LearningRates(0.0), opacity_weight=0.3)
    opacity = 1 / (1 + np.exp(-before.opacity_logits))
    np.testing.assert_allclose(gradients.opacity_logits, 0.1 * opacity * (1 - opacity), rtol=1e-5)
    assert (gaussians.opacity_logits < before.opacity_logits).all()


def test_moments_survive_the_round_trip() -> None:
    gaussians = model(4, seed=5)
    moments = zero_moments(gaussians)
    adam_step(gaussians, moments, gradients_for([0, 2], seed=6), LearningRates(0.1))
    again = moments_from_arrays(moments.as_arrays())
    assert again.steps == 1
    for name in NAMES:
        np.testing.assert_array_equal(getattr(again.first, name), getattr(moments.first, name))
        np.testing.assert_array_equal(getattr(again.second, name), getattr(moments.second, name))
