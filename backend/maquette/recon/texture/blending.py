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


def blend(samples: Samples, sharpness: float) -> tuple[UInt8[ndarray, "n 3"], Bool[ndarray, " n"]]:
    """The colour of each place, and whether any photo shows it (black where none does).

    The mean by (weight / largest weight) ** ``sharpness``, a photo further from the weighted median m counting
    1 / (1 + (|c - m| / 18)²)² (Geman and McClure 1987).
    """
    colors = np.zeros((len(samples.weights), 3), np.uint8)
    _blend(samples.colors, samples.weights, sharpness, colors)
    seen: Bool[ndarray, " n"] = samples.weights.max(axis=1, initial=0) > 0
    return colors, seen


@inlined_kernel
def _weighted_median(values: ndarray, weights: ndarray, order: ndarray, channel: Scalar, total: Scalar) -> Scalar:
    """The value at which half of the weight is reached, between the two where it is met exactly; sorts ``order``."""
    count = order.shape[0]
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
            return float(values[order[i], channel])
        before += here
    return float(values[order[count - 1], channel])


@parallel_kernel
def _blend(samples: ndarray, weights: ndarray, sharpness: Scalar, out: ndarray) -> None:
    count, kept = weights.shape
    chunk = 4096
    for part in prange((count + chunk - 1) // chunk):
        order = np.empty(kept, np.int64)
        middle, sums = np.empty(3), np.empty(3)
        for i in range(part * chunk, min((part + 1) * chunk, count)):
            total, best = 0.0, 0.0
            for k in range(kept):
                order[k] = k
                total += weights[i, k]
                best = max(best, weights[i, k])
            if best <= 0.0:
                continue
            for c in range(3):
                middle[c] = _weighted_median(samples[i], weights[i], order, c, total)
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
