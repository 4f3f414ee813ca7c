"""Sparse Adam in torch against the numba one, on any gradients."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from tests.recon.cuda.worlds import ball, beginning

from maquette.recon.cuda.adam import DeviceGradients, adam_step
from maquette.recon.cuda.state import from_checkpoint, to_device
from maquette.recon.gaussians import Gaussians
from maquette.recon.optimizer import LearningRates
from maquette.recon.optimizer import adam_step as numba_adam_step
from maquette.recon.rasterize import Gradients

RATES = LearningRates(means=1e-2, log_scales=2e-2, quaternions=3e-2, opacity_logits=4e-2, sh_base=5e-2, sh_rest=6e-2)
CPU = torch.device("cpu")


@pytest.mark.parametrize("opacity_weight", [0.0, 0.5])
def test_three_steps_are_the_numba_engines(opacity_weight: float) -> None:
    rng = np.random.default_rng(3)
    checkpoint = beginning(ball(60))
    state = from_checkpoint(checkpoint, CPU)
    untouched = checkpoint.copy()
    for _ in range(3):
        indices = np.sort(rng.choice(50, 30, replace=False))
        rows = ball(30, seed=int(rng.integers(1000)))
        taken = rng.random(30) < 0.6
        screen = np.where(taken, 0.1, -1.0).astype(np.float32)
        names = [field.name for field in fields(Gaussians)]
        gradients = Gradients(indices, screen, *(getattr(rows, name).copy() for name in names))
        mine = DeviceGradients(
            torch.tensor(indices), to_device(rows, CPU), torch.tensor(screen), torch.tensor(taken), torch.tensor(30)
        )
        numba_adam_step(checkpoint.gaussians, checkpoint.moments, gradients, RATES, opacity_weight=opacity_weight)
        adam_step(state, mine, RATES, opacity_weight=opacity_weight)
    found = state.to_checkpoint()
    assert found.moments.steps == checkpoint.moments.steps == 3
    for name in names:
        for a, b in (
            (found.gaussians, checkpoint.gaussians),
            (found.moments.first, checkpoint.moments.first),
            (found.moments.second, checkpoint.moments.second),
        ):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-4, atol=1e-6, err_msg=name)
        np.testing.assert_array_equal(getattr(found.gaussians, name)[50:], getattr(untouched.gaussians, name)[50:])


def test_harmonics_not_in_use_rest() -> None:
    state = from_checkpoint(beginning(ball(8, sh_degree=2)), CPU)
    before = state.splats.sh.clone()
    rows = to_device(ball(8, seed=1, sh_degree=1), CPU)
    every = torch.ones(8, dtype=torch.bool)
    adam_step(state, DeviceGradients(torch.arange(8), rows, torch.ones(8), every, torch.tensor(8)), RATES)
    assert (state.splats.sh[:, :4] != before[:, :4]).all()
    assert torch.equal(state.splats.sh[:, 4:], before[:, 4:])
    assert not state.first.sh[:, 4:].any()
