"""One colour for each place from the photos kept for it: mostly the best one's, less of what disagrees."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, UInt8
from numba import prange
from numpy import ndarray

from maquette.recon.rasterize.compiled import Scalar, inlined_kernel, parallel_kernel
from maquette.recon.texture.observing import Samples

DISAGREEING = 18.0
"""Difference from the median colour, of 255, at which a photo counts a quarter: passers-by, highlights, wrong depth."""


VOTE = 0.9
"""What the model's own colour weighs in the median, of the best photo's weight: it knows what stands in front of the
surface and is no part of it, leaves say, but it shows less detail. It has a vote and is never painted."""


def blend(
    samples: Samples, sharpness: float, expected: UInt8[ndarray, "n 3"] | None = None
) -> tuple[UInt8[ndarray, "n 3"], Bool[ndarray, " n"]]:
    """The colour of each place, and whether any photo shows it (black where none does).

    The mean by (weight / largest weight) ** ``sharpness``, a photo further from the weighted median m counting
    1 / (1 + (|c - m| / 18)²)² (Geman and McClure 1987). The ``expected`` colours of the model take part in the median
    alone.
    """
    colors = np.zeros((len(samples.weights), 3), np.uint8)
    prior = np.zeros((0, 3), np.uint8) if expected is None else expected
    _blend(samples.colors, samples.weights, sharpness, prior, colors)
    seen: Bool[ndarray, " n"] = samples.weights.max(axis=1, initial=0) > 0
    return colors, seen


@inlined_kernel
def _weighted_median(values: ndarray, weights: ndarray, order: ndarray, channel: Scalar) -> Scalar:
    """The value at which half of the weight is reached; sorts ``order``."""
    count, total = order.shape[0], weights.sum()
    for i in range(1, count):
        moved = order[i]
        j = i - 1
        while j >= 0 and values[order[j], channel] > values[moved, channel]:
            order[j + 1] = order[j]
            j -= 1
        order[j + 1] = moved
    before = 0.0
    for i in range(count):
        here = weights[order[i]]
        if before + here >= 0.5 * total:
            return values[order[i], channel]
        before += here
    return values[order[count - 1], channel]


@parallel_kernel
def _blend(samples: ndarray, weights: ndarray, sharpness: Scalar, expected: ndarray, out: ndarray) -> None:
    count, kept = weights.shape
    chunk = 4096
    for part in prange((count + chunk - 1) // chunk):
        votes = kept + (1 if expected.shape[0] > 0 else 0)
        order = np.empty(votes, np.int64)
        values, shares = np.empty((votes, 3)), np.empty(votes)
        middle, sums = np.empty(3), np.empty(3)
        for i in range(part * chunk, min((part + 1) * chunk, count)):
            best = 0.0
            for k in range(kept):
                shares[k] = weights[i, k]
                best = max(best, weights[i, k])
            if best <= 0.0:
                continue
            if votes > kept:
                shares[kept] = VOTE * best
            for c in range(3):
                for k in range(kept):
                    values[k, c] = samples[i, k, c]
                if votes > kept:
                    values[kept, c] = expected[i, c]
            for k in range(votes):
                order[k] = k
            for c in range(3):
                middle[c] = _weighted_median(values, shares, order, c)
            sums[:] = 0.0
            divisor = 0.0
            for k in range(kept):
                if weights[i, k] > 0.0:
                    away = 0.0
                    for c in range(3):
                        away = max(away, abs(samples[i, k, c] - middle[c]))
                    share = (weights[i, k] / best) ** sharpness / (1.0 + (away / DISAGREEING) ** 2) ** 2
                    divisor += share
                    for c in range(3):
                        sums[c] += share * samples[i, k, c]
            for c in range(3):
                out[i, c] = np.uint8(sums[c] / divisor + 0.5)
