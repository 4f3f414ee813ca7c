"""Strategies in training: what they do to the number of Gaussians, that they learn, and that they resume to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.recon.test_train import SETTINGS, assert_same, last, scene

from maquette.recon.evaluate import evaluate
from maquette.recon.scene import Scene
from maquette.recon.schedule import budget_at, noise_at, relocates_at
from maquette.recon.train import train
from maquette.recon.train_settings import BadTrainSettingsError, TrainSettings

__all__ = ["scene"]

MCMC = replace(SETTINGS, strategy="mcmc", iterations=200, max_gaussians=400, opacity_weight=0.01)


def test_mcmc_fills_its_budget_step_by_step_and_never_beyond(scene: Scene) -> None:
    counts = [step.gaussian_count for step in train(scene, MCMC)]
    assert counts == sorted(counts), "nothing is dropped, only moved"
    assert len(set(counts)) > 5
    at_end_of_growth = round(MCMC.densify_until * MCMC.iterations)
    assert set(counts[at_end_of_growth:]) == {400}


def test_mcmc_learns_views_it_never_saw(scene: Scene) -> None:
    found = evaluate(last(train(scene, replace(MCMC, iterations=600))).gaussians, scene, scene.held_out)
    assert np.mean([metric.psnr for metric in found]) > 22


def test_mcmc_stopped_and_resumed_gives_the_same_bits(scene: Scene) -> None:
    whole = last(train(scene, MCMC)).checkpoint()
    steps = train(scene, MCMC)
    for step in steps:
        if step.iteration == 97:
            half = step.checkpoint()
            break
    resumed = last(train(scene, MCMC, start=half)).checkpoint()
    assert_same(whole, resumed)


def test_the_budget_grows_by_equal_factors() -> None:
    settings = TrainSettings(strategy="mcmc", iterations=1000, densify_every=100, max_gaussians=64_000)
    counts = [1000]
    for iteration in range(100, 1001, 100):
        assert relocates_at(settings, iteration) == (iteration <= 850)
        counts.append(budget_at(settings, iteration, counts[-1]))
    factors = np.array(counts[1:7]) / np.array(counts[:6])
    np.testing.assert_allclose(factors, 2.0, rtol=0.01)
    assert counts[6:] == [64_000] * 5
    assert budget_at(settings, 100, 70_000) == 70_000, "what is there already stays"


def test_exploring_fades_with_the_step_sizes_and_ends() -> None:
    settings = TrainSettings(strategy="mcmc", iterations=1000)
    strengths = [noise_at(settings, iteration) for iteration in (1, 500, 850, 851)]
    assert strengths[0] > strengths[1] > strengths[2] > 0 == strengths[3]
    assert noise_at(replace(settings, strategy="default"), 1) == 0.0


def test_an_unknown_strategy_is_refused() -> None:
    settings = TrainSettings()
    object.__setattr__(settings, "strategy", "magic")  # as it may come out of a stored record
    with pytest.raises(BadTrainSettingsError, match="no strategy 'magic'"):
        settings.checked()
