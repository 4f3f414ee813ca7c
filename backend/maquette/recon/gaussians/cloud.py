"""A model as coloured points: what is left where a program knows no Gaussians."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from maquette.recon.formats.points import Points
from maquette.recon.gaussians import SH_C0, Gaussians

LEAST_ALPHA = 0.25
"""Opacity below which a Gaussian is haze: a point has none, and would show it solid."""


def cloud_of(gaussians: Gaussians, least_alpha: float = LEAST_ALPHA) -> Points:
    """Centres (world units) and colours without view dependence of the Gaussians that are ``least_alpha`` opaque.

    All of them where none is.
    """
    solid = np.asarray(expit(gaussians.opacity_logits) >= least_alpha)
    kept = gaussians.subset(solid) if solid.any() else gaussians
    colors = np.clip(np.rint((SH_C0 * kept.sh[:, 0] + 0.5) * 255), 0, 255).astype(np.uint8)
    return Points(np.ascontiguousarray(kept.means, np.float32), colors)
