"""One number for how good a model is, which of two models is better, and when refining has stopped to pay.

The only home of the formula in Python; SQL has it in ``public.overall_quality`` for the best version by SQL, and a test
keeps the two together. docs/metrics.md says why the terms weigh what they weigh.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType

FULL_PSNR_DB = 40.0
"""PSNR that counts as perfect; eyes see no difference above it."""

WEIGHTS = MappingProxyType({"psnr": 2, "ssim": 2, "lpips": 1, "depth_consistency": 1})
"""What each term counts. Twos and ones, so that of PSNR and SSIM alone the number is exactly their mean: what every
version has that was measured before there were other terms."""

ROUNDING = 1e-12
"""Relative gains this close are the same gain: means and quotients of doubles differ by as much for no reason."""

_LEAST_BEFORE = 1e-3


@dataclass(frozen=True)
class Quality:
    """The terms of one version's quality: means over the same views of one evaluation set; NaN is refused.

    ``psnr`` in dB, ``ssim`` up to 1, ``lpips`` from 0 (alike), ``depth_consistency`` 0 to 1; None: not measured.
    """

    psnr: float
    ssim: float
    lpips: float | None = None
    depth_consistency: float | None = None

    def __post_init__(self) -> None:
        for name in self.terms:
            if math.isnan(getattr(self, name)):
                raise ValueError(f"no quality from {name} NaN")

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of what was measured, in the order of :data:`WEIGHTS`."""
        return tuple(name for name in WEIGHTS if getattr(self, name) is not None)

    @property
    def overall(self) -> float:
        """From 0 to 1, of all terms there are; never to be held against that of other terms (:func:`comparable`)."""
        return self.of(self.terms)

    def of(self, terms: tuple[str, ...]) -> float:
        """The mean by :data:`WEIGHTS` of these terms' scores: ``clip(psnr / 40 dB)``, ``clip(ssim)``,
        ``clip(1 - lpips)`` and ``clip(depth_consistency)``, each clipped to 0..1.
        """
        total = sum(WEIGHTS[name] * self._score(name) for name in terms)
        return total / sum(WEIGHTS[name] for name in terms)

    def _score(self, name: str) -> float:
        value = float(getattr(self, name))
        if name == "psnr":
            value /= FULL_PSNR_DB
        elif name == "lpips":
            value = 1.0 - value
        return min(1.0, max(0.0, value))


@dataclass(frozen=True)
class Standing:
    """What decides which version is the better one: its quality, and whether the sanity gate found it ``sound``."""

    quality: Quality
    sound: bool = True


def overall_quality(
    psnr: float, ssim: float, lpips: float | None = None, depth_consistency: float | None = None
) -> float:
    """Quality from 0 to 1 of the terms that there are: :attr:`Quality.overall`. Raises ValueError for NaN."""
    return Quality(psnr, ssim, lpips, depth_consistency).overall


def comparable(a: Quality, b: Quality) -> tuple[float, float]:
    """The qualities of both by the terms that both have: only these two numbers say which is better.

    A term that one of them lacks counts for neither, so weights that come or go between two versions move nothing.
    """
    terms = tuple(name for name in a.terms if name in b.terms)
    return a.of(terms), b.of(terms)


def outranks(new: Standing, old: Standing) -> bool:
    """Whether ``new`` takes the place of ``old``: a sound version that of a degraded one, never the other way round;
    of two alike in that, the one of strictly higher quality by the terms of both.
    """
    if new.sound != old.sound:
        return new.sound
    ours, theirs = comparable(new.quality, old.quality)
    return ours > theirs


def relative_gain(before: float, after: float) -> float:
    """``(after - before) / before`` of two qualities that compare; negative when it got worse.

    ``before`` counts as at least 0.001, so that the answer is always a finite number.
    """
    return (after - before) / max(before, _LEAST_BEFORE)


def converged(before: float, after: float, threshold: float) -> bool:
    """Whether a round gained too little to go on: its relative gain is under ``threshold``.

    A gain of exactly ``threshold`` goes on, and what rounding makes of one (:data:`ROUNDING`) is one: 0.7 to 0.707 is a
    gain of 0.01, whatever doubles say. Getting worse always converges, for thresholds of 0 and more; with a
    threshold of 0 nothing else does.
    """
    return relative_gain(before, after) < threshold - ROUNDING
