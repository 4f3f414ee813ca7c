"""Clear space: in front of a camera up to a share of the nearest depth, and only where its photo looks."""

from __future__ import annotations

import numpy as np

from maquette.recon.cameras import Camera
from maquette.recon.clearance import LEAST_POINTS, clear_space


def camera(x: float = 0.0) -> Camera:
    pose = np.eye(4)
    pose[0, 3] = -x
    return Camera(100, 80, 100.0, 100.0, 50.0, 40.0, pose)


def wall(depth: float, count: int = 400) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.concatenate([rng.uniform(-0.3, 0.3, (count, 2)) * depth, np.full((count, 1), depth)], axis=1)


def test_what_is_nearer_than_the_share_and_in_view_is_inside() -> None:
    space = clear_space([camera()], wall(10.0), 0.5)
    means = np.array([[0, 0, 4.9], [0, 0, 5.1], [0, 0, -1], [9, 0, 4.9], [2.8, 0, 4.9], [0, 0, 0.001]], np.float32)
    assert space.holds(means).tolist() == [True, False, False, False, True, True]


def test_any_camera_is_enough() -> None:
    space = clear_space([camera(), camera(100.0)], np.concatenate([wall(10.0), wall(4.0) + np.array([100, 0, 0])]), 0.5)
    means = np.array([[0, 0, 3], [100, 0, 3], [100, 0, 1.5], [50, 0, 1]], np.float32)
    assert space.holds(means).tolist() == [True, False, True, False]


def test_a_few_wrong_points_near_the_camera_do_not_count() -> None:
    points = np.concatenate([wall(10.0), [[0, 0, 0.1], [0, 0.01, 0.2]]])
    assert clear_space([camera()], points, 1.0).depths[0] == 10.0


def test_cameras_that_see_too_few_points_say_nothing() -> None:
    space = clear_space([camera()], wall(10.0, LEAST_POINTS - 1), 0.5)
    assert len(space.cameras) == 0
    assert not space.holds(np.zeros((3, 3), np.float32)).any()
