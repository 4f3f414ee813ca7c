"""What each Gaussian adds to the training photos: its blending weight, summed over their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float16, Float64
from numpy import ndarray

from maquette.progress import Progress, silent
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import rasterize
from maquette.recon.scene import Scene

KEPT_APART = 24
"""Views whose weights are kept one by one, evenly spread: enough to know from where a Gaussian is seen."""
_LARGEST_HALF = 65_504.0


@dataclass(frozen=True, eq=False)
class Contributions:
    """``total``: pixels covered in all views together, by weight. ``apart``: the same for each of some ``views``."""

    total: Float64[ndarray, " n"]
    apart: Float16[ndarray, "n v"]
    views: tuple[int, ...]

    def keep(self, share: float) -> Bool[ndarray, " n"]:
        """All but the least contributing, which together hold at most ``share`` of the total weight."""
        order = np.argsort(self.total, kind="stable")
        running = np.cumsum(self.total[order])
        kept = np.ones(len(order), np.bool_)
        if share > 0 and len(order):
            kept[order[running <= share * running[-1]]] = False
        return kept

    def lost(self, keep: Bool[ndarray, " n"]) -> float:
        """Share of the total weight that is not kept."""
        return float(self.total[~keep].sum() / max(float(self.total.sum()), 1e-30))


def weigh(
    gaussians: Gaussians, scene: Scene, views: Sequence[int], *, max_side_px: int, progress: Progress = silent
) -> Contributions:
    """Render each of ``views``, its long side at most ``max_side_px``, for its weights (alpha times transmittance,
    3DGS, equation 3). Reports the stage ``weighing``. Memory: 8 bytes a Gaussian and 2 for each view kept apart.
    """
    spread = np.unique(np.linspace(0, len(views) - 1, min(KEPT_APART, len(views))).round().astype(int))
    apart = np.zeros((len(gaussians), len(spread)), np.float16)
    column = {int(place): at for at, place in enumerate(spread)}
    total = np.zeros(len(gaussians))
    for place, index in enumerate(views):
        progress("weighing", place / len(views), f"view {place + 1} of {len(views)}")
        camera = scene.views[index].camera.resized_to(max_side_px)
        weights = rasterize(gaussians, camera, outputs={"contribution"}).contribution
        total += weights
        if place in column:
            apart[:, column[place]] = np.minimum(weights, _LARGEST_HALF)
    progress("weighing", 1.0, f"{len(views)} views")
    return Contributions(total, apart, tuple(views[int(place)] for place in spread))
