"""Depth as depth ControlNets want it: bright is near, black is nothing."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray


def nearness(depth: Float32[ndarray, "h w"]) -> UInt8[ndarray, "h w 3"]:
    """Grey levels linear in 1/z, as the relative inverse depth of MiDaS, on which these ControlNets were trained.

    1 to 255 from the 1st to the 99th percentile of the view; 0 where there is no depth.
    """
    valid = np.isfinite(depth) & (depth > 0)
    levels = np.zeros(depth.shape, np.uint8)
    if valid.any():
        inverse = 1 / depth[valid].astype(np.float64)
        far, near = np.percentile(inverse, [1, 99])
        span = near - far if near > far else 1.0
        levels[valid] = np.rint(1 + 254 * np.clip((inverse - far) / span, 0, 1))
    return np.repeat(levels[..., None], 3, axis=2)
