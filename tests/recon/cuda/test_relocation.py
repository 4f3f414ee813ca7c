"""Relocation in torch and in numpy: the same splats join the same ones; only the noise is another."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch
from tests.recon.cuda.worlds import ball, beginning

from maquette.recon import relocation as numpy_relocation
from maquette.recon.checkpoint import Checkpoint
from maquette.recon.cuda import relocation
from maquette.recon.cuda.state import DeviceState, from_checkpoint
from maquette.recon.gaussians import Gaussians
from maquette.recon.optimizer import Moments

CPU = torch.device("cpu")


def worked_on() -> Checkpoint:
    """Splats of which some have faded, with moments that are not zero."""
    rng = np.random.default_rng(5)
    model = ball(300, seed=4)
    model.opacity_logits[:] = rng.normal(0, 2, 300)
    model.opacity_logits[::9] = -6.0
    checkpoint = beginning(model, seed=9)
    for moments in (checkpoint.moments.first, checkpoint.moments.second):
        for field in fields(Gaussians):
            getattr(moments, field.name)[...] = 1.0
    return checkpoint


def generator(checkpoint: Checkpoint) -> np.random.Generator:
    rng = np.random.default_rng()
    rng.bit_generator.state = checkpoint.rng_state
    return rng


def assert_same(state: DeviceState, gaussians: Gaussians, moments: Moments, rng: np.random.Generator) -> None:
    found = state.to_checkpoint()
    for a, b in (
        (found.gaussians, gaussians),
        (found.moments.first, moments.first),
        (found.moments.second, moments.second),
    ):
        for field in fields(Gaussians):
            np.testing.assert_allclose(getattr(a, field.name), getattr(b, field.name), rtol=2e-6, atol=2e-6)
    assert found.rng_state == rng.bit_generator.state


def test_moves_the_same_faded_splats_to_the_same_places() -> None:
    checkpoint = worked_on()
    state, rng = from_checkpoint(checkpoint, CPU), generator(checkpoint)
    assert relocation.relocate(state) == 34
    assert numpy_relocation.relocate(checkpoint.gaussians, checkpoint.moments, rng) == 34
    assert_same(state, checkpoint.gaussians, checkpoint.moments, rng)


def test_adds_the_same_splats() -> None:
    checkpoint = worked_on()
    state, rng = from_checkpoint(checkpoint, CPU), generator(checkpoint)
    relocation.extend(state, 120)
    grown, moments = numpy_relocation.extend(checkpoint.gaussians, checkpoint.moments, 120, rng)
    assert len(state.splats) == 420
    assert_same(state, grown, moments, rng)


def test_explores_as_far_and_leaves_the_opaque_alone() -> None:
    checkpoint = worked_on()
    checkpoint.gaussians.opacity_logits[:] = -7.0
    checkpoint.gaussians.opacity_logits[:50] = 1.0
    before = checkpoint.gaussians.means.copy()
    state, rng = from_checkpoint(checkpoint, CPU), generator(checkpoint)
    relocation.explore(state, 30.0)
    numpy_relocation.explore(checkpoint.gaussians, 30.0, rng)
    theirs, ours = state.splats.means.numpy() - before, checkpoint.gaussians.means - before
    assert not theirs[:50].any()
    assert not ours[:50].any()
    sizes = np.exp(2 * checkpoint.gaussians.log_scales[50:]).mean()
    np.testing.assert_allclose([theirs.std() / sizes, ours.std() / sizes], [30 * 0.6, 30 * 0.6], rtol=0.25)
    assert state.rng.bit_generator.state == rng.bit_generator.state


def test_the_same_seed_explores_alike() -> None:
    states = [from_checkpoint(worked_on(), CPU) for _ in range(2)]
    for state in states:
        relocation.explore(state, 30.0)
    assert torch.equal(states[0].splats.means, states[1].splats.means)
