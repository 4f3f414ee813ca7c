"""The absolute gradients of screen means: what they are, and what they are more than plain ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.recon.rasterize.scenes import camera, random_gaussians, straight

from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import Gradients, backward, forward
from maquette.recon.rasterize.blending import SLOT
from maquette.recon.rasterize.scratch import Scratch


def rendered(gaussians: Gaussians, width: int, height: int) -> Gradients:
    view = camera(width, height)
    weights = np.random.default_rng(5).standard_normal((3, height, width), dtype=np.float32)
    return backward(forward(gaussians, view), gaussians, weights)


def test_is_the_sum_of_absolute_slots() -> None:
    gaussians, view, scratch = random_gaussians(300, seed=4), camera(150, 101), Scratch()
    weights = np.random.default_rng(5).standard_normal((3, view.height, view.width), dtype=np.float32)
    frame = forward(gaussians, view)
    found = backward(frame, gaussians, weights, scratch=scratch)
    slots = scratch.empty("slots", (len(frame.tile_pairs), SLOT)).astype(np.float64)
    taken = np.flatnonzero(found.screen >= 0)
    assert len(taken) > 100
    for item in taken:
        a, b, c = -frame.packed[frame.indices[item], 2:5].astype(np.float64) * 2 / np.log2(np.e)
        inverse = np.array([[a, b / 2], [b / 2, c]])
        moments = slots[frame.slot_starts[item] : frame.slot_starts[item + 1], 4:6]
        pulls = np.abs(moments @ inverse).sum(axis=0) * [view.width / 2, view.height / 2]
        np.testing.assert_allclose(found.screen_absolute[item], np.linalg.norm(pulls), rtol=1e-3)


def test_is_the_plain_gradient_where_all_is_one_tile_and_more_elsewhere() -> None:
    gaussians = random_gaussians(60, seed=6)
    alone = rendered(gaussians, 16, 16)
    np.testing.assert_allclose(alone.screen_absolute, alone.screen, rtol=1e-5)
    apart = rendered(gaussians, 60, 40)
    assert (apart.screen_absolute >= apart.screen * np.float32(1 - 1e-5)).all()
    assert (apart.screen_absolute > 1.5 * apart.screen).any()


def test_is_what_each_tile_loses_when_the_mean_moves() -> None:
    """A broad splat of one colour over 2x2 tiles, moved by moving the principal point."""
    view = straight(20, 18)
    splat = random_gaussians(1, seed=2, sh_degree=0)
    splat.means[:] = 0.02, 0.03, 3.0
    splat.log_scales[:] = -0.1, 0.1, 0.0
    splat.opacity_logits[:] = 0.5
    weights = np.random.default_rng(8).standard_normal((3, view.height, view.width), dtype=np.float32)

    def losses(dx: float, dy: float) -> np.ndarray:
        moved = replace(view, cx=view.cx + dx, cy=view.cy + dy)
        each = (forward(splat, moved).image.astype(np.float64) * weights).sum(axis=0)
        return np.add.reduceat(np.add.reduceat(each, [0, 16], axis=0), [0, 16], axis=1)

    step = 0.02
    along_x = np.abs(losses(step, 0) - losses(-step, 0)).sum() / (2 * step)
    along_y = np.abs(losses(0, step) - losses(0, -step)).sum() / (2 * step)
    found = backward(forward(splat, view), splat, weights)
    expected = np.hypot(along_x * view.width / 2, along_y * view.height / 2)
    np.testing.assert_allclose(found.screen_absolute, [expected], rtol=2e-3)
    assert found.screen_absolute[0] > 1.2 * found.screen[0]
