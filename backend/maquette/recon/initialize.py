"""The first Gaussians: one per sparse point, as large as its neighbourhood (Kerbl et al. 2023, section 5)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from scipy.spatial import cKDTree

from maquette.recon.gaussians import SH_C0, Gaussians

INITIAL_OPACITY = 0.1
NEIGHBOURS = 3


def gaussians_from_points(points: Float[ndarray, "n 3"], colors: UInt8[ndarray, "n 3"], *, sh_degree: int) -> Gaussians:
    """Round Gaussians at ``points`` (world units) in ``colors`` (sRGB 0 to 255), with an opacity of 0.1.

    The standard deviation is the root mean square distance to the three nearest other points. Points that coincide
    get the smallest positive distance of the set, so that no logarithm is infinite.
    """
    n = len(points)
    neighbours = min(NEIGHBOURS, n - 1)
    if neighbours > 0:
        distances = cKDTree(points).query(points, k=neighbours + 1)[0][:, 1:]
        spread = np.sqrt(np.mean(np.square(distances), axis=1))
        positive = spread[spread > 0]
        spread = np.maximum(spread, positive.min() if len(positive) else 1.0)
    else:
        spread = np.ones(n)
    sh = np.zeros((n, (sh_degree + 1) ** 2, 3), np.float32)
    sh[:, 0] = (colors.astype(np.float32) / 255.0 - 0.5) / SH_C0
    quaternions = np.zeros((n, 4), np.float32)
    quaternions[:, 0] = 1.0
    return Gaussians(
        means=np.ascontiguousarray(points, dtype=np.float32),
        log_scales=np.repeat(np.log(spread)[:, None], 3, axis=1).astype(np.float32),
        quaternions=quaternions,
        opacity_logits=np.full(n, np.log(INITIAL_OPACITY / (1 - INITIAL_OPACITY)), np.float32),
        sh=sh,
    )
