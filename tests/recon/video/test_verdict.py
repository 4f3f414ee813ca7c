"""The verdict on a video as a whole, from measures alone."""

from __future__ import annotations

from fractions import Fraction

import pytest

from maquette.recon.video.measuring import FrameMeasures, Survey
from maquette.recon.video.motion import Continuity, Motion
from maquette.recon.video.orientation import Orientation
from maquette.recon.video.reader import VideoFacts
from maquette.recon.video.verdict import judge_video

FACTS = VideoFacts("mp4", "h264", 1080, 1920, Orientation(), 20.0, 30.0, 600, "sdr", 8, False, Fraction(1))


def codes(
    *,
    parallax: float = 0.5,
    shift: float = 2.0,
    sharpness: float = 100.0,
    brightness: float = 120.0,
    odd: Continuity = "tracked",
    odd_frames: int = 0,
    keyframes: int = 24,
    frames: int = 600,
    damaged: int = 0,
    duration_s: float = 20.0,
) -> list[str]:
    """Of a good walk with one thing changed."""
    measured = tuple(
        FrameMeasures(
            i,
            i,
            i / 10,
            sharpness,
            brightness,
            Motion(parallax * i / 199, shift * i / 199, odd if i < odd_frames else "tracked"),
        )
        for i in range(200)
    )
    seen = Survey(measured, frames, duration_s, (), damaged, True)
    return [reason.code for reason in judge_video(FACTS, seen, measured[:: 200 // keyframes][:keyframes])]


def test_a_good_walk_has_nothing_to_be_told() -> None:
    assert codes() == []
    assert codes(odd="lost", odd_frames=2) == []  # a moment's blur


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"frames": 500}, "cut_off"),
        ({"damaged": 3}, "damaged"),
        ({"duration_s": 17.0}, "cut_off"),
        ({"parallax": 0.01, "shift": 0.03}, "camera_stood_still"),
        ({"parallax": 0.04, "shift": 2.0}, "camera_only_turned"),
        ({"odd": "featureless", "odd_frames": 100, "parallax": 0.0, "shift": 0.0}, "featureless"),
        ({"odd": "lost", "odd_frames": 30}, "moves_too_fast"),
        ({"shift": 12.0, "parallax": 3.0}, "moves_too_fast"),
        ({"odd": "cut", "odd_frames": 1}, "scene_cuts"),
        ({"sharpness": 5.0}, "mostly_blurred"),
        ({"brightness": 12.0}, "too_dark"),
        ({"brightness": 240.0}, "too_bright"),
        ({"keyframes": 5, "shift": 1.0}, "few_keyframes"),
    ],
)
def test_each_fault_is_told_and_no_other(change: dict, expected: str) -> None:
    assert codes(**change) == [expected]
