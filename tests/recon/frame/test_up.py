"""Up is found within stated degrees in worlds turned any way, and what cannot be known is not claimed."""

from __future__ import annotations

import numpy as np
import pytest
from tests.recon.frame.worlds import UP, any_turn, apart_deg, around, blob, held, lawn, scene_of

from maquette.recon.formats.points import Points
from maquette.recon.frame import BadUpError, Up, find_up, known_up, moved
from maquette.recon.initialize import gaussians_from_points
from maquette.recon.scene import Scene

RING = np.arange(0, 360, 15.0)
ARC = np.arange(-60, 61, 12.0)


def found(scene: Scene, seed: int) -> tuple[Up, float]:
    """Up in the scene turned at random, and by how many degrees it is wrong."""
    turn = any_turn(seed)
    up = find_up(moved(scene, turn))
    assert abs(np.linalg.norm(up.direction) - 1) < 1e-9
    return up, apart_deg(up.direction, turn.of_directions(UP))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("azimuths", [RING, ARC], ids=["ring", "arc"])
def test_the_ground_is_found(seed: int, azimuths: np.ndarray) -> None:
    cameras = around(azimuths, roll_deg=3.0, wander=0.4, seed=seed)
    up, error = found(scene_of(cameras, np.concatenate([lawn(seed=seed), blob(seed=seed)])), seed)
    assert up.method == "ground_plane"
    assert error < 0.5
    assert up.confidence > 0.8
    assert up.ground_height is not None
    turn = any_turn(seed)
    on_lawn = turn.of_points(np.array([[1.0, 2.0, -0.8]]))[0]
    assert abs(on_lawn @ up.vector - up.ground_height) < 0.02 * turn.scale


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("azimuths", "elevation", "within"),
    [(RING, 30, 2.0), (RING, 55, 2.0), (ARC, 30, 4.0)],
    ids=["ring", "steep", "arc"],
)
def test_without_a_ground_it_is_how_cameras_were_held(
    seed: int, azimuths: np.ndarray, elevation: float, within: float
) -> None:
    cameras = around(azimuths, elevation_deg=elevation, roll_deg=3.0, wander=0.4, seed=seed)
    up, error = found(scene_of(cameras, blob(seed=seed)), seed)
    assert up.method == "camera_ups"
    assert error < within
    assert "no ground" in up.sentence


def test_photos_taken_on_their_side_do_not_count() -> None:
    cameras = around(RING, roll_deg=2.0, wander=0.3)
    turned = around(RING + 4, roll_deg=0.0, wander=0.3, seed=1)[::5]
    aside = [held(camera.centre, (0.0, 0.0, 0.0), roll_deg=90.0) for camera in turned]
    up, error = found(scene_of([*cameras, *aside], blob()), 3)
    assert up.method == "camera_ups"
    assert error < 2.0


@pytest.mark.parametrize("roll", [0.0, 90.0, -90.0, 8.0])
def test_a_turntable_is_upright_however_the_camera_was_mounted(roll: float) -> None:
    cameras = [held(camera.centre, (0, 0, 0), roll) for camera in around(np.arange(0, 360, 22.5), elevation_deg=20)]
    up, error = found(scene_of(cameras, blob()), 5)
    assert up.method == "camera_circle"
    assert error < 0.5
    assert (abs(roll) == 90) == ("on their side" in up.sentence) == (up.confidence < 0.7)


def test_a_level_turntable_on_its_side_leaves_one_end_or_the_other() -> None:
    cameras = [held(camera.centre, (0, 0, 0), 90.0) for camera in around(np.arange(0, 360, 22.5), elevation_deg=0)]
    up, error = found(scene_of(cameras, blob()), 5)
    assert up.method == "camera_circle"
    assert min(error, 180 - error) < 0.5
    assert up.confidence < 0.5
    assert "guess" in up.sentence


def test_cameras_that_look_straight_down_from_all_sides() -> None:
    rng = np.random.default_rng(2)
    cameras = []
    for place in rng.uniform(-3, 3, (24, 2)):
        offset = rng.normal(0, 0.3, 2)
        cameras.append(held([*place, 6.0], [*(place + offset), 0.0]))
    up, error = found(scene_of(cameras, blob()), 2)
    assert up.method == "camera_ups"
    assert error < 2.0


def test_neither_a_wall_nor_a_ceiling_is_the_ground() -> None:
    cameras = around(ARC, elevation_deg=5, roll_deg=2.0, wander=0.3)
    wall = lawn()[:, [2, 0, 1]] - np.array([2.0, 0.0, 0.0])
    ceiling = lawn(height=3.0, seed=1)
    up, error = found(scene_of(cameras, np.concatenate([wall, ceiling, blob(200)])), 1)
    assert up.method == "camera_ups"
    assert error < 4.0


def test_what_nothing_says_is_not_claimed() -> None:
    rng = np.random.default_rng(0)
    cameras = [held(rng.normal(0, 5, 3), rng.normal(0, 1, 3), roll) for roll in rng.uniform(0, 360, 40)]
    up = find_up(scene_of(cameras, blob()))
    assert (up.method, up.confidence, up.direction) == ("as_captured", 0.0, (0.0, -1.0, 0.0))
    assert "disagree" in up.sentence


def test_the_ground_is_looked_for_in_what_is_given() -> None:
    scene = scene_of(around(ARC, roll_deg=3.0, wander=0.4), blob())
    floor = np.concatenate([lawn(), blob(200)])
    colors = np.zeros((len(floor), 3), np.uint8)
    gaussians = gaussians_from_points(floor, colors, sh_degree=0)
    assert find_up(scene, gaussians).method == "camera_ups", "Gaussians that can hardly be seen are no ground"
    gaussians.opacity_logits[:] = 2.0
    for content in (gaussians, Points(floor.astype(np.float32), colors)):
        up = find_up(scene, content)
        assert up.method == "ground_plane"
        assert apart_deg(up.direction, UP) < 0.5


def test_few_cameras_and_no_points_still_give_an_answer() -> None:
    one = find_up(scene_of([held((5, 0, 1), (0, 0, 1))], np.zeros((0, 3))))
    assert one.method == "camera_ups"
    assert apart_deg(one.direction, UP) < 1e-6
    assert one.confidence < 0.5, "a single camera says little"


def test_known_up_is_certain_and_has_a_length() -> None:
    up = known_up(np.array([0.0, 3.0, 0.0]))
    assert (up.method, up.confidence, up.direction) == ("known_poses", 1.0, (0.0, 1.0, 0.0))
    assert up.as_dict()["method"] == "known_poses"
    for nothing in (np.zeros(3), np.array([np.nan, 0.0, 1.0])):
        with pytest.raises(BadUpError):
            known_up(nothing)
