"""Which frames are chosen, from measures alone."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from maquette.recon.video.choosing import LEAST_FRAMES, blurred, choose
from maquette.recon.video.measuring import FrameMeasures
from maquette.recon.video.motion import Motion


def frames(count: int, *, step: float = 0.01, seed: int = 0) -> list[FrameMeasures]:
    """Evenly moving, of about the same sharpness."""
    rng = random.Random(seed)
    return [
        FrameMeasures(i, i, i / 10, rng.uniform(90, 110), 120.0, Motion(step * i, 3 * step * i, "tracked"))
        for i in range(count)
    ]


@pytest.mark.parametrize("count", [1, 3, 16, 40])
def test_as_many_as_wanted_and_evenly_spread(count: int) -> None:
    chosen = choose(frames(400), count)
    assert len(chosen) == count
    assert list(chosen) == sorted(set(chosen))
    gaps = np.diff((0, *chosen, 399))
    assert gaps.max() <= 2 * 400 / count


def test_no_more_than_there_are() -> None:
    assert len(choose(frames(10), 24)) == 10
    assert choose([], 24) == ()


def test_the_sharpest_of_its_surroundings() -> None:
    measured = frames(100)
    sharp = [12, 37, 62, 87]
    for i in sharp:
        measured[i] = replace(measured[i], sharpness=200.0)
    assert list(choose(measured, 4)) == sharp


def test_blurred_stretches_stay_empty_and_others_make_up() -> None:
    measured = frames(200)
    for i in range(60, 120):
        measured[i] = replace(measured[i], sharpness=15.0)
    chosen = choose(measured, 20)
    assert len(chosen) == 20
    assert not blurred([measured[i] for i in range(200)])[list(chosen)].any()
    assert not set(chosen) & set(range(60, 120))


def test_only_where_nothing_else_is_there_blurred_ones_are_taken() -> None:
    measured = [replace(frame, sharpness=4.0 + (frame.index % 10) / 10) for frame in frames(100)]
    chosen = choose(measured, 10)
    assert len(chosen) == 10
    assert min(measured[i].sharpness for i in chosen) > 4.3


def test_a_camera_that_rests_is_not_photographed_again_and_again() -> None:
    walked = frames(100, step=0.01)
    resting = [replace(walked[-1], index=100 + i, pts=100 + i, time_s=10 + i / 10) for i in range(300)]
    chosen = choose(walked + resting, 20)
    assert sum(i >= 100 for i in chosen) <= 4


def test_a_still_camera_gives_a_few_frames() -> None:
    assert len(choose(frames(300, step=0.0), 24)) == LEAST_FRAMES


def test_a_path_back_and_forth_depends_on_nothing_else() -> None:
    measured = frames(150, seed=3)
    assert choose(measured, 24) == choose(tuple(measured), 24)
