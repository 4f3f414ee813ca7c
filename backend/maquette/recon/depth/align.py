"""A network's relative inverse depth brought to the scene's scale by the sparse points its view shows.

Such networks give an inverse depth x of unknown scale and shift (Ranftl et al. 2020, "Towards Robust Monocular Depth
Estimation", section 5): 1/z = scale x + shift. Errors are relative, |scale x + shift - 1/z| z, so that a tenth of the
distance is a tenth near and far. RANSAC (Fischler and Bolles 1981) finds the lines that most points agree with;
reweighted least squares with Huber's weights settles the best of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32
from numpy import ndarray

from maquette.recon.depth.errors import DepthNotAlignedError
from maquette.recon.depth.sightings import Sightings

LEAST_POINTS = 12
"""Points below which two numbers cannot be told from chance."""
INLIER = 0.15
"""Relative error up to which a point agrees."""
LEAST_INLIERS = 0.5
"""Share of points that must agree."""
MOST_RESIDUAL = 0.2
"""Median relative error of all points from which on a depth is called wrong."""
LEAST_SPREAD = 1.05
"""How many times as far as the near points (10th percentile) the far ones (90th) must be: one depth shows no scale."""

_TRIES = 300
_ROUNDS = 20
_HUBER = 0.05


@dataclass(frozen=True)
class Alignment:
    """1/z = ``scale`` x + ``shift`` (per world unit, for x as the network gave it).

    ``residual`` is the median relative error over all ``points``, ``inlier_share`` that of points within
    :data:`INLIER`.
    """

    scale: float
    shift: float
    residual: float
    inlier_share: float
    points: int

    def as_dict(self) -> dict[str, float | int]:
        """For a record."""
        return asdict(self)

    def inverse(self, relative: Float32[ndarray, "h w"]) -> Float32[ndarray, "h w"]:
        """One over world units along z; 0 where the line says at or behind infinity."""
        metric: Float32[ndarray, "h w"] = np.float32(self.scale) * relative + np.float32(self.shift)
        return np.asarray(np.maximum(metric, np.float32(0.0)), np.float32)


def align(relative: Float32[ndarray, "h w"], seen: Sightings, *, seed: int = 0) -> Alignment:
    """Fit scale and shift of ``relative`` (inverse depth, higher is nearer) to the points ``seen`` in its view.

    The same input and ``seed`` give the same numbers. Raises :class:`DepthNotAlignedError` where there are fewer than
    :data:`LEAST_POINTS` points, all lie equally deep, too few agree, or near and far are exchanged.
    """
    x, y = sampled(relative, seen.xy), seen.inverse
    known = np.isfinite(x)
    x, y = x[known], y[known]
    if len(y) < LEAST_POINTS:
        raise DepthNotAlignedError(f"its view shows {len(y)} sparse points, {LEAST_POINTS} are needed", points=len(y))
    far, near = np.percentile(y, [10, 90])
    if near < LEAST_SPREAD * far:
        raise DepthNotAlignedError("all sparse points of its view are about equally far", points=len(y))
    if np.ptp(x) <= 1e-6 * max(1.0, float(np.abs(x).max())):
        raise DepthNotAlignedError("it is the same at all sparse points", points=len(y))

    scale, shift = _settled(x, y, *_agreed_on(x, y, np.random.default_rng(seed)))
    error = np.abs(scale * x + shift - y) / y
    found = Alignment(scale, shift, float(np.median(error)), float(np.mean(error <= INLIER)), len(y))
    if found.scale <= 0:
        raise DepthNotAlignedError("it is high where the sparse points are far", **found.as_dict())
    if found.inlier_share < LEAST_INLIERS or found.residual > MOST_RESIDUAL:
        raise DepthNotAlignedError(
            f"only {found.inlier_share:.0%} of {found.points} sparse points agree with it within {INLIER:.0%}",
            **found.as_dict(),
        )
    return found


def sampled(image: Float32[ndarray, "h w"], xy: Float[ndarray, "n 2"]) -> Float[ndarray, " n"]:
    """Values at pixel positions (centres at +0.5), bilinear, the border's beyond the outermost centres."""
    if len(xy) == 0:
        return np.empty(0)
    at = (xy - 0.5).astype(np.float32)
    # remap takes at most 32767 rows
    pieces = [at[start : start + 32_000] for start in range(0, len(at), 32_000)]
    found = [
        cv2.remap(image, piece[:, None, 0], piece[:, None, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for piece in pieces
    ]
    return np.concatenate(found)[:, 0].astype(np.float64)


def _agreed_on(x: Float[ndarray, " n"], y: Float[ndarray, " n"], rng: np.random.Generator) -> tuple[float, float]:
    """Of the lines through two points each, the one with the least sum of errors, none counted above the limit."""
    first, second = rng.integers(0, len(x), (2, _TRIES))
    run = x[second] - x[first]
    apart = np.abs(run) > 1e-3 * np.ptp(x)
    first, second, run = first[apart], second[apart], run[apart]
    # The median line of all pairs through the extremes stands in where chance drew only equal ones.
    if len(run) == 0:
        first, second = np.array([x.argmin()]), np.array([x.argmax()])
        run = x[second] - x[first]
    scales = (y[second] - y[first]) / run
    shifts = y[first] - scales * x[first]
    errors = np.abs(scales[:, None] * x + shifts[:, None] - y) / y
    costs = np.minimum(errors, INLIER).sum(axis=1)
    costs[scales <= 0] += len(x)
    best = int(costs.argmin())
    return float(scales[best]), float(shifts[best])


def _settled(x: Float[ndarray, " n"], y: Float[ndarray, " n"], scale: float, shift: float) -> tuple[float, float]:
    """Huber's least squares over the points that agree, begun at a line that many agree with."""
    for _ in range(_ROUNDS):
        error = np.abs(scale * x + shift - y) / y
        inliers: Bool[ndarray, " n"] = error <= 2 * INLIER
        if inliers.sum() < 3:
            return scale, shift
        weight = np.minimum(1.0, _HUBER / np.maximum(error[inliers], 1e-12)) / y[inliers] ** 2
        mean_x, mean_y = np.average(x[inliers], weights=weight), np.average(y[inliers], weights=weight)
        spread = np.average((x[inliers] - mean_x) ** 2, weights=weight)
        if spread <= 0:
            return scale, shift
        scale = float(np.average((x[inliers] - mean_x) * (y[inliers] - mean_y), weights=weight) / spread)
        shift = float(mean_y - scale * mean_x)
    return scale, shift
