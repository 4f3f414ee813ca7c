"""Density control with a fixed budget: 3D Gaussian Splatting as Markov Chain Monte Carlo (Kheradmand et al. 2024).

The budget is filled step by step. Gaussians that have faded move to where others are, in proportion to opacity, and
those that they join fade and change size so that the picture stays as it was; noise lets the faint ones explore.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float32, Float64, Int, Int64
from numpy import ndarray

from maquette.recon.density import concatenate, rotations
from maquette.recon.gaussians import Gaussians
from maquette.recon.optimizer import Moments

DEAD_OPACITY = 0.005
"""A Gaussian that is fainter is moved (section 3.3); none is ever left fainter by being joined."""
MOST_TOGETHER = 51
"""Gaussians that may stand for one at once: alternating sums of binomials lose their digits with more."""
GATE_SHARPNESS = 100.0
GATE_OPACITY = 0.005
"""Noise fades with opacity: half of it is left at ``GATE_OPACITY`` (equation 8, k and t)."""
STILL_OPACITY = 0.15
"""Above it the gate lets less than a millionth through: these Gaussians are not touched at all."""
_ALMOST_OPAQUE = 1.0 - 2.0**-20


def _size_terms() -> Float64[ndarray, "51 51"]:
    """Row N - 1 holds what multiplies each power 1 to 51 of the new opacity in the sum of equation 9.

    Its double sum over i = 1 to N and k = 0 to i - 1 of binomial(i - 1, k) (-1)^k / sqrt(k + 1) is taken over i first:
    that gives binomial(N, k + 1).
    """
    terms = np.zeros((MOST_TOGETHER, MOST_TOGETHER))
    for together in range(1, MOST_TOGETHER + 1):
        for k in range(together):
            terms[together - 1, k] = (-1) ** k * math.comb(together, k + 1) / math.sqrt(k + 1)
    return terms


_SIZE_TERMS = _size_terms()


def shared_between(
    opacity: Float64[ndarray, " n"], together: Int[ndarray, " n"]
) -> tuple[Float64[ndarray, " n"], Float64[ndarray, " n"]]:
    """Opacity of each of ``together`` equal Gaussians that stand for one of ``opacity``, and the factor on its sizes.

    Equation 9: 1 - (1 - o)^(1/N), and sizes such that the light taken along a line through the centre stays.
    """
    together = np.minimum(together, MOST_TOGETHER)
    each = -np.expm1(np.log1p(-opacity) / together)
    powers = each[:, None] ** np.arange(1, MOST_TOGETHER + 1)
    return each, opacity / (_SIZE_TERMS[together - 1] * powers).sum(axis=1)


@dataclass(frozen=True, eq=False)
class Shares:
    """Who is joined, and what becomes of them. ``joined`` names one for each newcomer, with repeats; ``parents`` are
    the same without, with their new opacity logits and what is added to the logarithms of their sizes.
    """

    joined: Int64[ndarray, " m"]
    parents: Int64[ndarray, " p"]
    opacity_logits: Float32[ndarray, " p"]
    log_scale_shifts: Float32[ndarray, " p"]


def choose(opacity: Float64[ndarray, " n"], count: int, rng: np.random.Generator) -> Shares:
    """Draw whom ``count`` newcomers join, among those that have not faded, in proportion to opacity (0 to 1)."""
    sums = np.cumsum(np.where(opacity > DEAD_OPACITY, opacity, 0.0))
    drawn = np.searchsorted(sums, rng.random(count) * sums[-1], side="right")
    return share(opacity, np.minimum(drawn, len(opacity) - 1))


def share(opacity: Float64[ndarray, " n"], joined: Int64[ndarray, " m"]) -> Shares:
    """What becomes of those that are joined, once for every time they are named."""
    parents, more = np.unique(joined, return_counts=True)
    each, factor = shared_between(np.clip(opacity[parents], DEAD_OPACITY, _ALMOST_OPAQUE), more + 1)
    each = np.maximum(each, DEAD_OPACITY)
    return Shares(joined, parents, np.log(each / (1.0 - each)).astype(np.float32), np.log(factor).astype(np.float32))


def faded(opacity: Float64[ndarray, " n"]) -> Int64[ndarray, " d"]:
    """Indices of those that are to move: none where nobody is left whom they could join."""
    dead = np.flatnonzero(opacity <= DEAD_OPACITY)
    return dead if len(dead) < len(opacity) else dead[:0]


def relocate(gaussians: Gaussians, moments: Moments, rng: np.random.Generator) -> int:
    """Move the Gaussians that have faded to ones that have not, in place; answers how many moved."""
    opacity = opacities(gaussians.opacity_logits)
    dead = faded(opacity)
    if len(dead):
        shares = choose(opacity, len(dead), rng)
        _make_room(gaussians, moments, shares)
        for name in (field.name for field in fields(gaussians)):
            getattr(gaussians, name)[dead] = getattr(gaussians, name)[shares.joined]
            getattr(moments.first, name)[dead] = 0.0
            getattr(moments.second, name)[dead] = 0.0
    return len(dead)


def extend(gaussians: Gaussians, moments: Moments, count: int, rng: np.random.Generator) -> tuple[Gaussians, Moments]:
    """Add ``count`` Gaussians behind the others, each where one is already; those that are joined change in place."""
    opacity = opacities(gaussians.opacity_logits)
    if count <= 0 or not (opacity > DEAD_OPACITY).any():
        return gaussians, moments
    shares = choose(opacity, count, rng)
    _make_room(gaussians, moments, shares)
    return concatenate([gaussians, gaussians.subset(shares.joined)]), moments.extended(count)


def _make_room(gaussians: Gaussians, moments: Moments, shares: Shares) -> None:
    """Change those that are joined; their moments are forgotten."""
    gaussians.opacity_logits[shares.parents] = shares.opacity_logits
    gaussians.log_scales[shares.parents] += shares.log_scale_shifts[:, None]
    for part in (moments.first, moments.second):
        for field in fields(part):
            getattr(part, field.name)[shares.parents] = 0.0


def explore(gaussians: Gaussians, strength: float, rng: np.random.Generator) -> None:
    """Move faint Gaussians at random along their own shape, in place (equation 8).

    A Gaussian of covariance S moves by ``strength`` times its gate times S times standard normal noise; ``strength``
    is per world unit. One number of ``rng`` is used, however many there are.
    """
    noise = np.random.default_rng(rng.integers(2**63))
    opacity = opacities(gaussians.opacity_logits)
    rows = np.flatnonzero(opacity < STILL_OPACITY)
    gate = 1.0 / (1.0 + np.exp(GATE_SHARPNESS * (opacity[rows] - GATE_OPACITY)))
    turn = rotations(gaussians.quaternions[rows])
    along = np.einsum("nji,nj->ni", turn, noise.standard_normal((len(rows), 3), dtype=np.float32))
    along *= np.exp(2 * gaussians.log_scales[rows]) * (strength * gate[:, None]).astype(np.float32)
    gaussians.means[rows] += np.einsum("nij,nj->ni", turn, along)


def opacities(logits: Float32[ndarray, " n"]) -> Float64[ndarray, " n"]:
    """Opacities, 0 to 1."""
    return np.asarray(1.0 / (1.0 + np.exp(-logits.astype(np.float64))))
