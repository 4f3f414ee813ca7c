"""The same bits on any number of threads, and the marks that densification relies on."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from tests.recon.rasterize.scenes import NAMES, camera, random_gaussians

from maquette.recon.rasterize import OUTPUTS, backward, depths, forward, rasterize


def everything(threads: int) -> dict[str, np.ndarray]:
    """All outputs and all gradients of a scene, by name."""
    gaussians, view = random_gaussians(5000, seed=12), camera(150, 101)
    rng = np.random.default_rng(3)
    gradient = rng.standard_normal((3, view.height, view.width), dtype=np.float32)
    depth_gradient = rng.standard_normal((view.height, view.width), dtype=np.float32)
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        found = dict(rasterize(gaussians, view, outputs=OUTPUTS).outputs)
        frame = forward(gaussians, view)
        depth, _ = depths(frame)
        for kind, gradients in (
            ("", backward(frame, gaussians, gradient)),
            ("with depth: ", backward(frame, gaussians, gradient, depth=depth, depth_gradient=depth_gradient)),
        ):
            found |= {f"{kind}d_{name}": getattr(gradients, name) for name in (*NAMES, "screen", "indices")}
    finally:
        numba.set_num_threads(before)
    return found


def test_same_bits_on_one_and_two_threads() -> None:
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("this machine lends only one core")
    one, two = everything(1), everything(2)
    assert set(one) >= {*OUTPUTS, "d_sh", "with depth: d_means"}
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_hidden_gaussians_are_marked_as_not_taken() -> None:
    gaussians, view = random_gaussians(2, seed=1, sh_degree=0), camera()
    gaussians.means[:] = view.world_from_camera[:3, :3] @ [0, 0, 2] + view.centre
    gaussians.means[1] += (view.world_from_camera[:3, :3] @ [0, 0, 1]).astype(np.float32)
    gaussians = gaussians.subset(np.array([0, 0, 0, 0, 1]))
    gaussians.log_scales[:] = 1.5
    gaussians.log_scales[4] = -3.0
    gaussians.opacity_logits[:] = 15.0
    frame = forward(gaussians, view)
    gradients = backward(frame, gaussians, np.ones((3, view.height, view.width), np.float32))
    assert list(frame.indices) == [0, 1, 2, 3, 4]
    assert gradients.screen[4] == -1.0
    assert not gradients.means[4].any()
    assert (gradients.screen[:2] >= 0).all()
