"""Density control in torch and in numpy: the same splats in the same order from the same statistics."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from tests.recon.cuda.worlds import ball, beginning

from maquette.recon import density as numpy_density
from maquette.recon.checkpoint import Checkpoint
from maquette.recon.cuda import density
from maquette.recon.cuda.adam import DeviceGradients
from maquette.recon.cuda.state import DeviceState, from_checkpoint, to_device
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import Gradients

CPU = torch.device("cpu")


def worked_on() -> Checkpoint:
    """Splats of many sizes and opacities with statistics and moments that are not zero."""
    rng = np.random.default_rng(5)
    model = ball(300, seed=4)
    model.log_scales += rng.normal(0, 0.8, (300, 1)).astype(np.float32)
    model.opacity_logits *= np.float32(4)
    checkpoint = beginning(model, seed=9)
    checkpoint.statistics.gradient_sum[:] = rng.exponential(1e-3, 300)
    checkpoint.statistics.views[:] = rng.integers(0, 4, 300)
    for moments in (checkpoint.moments.first, checkpoint.moments.second):
        for field in fields(Gaussians):
            array = getattr(moments, field.name)
            array[...] = rng.uniform(0.1, 1.0, array.shape)
    return checkpoint


def assert_same(state: DeviceState, gaussians: Gaussians, moments: numpy_density.Moments) -> None:
    found = state.to_checkpoint()
    for a, b in (
        (found.gaussians, gaussians),
        (found.moments.first, moments.first),
        (found.moments.second, moments.second),
    ):
        for field in fields(Gaussians):
            np.testing.assert_allclose(getattr(a, field.name), getattr(b, field.name), rtol=2e-6, atol=2e-6)


def test_counts_what_a_view_took() -> None:
    checkpoint = worked_on()
    state, rng = from_checkpoint(checkpoint, CPU), np.random.default_rng(2)
    indices = np.sort(rng.choice(300, 120, replace=False))
    taken, rows = rng.random(120) < 0.7, ball(120)
    norms = rng.exponential(1e-3, 120).astype(np.float32)
    parts = [getattr(rows, field.name) for field in fields(Gaussians)]
    screen = np.where(taken, norms, -1.0).astype(np.float32)
    numpy_density.accumulate(checkpoint.statistics, Gradients(indices, screen, *parts))
    density.accumulate(
        state,
        DeviceGradients(
            torch.tensor(indices), to_device(rows, CPU), torch.tensor(norms), torch.tensor(taken), torch.tensor(120)
        ),
    )
    found = state.to_checkpoint().statistics
    np.testing.assert_array_equal(found.views, checkpoint.statistics.views)
    np.testing.assert_allclose(found.gradient_sum, checkpoint.statistics.gradient_sum, rtol=1e-6)


@pytest.mark.parametrize("cap", [10_000, 340, 300, 100])
def test_clones_splits_and_prunes_the_same(cap: int) -> None:
    checkpoint = worked_on()
    state, rng = from_checkpoint(checkpoint, CPU), np.random.default_rng()
    rng.bit_generator.state = checkpoint.rng_state
    limits = {"threshold": 4e-4, "split_above": 0.12, "max_gaussians": cap}
    grown, moments = numpy_density.densify(
        checkpoint.gaussians, checkpoint.moments, checkpoint.statistics, rng=rng, **limits
    )
    density.densify(state, **limits)
    assert_same(state, grown, moments)
    assert state.rng.bit_generator.state == rng.bit_generator.state
    if cap == 10_000:
        assert len(grown) > 400
    assert len(grown) <= max(cap, 300)

    kept, moments = numpy_density.prune(grown, moments, min_opacity=0.1, max_scale=0.5)
    density.prune(state, min_opacity=0.1, max_scale=0.5)
    assert_same(state, kept, moments)
    assert 0 < len(kept) < len(grown)
    density.forget_statistics(state)
    assert len(state.gradient_sum) == len(state.views) == len(kept)
    assert state.views.dtype == torch.int32


def test_one_splat_always_stays() -> None:
    state = from_checkpoint(worked_on(), CPU)
    best = float(state.splats.opacity_logits.max())
    density.prune(state, min_opacity=0.999999, max_scale=1e-9)
    assert state.splats.opacity_logits.tolist() == [best]
    assert len(state.first) == len(state.second) == 1


def test_opacity_reset_is_the_same() -> None:
    checkpoint = worked_on()
    state = from_checkpoint(checkpoint, CPU)
    density.reset_opacity(state, ceiling=0.01)
    numpy_density.reset_opacity(checkpoint.gaussians, checkpoint.moments, ceiling=0.01)
    assert_same(state, checkpoint.gaussians, checkpoint.moments)
    assert float(torch.sigmoid(state.splats.opacity_logits).max()) == pytest.approx(0.01, rel=1e-5)
