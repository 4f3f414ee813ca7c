"""What the doctor says of a set before any heavy work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from maquette.recon.capture import Measures, judge
from maquette.recon.doctor import judge_set


def photos(count: int, **changed: object) -> list[Measures]:
    """Good photos, each with a thumbnail of its own, ``changed`` alike."""
    found = []
    for index in range(count):
        thumbnail = bytes((index * 37 + pixel * (index + 3)) % 256 for pixel in range(32 * 32)).hex()
        one = Measures(f"p{index}.jpg", 1600, 1200, 500.0, 120.0, 0.01, f"sha{index}", thumbnail)
        found.append(replace(one, **changed))  # type: ignore[arg-type]
    return found


def codes(measures: list[Measures], models: tuple[str | None, ...] = ()) -> tuple[str, list[str]]:
    verdict = judge_set(judge(measures), models)
    assert all(reason.sentence and reason.action for reason in verdict.reasons)
    assert verdict.coverage is None
    return verdict.status, [reason.code for reason in verdict.reasons]


@pytest.mark.parametrize(
    ("count", "status", "found"),
    [
        (0, "rejected", ["too_few_photos"]),
        (1, "warning", ["one_photo"]),
        (2, "rejected", ["too_few_photos"]),
        (3, "warning", ["few_photos"]),
        (4, "warning", ["few_photos"]),
        (5, "ok", ["few_for_a_whole_model"]),
        (20, "ok", []),
    ],
)
def test_the_count_has_the_gate_s_limits(count: int, status: str, found: list[str]) -> None:
    assert codes(photos(count)) == (status, found)


def test_a_lone_photo_that_no_relief_can_be_made_of_is_told_at_once() -> None:
    assert codes(photos(1, width=200, height=180)) == ("rejected", ["too_small", "one_photo"])
    assert codes(photos(1, width=1600, height=400)) == ("rejected", ["bad_aspect", "one_photo"])
    assert codes(photos(3, width=1600, height=400))[1] == ["few_photos"], "of several, each may have any shape"


def test_copies_do_not_count() -> None:
    two = photos(2)
    copies = [replace(two[0], name=f"copy{i}.jpg") for i in range(4)]
    verdict = judge_set(judge([*two, *copies]))
    assert verdict.status == "rejected"
    assert verdict.reasons[0].sentence.startswith("2 of 6 photos can be used")


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"sharpness": 5.0}, "mostly_blurred", "8 of 24 photos are blurred"),
        ({"brightness": 20.0}, "mostly_dark", "8 of 24 photos are very dark"),
        ({"width": 320, "height": 240}, "mostly_small", "8 of 24 photos are of low resolution"),
    ],
)
def test_a_fault_of_a_third_is_the_set_s(changed: dict[str, object], code: str, words: str) -> None:
    good = photos(24)
    bad = [replace(photo, **changed) for photo in good[:8]]  # type: ignore[arg-type]
    verdict = judge_set(judge([*bad, *good[8:]]))
    assert verdict.status == "warning"
    assert verdict.reasons[0].code == code
    assert words in verdict.reasons[0].sentence
    assert code not in codes([*bad[:2], *good[2:]])[1]


def test_a_video_held_still_shows_one_view() -> None:
    same = [replace(photo, thumbnail=photos(1)[0].thumbnail) for photo in photos(20)]
    assert codes(same) == ("warning", ["mostly_same_view"])


def test_mixed_sizes_cameras_and_exposures_are_hints() -> None:
    mixed = photos(20)
    mixed[3] = replace(mixed[3], width=1200, height=1600)
    dark = [replace(photo, brightness=40.0 if i % 2 else 200.0) for i, photo in enumerate(mixed)]
    status, found = codes(dark, ("Pixel 8", "iPhone 15", None))
    assert status == "ok"
    assert found == ["mixed_sizes", "mixed_cameras", "exposure_changes"]
