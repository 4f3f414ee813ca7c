"""Walking, turning and standing still, told from the picture alone."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import pytest
from tests.recon.video.movies import texture, turn, walk

from maquette.recon.video.motion import Motion, Tracker, beyond_rotation


def follow(pictures: Iterable[np.ndarray]) -> list[Motion]:
    tracker = Tracker()
    return [tracker.follow(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)) for picture in pictures]


def rotation(axis: tuple[float, float, float], degrees: float) -> np.ndarray:
    return cv2.Rodrigues(np.array(axis) / np.linalg.norm(axis) * np.radians(degrees))[0]


def project(points: np.ndarray, focal: float) -> np.ndarray:
    return focal * points[:, :2] / points[:, 2:]


@pytest.fixture
def cloud() -> np.ndarray:
    """Points before a camera, at depths from 2 to 6."""
    rng = np.random.default_rng(0)
    depth = rng.uniform(2, 6, 200)
    return np.column_stack([rng.uniform(-0.5, 0.5, 200) * depth, rng.uniform(-0.35, 0.35, 200) * depth, depth])


@pytest.mark.parametrize("focal", [0.6, 0.8, 1.0, 1.4])
def test_a_turn_leaves_nothing_whatever_the_lens(cloud: np.ndarray, focal: float) -> None:
    turned = cloud @ rotation((0.2, 1, 0.1), 8).T
    shift = np.median(np.linalg.norm(project(turned, focal) - project(cloud, focal), axis=1))
    assert shift > 0.08
    assert beyond_rotation(project(cloud, focal), project(turned, focal)) < 0.02 * shift


def test_a_step_leaves_much_even_if_the_camera_turns_back(cloud: np.ndarray) -> None:
    stepped = (cloud - (0.4, 0, 0)) @ rotation((0, 1, 0), -6).T
    assert beyond_rotation(project(cloud, 0.8), project(stepped, 0.8)) > 0.02


def test_a_step_over_a_table_is_no_turn() -> None:
    rng = np.random.default_rng(1)
    x, z = rng.uniform(-1.2, 1.2, 300), rng.uniform(2, 6, 300)
    table = np.column_stack([x, np.full(300, 0.8), z])  # a plane: a homography would explain all of it
    assert beyond_rotation(project(table, 0.8), project(table - (0.4, 0, 0), 0.8)) > 0.01


def test_moving_passers_by_do_not_make_a_turn_a_step(cloud: np.ndarray) -> None:
    before, after = project(cloud, 0.8), project(cloud @ rotation((0, 1, 0), 5).T, 0.8)
    after[:40] += 0.05
    assert beyond_rotation(before, after) < 0.003


def test_walking_gathers_parallax_and_turning_does_not() -> None:
    walked, turned = follow(walk(60))[-1], follow(turn(60))[-1]
    assert walked.shift > 0.3
    assert walked.parallax > 0.15 * walked.shift
    assert turned.shift > 0.3
    assert turned.parallax < 0.03 * turned.shift


def test_noise_does_not_add_up_to_a_journey() -> None:
    rng = np.random.default_rng(0)
    still = texture(1)[:240, :320].astype(int)
    motions = follow(np.clip(still + rng.normal(0, 6, still.shape), 0, 255).astype(np.uint8) for _ in range(120))
    assert motions[-1].shift < 0.01
    assert motions[-1].parallax < 0.01
    assert {motion.continuity for motion in motions} == {"tracked"}


def test_a_cut_is_told_from_a_blank_wall() -> None:
    here, there = texture(1, grain=12)[:240, :320], texture(5, grain=12)[:240, :320]
    continuity = [motion.continuity for motion in follow([here] * 5 + [there] * 5)]
    assert continuity.count("cut") == 1
    assert continuity[5] == "cut"
    blank = np.full((240, 320, 3), 128, np.uint8)
    assert [motion.continuity for motion in follow([blank] * 4)][1:] == ["featureless"] * 3
