"""Overall quality, which of two versions is better, and when refining stops."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maquette.recon.quality import (
    WEIGHTS,
    Quality,
    Standing,
    comparable,
    converged,
    outranks,
    overall_quality,
    relative_gain,
)


@pytest.mark.parametrize(
    ("psnr", "ssim", "quality"),
    [(20.0, 0.5, 0.5), (40.0, 1.0, 1.0), (100.0, 1.0, 1.0), (0.0, 0.0, 0.0), (30.0, -0.4, 0.375), (-5.0, 0.5, 0.25)],
)
def test_overall_quality_of_psnr_and_ssim_is_their_mean(psnr: float, ssim: float, quality: float) -> None:
    assert overall_quality(psnr, ssim) == pytest.approx(quality)


@given(psnr=st.floats(0, 40), ssim=st.floats(0, 1))
def test_numbers_stored_before_there_were_other_terms_stay_what_they_are(psnr: float, ssim: float) -> None:
    assert overall_quality(psnr, ssim) == (psnr / 40.0 + ssim) / 2, "to the last bit"


@pytest.mark.parametrize(
    ("quality", "overall"),
    [
        (Quality(20.0, 0.8, 0.3, 0.9), (2 * 0.5 + 2 * 0.8 + 0.7 + 0.9) / 6),
        (Quality(20.0, 0.8, 0.3), (2 * 0.5 + 2 * 0.8 + 0.7) / 5),
        (Quality(20.0, 0.8, depth_consistency=0.9), (2 * 0.5 + 2 * 0.8 + 0.9) / 5),
        (Quality(40.0, 1.0, 0.0, 1.0), 1.0),
        (Quality(0.0, 0.0, 1.7, 0.0), 0.0),
        (Quality(0.0, 0.0, -1.0, 2.0), 2 / 6),
    ],
)
def test_terms_that_are_not_there_are_left_out(quality: Quality, overall: float) -> None:
    assert quality.overall == pytest.approx(overall)


def test_every_term_pulls_its_own_way() -> None:
    base = Quality(25.0, 0.8, 0.3, 0.7)
    for better in (
        Quality(26.0, 0.8, 0.3, 0.7),
        Quality(25.0, 0.81, 0.3, 0.7),
        Quality(25.0, 0.8, 0.29, 0.7),
        Quality(25.0, 0.8, 0.3, 0.71),
    ):
        assert better.overall > base.overall
        assert outranks(Standing(better), Standing(base)) and not outranks(Standing(base), Standing(better))


@pytest.mark.parametrize("term", list(WEIGHTS))
def test_quality_of_nothing_is_refused(term: str) -> None:
    with pytest.raises(ValueError, match=f"no quality from {term}"):
        Quality(**{"psnr": 20.0, "ssim": 0.5, term: math.nan})


def test_two_versions_compare_by_what_both_have() -> None:
    old, new = Quality(24.0, 0.8), Quality(24.4, 0.81, lpips=0.9, depth_consistency=0.1)
    assert new.overall < old.overall, "the terms that only one has pull it down"
    before, after = comparable(old, new)
    assert (before, after) == (old.overall, overall_quality(24.4, 0.81))
    assert outranks(Standing(new), Standing(old))
    with_lpips, with_depth = Quality(24.0, 0.8, lpips=0.2), Quality(24.0, 0.8, depth_consistency=0.2)
    assert comparable(with_lpips, with_depth) == (overall_quality(24.0, 0.8),) * 2
    assert comparable(new, Quality(24.0, 0.8, lpips=0.5))[0] == overall_quality(24.4, 0.81, 0.9)


def test_a_degraded_version_never_takes_the_place_of_a_sound_one() -> None:
    poor, fine = Quality(15.0, 0.4), Quality(30.0, 0.95)
    assert not outranks(Standing(fine, sound=False), Standing(poor))
    assert outranks(Standing(poor), Standing(fine, sound=False))
    assert outranks(Standing(fine, sound=False), Standing(poor, sound=False))
    assert not outranks(Standing(poor), Standing(poor)), "of two alike the one that is there stays"


def test_relative_gain() -> None:
    assert relative_gain(0.5, 0.6) == pytest.approx(0.2)
    assert relative_gain(0.5, 0.4) == pytest.approx(-0.2)
    assert relative_gain(0.0, 0.0) == 0.0
    assert math.isfinite(relative_gain(0.0, 0.5))


def test_a_gain_of_exactly_the_threshold_goes_on() -> None:
    assert relative_gain(0.5, 0.75) == 0.5  # exact in binary
    assert not converged(0.5, 0.75, threshold=0.5)
    assert converged(0.5, 0.75 - 1e-9, threshold=0.5)
    assert not converged(0.5, 0.75 + 1e-9, threshold=0.5)


def test_rounding_does_not_stop_what_gains_exactly_the_threshold() -> None:
    befores = [n / 1000 for n in range(1, 1000)]
    gains = [relative_gain(before, before * 1.01) for before in befores]
    assert min(gains) < 0.01 < max(gains), "doubles fall on both sides"
    assert not any(converged(before, before * 1.01, threshold=0.01) for before in befores)
    assert all(converged(before, before * (1.01 - 1e-9), threshold=0.01) for before in befores)


@given(quality=st.floats(0.001, 1.0), threshold=st.floats(0.0, 1.0))
def test_the_boundary_wherever_it_lies(quality: float, threshold: float) -> None:
    exactly = quality + quality * threshold
    assert not converged(quality, exactly, threshold)
    for after in (math.nextafter(exactly, 0), math.nextafter(exactly, 9)):
        assert not converged(quality, after, threshold), "one bit beside it is the same gain"
    assert converged(quality, quality * (1 + threshold - 1e-6), threshold)


def test_standing_still_and_getting_worse() -> None:
    assert converged(0.8, 0.8, threshold=0.01)
    assert converged(0.8, 0.7, threshold=0.01)
    assert not converged(0.8, 0.8, threshold=0.0)
    assert converged(0.8, 0.7, threshold=0.0)
