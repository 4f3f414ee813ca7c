"""The backend ``cpu``: numba kernels on all cores, float32, the same bits on any number of threads."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize.contributions import contribution
from maquette.recon.rasterize.frame import depths, forward
from maquette.recon.rasterize.rendering import Output, Rendering


def rasterize(
    gaussians: Gaussians,
    camera: Camera,
    *,
    background: tuple[float, float, float],
    sh_degree: int,
    near: float,
    far: float,
    outputs: Collection[Output],
) -> Rendering:
    """One forward pass, and one more over the tiles for the depths and for the contributions where asked for."""
    frame = forward(gaussians, camera, background=background, sh_degree=sh_degree, near=near, far=far)
    found: dict[Output, ndarray] = {
        "image": np.ascontiguousarray(frame.image.transpose(1, 2, 0)),
        "alpha": np.float32(1.0) - frame.transmittance,
    }
    if "depth" in outputs or "median_depth" in outputs:
        found["depth"], found["median_depth"] = depths(frame)
    if "contribution" in outputs or "visible" in outputs:
        found["contribution"] = contribution(frame, np.ones_like(frame.transmittance))
        found["visible"] = found["contribution"] > 0
    return Rendering({name: found[name] for name in outputs})
