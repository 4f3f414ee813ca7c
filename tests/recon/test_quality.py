"""Overall quality, and when refining stops."""

from __future__ import annotations

import math

import pytest

from maquette.recon.quality import converged, overall_quality, relative_gain


@pytest.mark.parametrize(
    ("psnr", "ssim", "quality"),
    [(20.0, 0.5, 0.5), (40.0, 1.0, 1.0), (100.0, 1.0, 1.0), (0.0, 0.0, 0.0), (30.0, -0.4, 0.375), (-5.0, 0.5, 0.25)],
)
def test_overall_quality(psnr: float, ssim: float, quality: float) -> None:
    assert overall_quality(psnr, ssim) == pytest.approx(quality)


def test_quality_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no quality"):
        overall_quality(math.nan, 0.5)


def test_relative_gain() -> None:
    assert relative_gain(0.5, 0.6) == pytest.approx(0.2)
    assert relative_gain(0.5, 0.4) == pytest.approx(-0.2)
    assert relative_gain(0.0, 0.0) == 0.0
    assert math.isfinite(relative_gain(0.0, 0.5))


def test_a_gain_of_exactly_the_threshold_goes_on() -> None:
    assert relative_gain(0.5, 0.75) == 0.5  # exact in binary
    assert not converged(0.5, 0.75, threshold=0.5)
    assert converged(0.5, math.nextafter(0.75, 0), threshold=0.5)


def test_standing_still_and_getting_worse() -> None:
    assert converged(0.8, 0.8, threshold=0.01)
    assert converged(0.8, 0.7, threshold=0.01)
    assert not converged(0.8, 0.8, threshold=0.0)
    assert converged(0.8, 0.7, threshold=0.0)
