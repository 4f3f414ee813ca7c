"""The norm of the gradient of screen means: the sum of the slots, and what the loss really loses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.recon.rasterize.scenes import camera, random_gaussians, straight

from maquette.recon.rasterize import backward, forward
from maquette.recon.rasterize.blending import SLOT
from maquette.recon.rasterize.scratch import Scratch


def test_is_the_norm_of_the_sum_of_slots() -> None:
    gaussians, view, scratch = random_gaussians(300, seed=4), camera(150, 101), Scratch()
    weights = np.random.default_rng(5).standard_normal((3, view.height, view.width), dtype=np.float32)
    frame = forward(gaussians, view)
    found = backward(frame, gaussians, weights, scratch=scratch)
    slots = scratch.empty("slots", (len(frame.tile_pairs), SLOT)).astype(np.float64)
    taken = np.flatnonzero(found.screen >= 0)
    assert len(taken) > 100
    expected = []
    for item in taken:
        a, b, c = -frame.packed[frame.indices[item], 2:5].astype(np.float64) * 2 / np.log2(np.e)
        inverse = np.array([[a, b / 2], [b / 2, c]])
        moments = slots[frame.slot_starts[item] : frame.slot_starts[item + 1], 4:6]
        expected.append(np.linalg.norm((moments @ inverse).sum(axis=0) * [view.width / 2, view.height / 2]))
    np.testing.assert_allclose(found.screen[taken], expected, rtol=1e-3, atol=1e-4 * max(expected))


def test_is_what_the_loss_loses_when_the_mean_moves() -> None:
    """A broad splat of one colour over 2x2 tiles, moved by moving the principal point."""
    view = straight(20, 18)
    splat = random_gaussians(1, seed=2, sh_degree=0)
    splat.means[:] = 0.02, 0.03, 3.0
    splat.log_scales[:] = -0.1, 0.1, 0.0
    splat.opacity_logits[:] = 0.5
    weights = np.random.default_rng(8).standard_normal((3, view.height, view.width), dtype=np.float32)

    def loss(dx: float, dy: float) -> float:
        moved = replace(view, cx=view.cx + dx, cy=view.cy + dy)
        return float((forward(splat, moved).image.astype(np.float64) * weights).sum())

    step = 0.02
    along_x, along_y = (loss(step, 0) - loss(-step, 0)) / (2 * step), (loss(0, step) - loss(0, -step)) / (2 * step)
    found = backward(forward(splat, view), splat, weights)
    expected = np.hypot(along_x * view.width / 2, along_y * view.height / 2)
    np.testing.assert_allclose(found.screen, [expected], rtol=2e-3)
