"""Which Gaussians several photos agree on: one that a single view draws may hang anywhere along its rays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int32
from numpy import ndarray

from maquette.recon.gaussians import SH_C0, Gaussians
from maquette.recon.photos import training_size
from maquette.recon.rasterize import backward, forward
from maquette.recon.scene import Scene


def views_seeing(
    gaussians: Gaussians,
    scene: Scene,
    view_indices: Sequence[int],
    *,
    downscale: float = 1.0,
    max_side_px: int | None = None,
    least_px: float = 1.0,
) -> Int32[ndarray, " n"]:
    """In how many of the views each Gaussian covers at least ``least_px`` pixels, counted by its blending weight.

    The weight is the sum over a view's pixels of alpha times transmittance (3DGS, equation 3). It is read off the
    backward pass: for a loss that sums one colour plane it is the gradient of that plane's base colour, over SH_C0.
    """
    seen = np.zeros(len(gaussians), np.int32)
    for index in view_indices:
        camera = scene.views[index].camera
        frame = forward(gaussians, camera.resized(*training_size(camera, downscale, max_side_px)))
        plane = np.zeros_like(frame.image)
        plane[1] = 1.0
        gradients = backward(frame, gaussians, plane)
        # A colour that is clamped at zero has no gradient: that Gaussian is black, and counts where it is not.
        weights = gradients.sh[:, 0, 1] / np.float32(SH_C0)
        seen[gradients.indices] += weights >= least_px
    return seen
