"""The gate's limits as the capture rules state them: <3/<5 placed, <60/<80 %, <300/<800 points, <2/<3 track."""

from __future__ import annotations

import pytest

from maquette.recon.sfm.gate import check, passes, photos_needed
from maquette.recon.sfm.reasons import placement, strangers
from maquette.recon.sfm.result import Placement


@pytest.mark.parametrize(
    ("numbers", "codes", "passed"),
    [
        ((20, 20, 5000, 4.0), [], True),
        ((2, 2, 5000, 4.0), ["few_photos_placed"], False),
        ((3, 3, 5000, 4.0), ["few_photos_placed"], True),
        ((5, 5, 5000, 4.0), [], True),
        ((59, 100, 5000, 4.0), ["few_photos_placed"], False),
        ((60, 100, 5000, 4.0), ["few_photos_placed"], True),
        ((80, 100, 5000, 4.0), [], True),
        ((20, 20, 299, 4.0), ["few_points"], False),
        ((20, 20, 300, 4.0), ["few_points"], True),
        ((20, 20, 800, 1.9), ["short_tracks"], False),
        ((20, 20, 800, 2.0), ["short_tracks"], True),
        ((20, 20, 400, 1.0), ["short_tracks", "few_points"], False),
    ],
)
def test_limits(numbers: tuple[int, int, int, float], codes: list[str], passed: bool) -> None:
    findings = check(*numbers)
    assert [finding.code for finding in findings] == codes
    assert passes(findings) is passed


@pytest.mark.parametrize(("total", "needed"), [(3, 3), (5, 3), (10, 6), (11, 7), (100, 60)])
def test_the_number_needed_is_the_least_that_passes(total: int, needed: int) -> None:
    assert photos_needed(total) == needed
    assert passes(check(needed, total, 5000, 4.0))
    assert not passes(check(needed - 1, total, 5000, 4.0))


@pytest.mark.parametrize(
    ("placed", "total", "strangers", "codes", "passed"),
    [
        (6, 9, 3, [], True),
        (6, 9, 0, ["few_photos_placed"], True),
        (11, 14, 3, [], True),
        (3, 6, 3, ["few_photos_placed"], False),
        (4, 9, 5, ["few_photos_placed"], False),
        (2, 3, 1, ["few_photos_placed"], False),
        (4, 6, 2, ["few_photos_placed"], True),
    ],
)
def test_up_to_a_third_of_strangers_say_nothing_of_the_others(
    placed: int, total: int, strangers: int, codes: list[str], passed: bool
) -> None:
    findings = check(placed, total, 5000, 4.0, strangers=strangers)
    assert [finding.code for finding in findings] == codes
    assert passes(findings) is passed
    assert passed is (placed >= photos_needed(total, strangers))


def test_blurred_photos_and_those_that_hang_together_are_no_strangers() -> None:
    def photo(name: str, **facts: int) -> Placement:
        return placement({"placed": False, "points": 0, **facts}, name)

    photos = [
        photo("blurred", features=40, matched=0, matched_placed=0),
        photo("other", features=900, matched=0, matched_placed=0),
        photo("pair", features=900, matched=1, matched_placed=0),
        photo("near", features=900, matched=3, matched_placed=2),
    ]
    assert strangers(photos) == ("other", "pair")


@pytest.mark.parametrize(
    ("features", "matched", "matched_placed", "code"),
    [
        (50, 0, 0, "few_features"),
        (900, 0, 0, "no_matches"),
        (900, 3, 0, "not_connected"),
        (900, 3, 2, "pose_not_found"),
    ],
)
def test_each_dropped_photo_gets_a_reason_and_an_action(
    features: int, matched: int, matched_placed: int, code: str
) -> None:
    facts = {
        "placed": False,
        "features": features,
        "matched": matched,
        "matched_placed": matched_placed,
        "points": 0,
    }
    photo = placement(facts, "a.jpg")
    assert photo.code == code
    assert "'a.jpg'" in photo.sentence
    assert photo.action
    placed = placement({**facts, "placed": True}, "a.jpg")
    assert (placed.code, placed.sentence, placed.action) == ("", "", "")
