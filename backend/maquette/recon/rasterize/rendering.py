"""Rendering for people and for depth maps: image, alpha and two kinds of depth in the usual layout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize.blending import blend_depth_tiles
from maquette.recon.rasterize.frame import BLACK, forward


@dataclass(frozen=True, eq=False)
class Rendering:
    """``image`` sRGB 0 to 1, unclipped, over the background; ``alpha`` its opacity, 0 to 1.

    ``depth`` is the expected and ``median_depth`` the median distance along the viewing axis z, world units; both
    are 0 where there is nothing (the median: where less than half of the light is taken).
    """

    image: Float32[ndarray, "h w 3"]
    alpha: Float32[ndarray, "h w"]
    depth: Float32[ndarray, "h w"]
    median_depth: Float32[ndarray, "h w"]


def render(
    gaussians: Gaussians,
    camera: Camera,
    *,
    background: tuple[float, float, float] = BLACK,
    sh_degree: int | None = None,
) -> Rendering:
    """Render ``gaussians`` from ``camera`` at the camera's size (Kerbl et al. 2023, equation 3).

    ``background`` is sRGB 0 to 1; ``sh_degree`` limits the harmonics used (none: all that are stored).
    """
    frame = forward(gaussians, camera, background=background, sh_degree=sh_degree)
    depth = np.empty((camera.height, camera.width), np.float32)
    median_depth = np.empty_like(depth)
    blend_depth_tiles(
        frame.packed,
        frame.tile_starts,
        frame.pair_gaussian,
        frame.pair_rows,
        camera.width,
        camera.height,
        depth,
        median_depth,
    )
    return Rendering(
        image=np.ascontiguousarray(frame.image.transpose(1, 2, 0)),
        alpha=np.float32(1.0) - frame.transmittance,
        depth=depth,
        median_depth=median_depth,
    )
