"""One number for how good a model is, and when refining has stopped to pay."""

from __future__ import annotations

import math

FULL_PSNR_DB = 40.0
"""PSNR that counts as perfect; eyes see no difference above it."""

_LEAST_BEFORE = 1e-3


def overall_quality(psnr: float, ssim: float) -> float:
    """Quality from 0 to 1: the mean of ``clip(psnr / 40 dB, 0, 1)`` and ``clip(ssim, 0, 1)``.

    Always of one evaluation set; numbers of different sets are not comparable. Raises ValueError for NaN.
    """
    if math.isnan(psnr) or math.isnan(ssim):
        raise ValueError(f"no quality from PSNR {psnr} dB and SSIM {ssim}")
    return (_clip(psnr / FULL_PSNR_DB) + _clip(ssim)) / 2


def relative_gain(before: float, after: float) -> float:
    """``(after - before) / before`` of two overall qualities; negative when it got worse.

    ``before`` counts as at least 0.001, so that the answer is always a finite number.
    """
    return (after - before) / max(before, _LEAST_BEFORE)


def converged(before: float, after: float, threshold: float) -> bool:
    """Whether a round gained too little to go on: its relative gain is strictly under ``threshold``.

    A gain of exactly ``threshold`` goes on. Getting worse always converges, for thresholds of 0 and more; with a
    threshold of 0 nothing else does.
    """
    return relative_gain(before, after) < threshold


def _clip(value: float) -> float:
    return min(1.0, max(0.0, value))
