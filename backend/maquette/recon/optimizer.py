"""Adam on the Gaussians a photo has touched (Kingma & Ba 2015; the sparse form of Taming-3DGS, Mallick et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float32, Int
from numba import prange
from numpy import ndarray

from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import Gradients
from maquette.recon.rasterize.compiled import kernel, parallel_kernel

BETA1 = np.float32(0.9)
BETA2 = np.float32(0.999)
EPSILON = np.float32(1e-15)
ONE = np.float32(1.0)
PART = 256


@dataclass(frozen=True)
class LearningRates:
    """Step sizes per attribute and iteration (3DGS, section 7.1). ``means`` is in world units."""

    means: float
    log_scales: float = 5e-3
    quaternions: float = 1e-3
    opacity_logits: float = 5e-2
    sh_base: float = 2.5e-3
    sh_rest: float = 1.25e-4


@dataclass(eq=False)
class Moments:
    """First and second moments of every parameter, in the shapes of :class:`Gaussians`, and the steps made."""

    first: Gaussians
    second: Gaussians
    steps: int = 0

    def subset(self, keep: ndarray) -> Moments:
        """The moments of the Gaussians that ``keep`` (mask or indices) selects."""
        return Moments(self.first.subset(keep), self.second.subset(keep), self.steps)

    def extended(self, more: int) -> Moments:
        """These moments with ``more`` zero rows behind them, for Gaussians that are new."""
        return Moments(_extended(self.first, more), _extended(self.second, more), self.steps)

    def as_arrays(self) -> dict[str, ndarray]:
        """Named arrays for an .npz file; the inverse of :func:`moments_from_arrays`."""
        arrays: dict[str, ndarray] = {"adam_steps": np.array(self.steps)}
        for order, part in (("first", self.first), ("second", self.second)):
            for field in fields(part):
                arrays[f"adam_{order}_{field.name}"] = getattr(part, field.name)
        return arrays


def zero_moments(gaussians: Gaussians) -> Moments:
    """The state before the first step."""
    return Moments(_zeros_like(gaussians), _zeros_like(gaussians))


def moments_from_arrays(arrays: dict[str, ndarray]) -> Moments:
    """Read what :meth:`Moments.as_arrays` wrote. Raises ``KeyError`` where an array is missing."""
    parts = [
        Gaussians(**{field.name: arrays[f"adam_{order}_{field.name}"] for field in fields(Gaussians)})
        for order in ("first", "second")
    ]
    return Moments(parts[0], parts[1], int(arrays["adam_steps"]))


def advance(moments: Moments, rates: LearningRates) -> tuple[float, ...]:
    """Count a step; returns the size of each attribute's, in the order of ``rates``, and epsilon.

    The corrections of the moments (Kingma & Ba 2015, section 2) are in these numbers.
    """
    moments.steps += 1
    correction1 = 1.0 - float(BETA1) ** moments.steps
    correction2 = float(np.sqrt(1.0 - float(BETA2) ** moments.steps))
    scale = correction2 / correction1
    return *(scale * getattr(rates, field.name) for field in fields(rates)), float(EPSILON) * correction2


def adam_step(
    gaussians: Gaussians,
    moments: Moments,
    gradients: Gradients,
    rates: LearningRates,
    *,
    opacity_weight: float = 0.0,
) -> None:
    """Move the touched Gaussians one step, in place; Gaussians no pixel took keep their moments as well.

    ``opacity_weight`` times the mean opacity of the visible Gaussians is added to the loss (3DGS-MCMC, Kheradmand et
    al. 2024, section 3.4): what no photo asks for fades and is pruned.
    """
    *steps, epsilon = advance(moments, rates)
    # Not -1: a photo may show no Gaussian at all, and numpy cannot divide by nothing.
    n, width = len(gaussians), 3 * gaussians.sh.shape[1]
    _adam(
        gradients.indices,
        gradients.screen,
        np.array(steps, np.float32),
        np.float32(epsilon),
        np.float32(opacity_weight / max(1, len(gradients.indices))),
        (gaussians.means, moments.first.means, moments.second.means, gradients.means),
        (gaussians.log_scales, moments.first.log_scales, moments.second.log_scales, gradients.log_scales),
        (gaussians.quaternions, moments.first.quaternions, moments.second.quaternions, gradients.quaternions),
        (
            gaussians.opacity_logits[:, None],
            moments.first.opacity_logits[:, None],
            moments.second.opacity_logits[:, None],
            gradients.opacity_logits[:, None],
        ),
        (
            gaussians.sh.reshape(n, width),
            moments.first.sh.reshape(n, width),
            moments.second.sh.reshape(n, width),
            gradients.sh.reshape(len(gradients.indices), width),
        ),
    )


def _zeros_like(gaussians: Gaussians) -> Gaussians:
    return Gaussians(**{field.name: np.zeros_like(getattr(gaussians, field.name)) for field in fields(gaussians)})


def _extended(part: Gaussians, more: int) -> Gaussians:
    return Gaussians(
        **{
            field.name: np.concatenate([old, np.zeros((more, *old.shape[1:]), np.float32)])
            for field in fields(part)
            for old in (getattr(part, field.name),)
        }
    )


@kernel
def row(
    parameter: ndarray,
    first: ndarray,
    second: ndarray,
    gradient: ndarray,
    i: int,
    item: int,
    start: int,
    stop: int,
    step: float,
    epsilon: float,
) -> None:
    """Adam on elements [start, stop) of row ``i`` of an attribute, whose gradient is row ``item``."""
    here, there = np.uint64(i), np.uint64(item)
    for k in range(np.uint64(start), np.uint64(stop)):
        g = gradient[there, k]
        m = BETA1 * first[here, k] + (ONE - BETA1) * g
        v = BETA2 * second[here, k] + (ONE - BETA2) * g * g
        first[here, k] = m
        second[here, k] = v
        parameter[here, k] -= step * m / (np.sqrt(v) + epsilon)


@parallel_kernel
def _adam(
    indices: Int[ndarray, " v"],
    screen: Float32[ndarray, " v"],
    steps: Float32[ndarray, " 6"],
    epsilon: float,
    opacity_pull: float,
    means: tuple[ndarray, ...],
    log_scales: tuple[ndarray, ...],
    quaternions: tuple[ndarray, ...],
    opacity_logits: tuple[ndarray, ...],
    sh: tuple[ndarray, ...],
) -> None:
    """Each tuple holds an attribute's parameters, first and second moments (rows of all) and gradients (rows of v)."""
    n = indices.shape[0]
    p0, m0, v0, g0 = means
    p1, m1, v1, g1 = log_scales
    p2, m2, v2, g2 = quaternions
    p3, m3, v3, g3 = opacity_logits
    p4, m4, v4, g4 = sh
    for part in prange((n + PART - 1) // PART):
        for item in range(part * PART, min(n, (part + 1) * PART)):
            if screen[item] < np.float32(0.0):
                continue
            i = indices[item]
            row(p0, m0, v0, g0, i, item, 0, 3, steps[0], epsilon)
            row(p1, m1, v1, g1, i, item, 0, 3, steps[1], epsilon)
            row(p2, m2, v2, g2, i, item, 0, 4, steps[2], epsilon)
            opacity = ONE / (ONE + np.exp(-p3[i, 0]))
            g3[item, 0] += opacity_pull * opacity * (ONE - opacity)
            row(p3, m3, v3, g3, i, item, 0, 1, steps[3], epsilon)
            row(p4, m4, v4, g4, i, item, 0, 3, steps[4], epsilon)
            row(p4, m4, v4, g4, i, item, 3, p4.shape[1], steps[5], epsilon)
