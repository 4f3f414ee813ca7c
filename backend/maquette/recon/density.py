"""Adaptive density control: clone, split, prune and opacity reset (Kerbl et al. 2023, section 5.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int32
from numpy import ndarray

from maquette.recon.gaussians import Gaussians
from maquette.recon.optimizer import Moments
from maquette.recon.rasterize import ScreenGradients

SPLIT_SHRINK = 1.6
"""A Gaussian that is split is replaced by two of 1/1.6 its size (3DGS, section 5.2)."""


@dataclass(eq=False)
class Statistics:
    """Per Gaussian, since the last densification: sum of screen-gradient norms and the views that took it."""

    gradient_sum: Float32[ndarray, " n"]
    views: Int32[ndarray, " n"]


def empty_statistics(count: int) -> Statistics:
    """Statistics of ``count`` Gaussians that no view has seen yet."""
    return Statistics(np.zeros(count, np.float32), np.zeros(count, np.int32))


def accumulate(statistics: Statistics, gradients: ScreenGradients) -> None:
    """Add one view's screen gradients, in place."""
    seen = gradients.screen >= 0
    statistics.gradient_sum[gradients.indices[seen]] += gradients.screen[seen]
    statistics.views[gradients.indices[seen]] += 1


def densify(
    gaussians: Gaussians,
    moments: Moments,
    statistics: Statistics,
    *,
    threshold: float,
    split_above: float,
    max_gaussians: int,
    rng: np.random.Generator,
) -> tuple[Gaussians, Moments]:
    """Clone small and split large Gaussians whose mean screen gradient exceeds ``threshold``.

    ``split_above`` is the standard deviation, world units, from which a Gaussian is split rather than cloned. Where
    ``max_gaussians`` leaves no room for all, those with the largest gradient go first. New Gaussians start with
    zero moments.
    """
    mean = statistics.gradient_sum / np.maximum(statistics.views, 1)
    chosen = np.flatnonzero(mean > threshold)
    room = max(0, max_gaussians - len(gaussians))
    if len(chosen) > room:
        chosen = np.sort(chosen[np.argsort(-mean[chosen], kind="stable")[:room]])
    large = np.exp(gaussians.log_scales[chosen].max(axis=1)) > split_above
    cloned, split = chosen[~large], chosen[large]

    children = _halves(gaussians, split, rng)
    stay = np.ones(len(gaussians), np.bool_)
    stay[split] = False
    grown = concatenate([gaussians.subset(stay), gaussians.subset(cloned), children])
    return grown, moments.subset(stay).extended(len(cloned) + len(children))


def prune(
    gaussians: Gaussians,
    moments: Moments,
    *,
    min_opacity: float,
    max_scale: float,
    unwanted: Bool[ndarray, " n"] | None = None,
) -> tuple[Gaussians, Moments]:
    """Drop Gaussians fainter than ``min_opacity`` (0 to 1), larger than ``max_scale`` (world units) or ``unwanted``.

    If none would be left, the most opaque one stays.
    """
    keep: Bool[ndarray, " n"] = gaussians.opacity_logits >= _logit(min_opacity)
    if unwanted is not None:
        keep &= ~unwanted
    keep &= gaussians.log_scales.max(axis=1) <= np.log(max_scale)
    if not keep.any():
        keep[np.argmax(gaussians.opacity_logits)] = True
    return gaussians.subset(keep), moments.subset(keep)


def reset_opacity(gaussians: Gaussians, moments: Moments, *, ceiling: float) -> None:
    """Lower every opacity to at most ``ceiling`` (0 to 1) and forget its moments, in place."""
    np.minimum(gaussians.opacity_logits, np.float32(_logit(ceiling)), out=gaussians.opacity_logits)
    moments.first.opacity_logits[:] = 0.0
    moments.second.opacity_logits[:] = 0.0


def concatenate(parts: list[Gaussians]) -> Gaussians:
    """All Gaussians of ``parts`` in one model, in order."""
    return Gaussians(
        means=np.concatenate([part.means for part in parts]),
        log_scales=np.concatenate([part.log_scales for part in parts]),
        quaternions=np.concatenate([part.quaternions for part in parts]),
        opacity_logits=np.concatenate([part.opacity_logits for part in parts]),
        sh=np.concatenate([part.sh for part in parts]),
    )


def rotations(quaternions: Float32[ndarray, "n 4"]) -> Float32[ndarray, "n 3 3"]:
    """Rotation matrices of quaternions wxyz of any positive length."""
    w, x, y, z = (quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.asarray(np.moveaxis(np.array(rows), 2, 0), dtype=np.float32)


def _halves(gaussians: Gaussians, split: ndarray, rng: np.random.Generator) -> Gaussians:
    """Two smaller Gaussians for each of ``split``, placed by sampling the one they replace."""
    parents = gaussians.subset(np.repeat(split, 2))
    offsets = rng.standard_normal((len(parents), 3), dtype=np.float32) * np.exp(parents.log_scales)
    turned = np.einsum("nij,nj->ni", rotations(parents.quaternions), offsets)
    parents.means = (parents.means + turned).astype(np.float32)
    parents.log_scales = parents.log_scales - np.float32(np.log(SPLIT_SHRINK))
    return parents


def _logit(probability: float) -> float:
    return float(np.log(probability / (1.0 - probability)))
