"""Which Gaussians several photos agree on: one that a single view draws may hang anywhere along its rays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int32
from numpy import ndarray

from maquette.recon.gaussians import Gaussians
from maquette.recon.photos import training_size
from maquette.recon.rasterize import rasterize
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

    The weight is the sum over a view's pixels of alpha times transmittance (3DGS, equation 3).
    """
    seen = np.zeros(len(gaussians), np.int32)
    for index in view_indices:
        camera = scene.views[index].camera
        smaller = camera.resized(*training_size(camera, downscale, max_side_px))
        rendering = rasterize(gaussians, smaller, outputs={"contribution"})
        seen += rendering.contribution >= least_px
    return seen
