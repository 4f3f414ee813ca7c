"""Models stand upright in the file, face its viewer, and have their origin and scale as asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.recon.frame.worlds import UP, any_turn, around, blob, cube, lawn, scene_of

from maquette.recon.formats.format import UpAxis
from maquette.recon.formats.points import Points
from maquette.recon.frame import BadPlacingError, Up, find_up, known_up, moved, place_out, placing
from maquette.recon.frame.placing import FROM_Y_UP

AXES: dict[UpAxis, tuple[np.ndarray, np.ndarray]] = {
    "y": (np.array([0, 1.0, 0]), np.array([0, 0, -1.0])),
    "-y": (np.array([0, -1.0, 0]), np.array([0, 0, 1.0])),
    "z": (np.array([0, 0, 1.0]), np.array([0, 1.0, 0])),
}
"""Up, and where the start view looks, in each frame."""


def cloud(points: np.ndarray) -> Points:
    return Points(points.astype(np.float32), np.zeros((len(points), 3), np.uint8))


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("seed", range(3))
def test_up_points_up_and_the_start_view_looks_into_the_picture(axis: UpAxis, seed: int) -> None:
    turn = any_turn(seed)
    scene = moved(scene_of(around(np.arange(0, 360, 15), elevation_deg=35, wander=0.3), lawn()), turn)
    start = scene.views[3].camera
    by = placing(cloud(scene.points), find_up(scene), up_axis=axis, start_view=start)
    up, ahead = AXES[axis]
    assert np.degrees(np.arccos(by.of_directions(turn.of_directions(UP)) @ up)) < 0.5
    forward = by.of_directions(start.camera_from_world[2, :3])
    level = forward - (forward @ up) * up
    np.testing.assert_allclose(level / np.linalg.norm(level), ahead, atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(by.rotation), 1)


def test_the_frames_are_one_frame_turned() -> None:
    """What is right of the start view is +x in each."""
    scene = scene_of(around([20, 50, 80, 110]), blob())
    start = scene.views[0].camera
    rights = [
        placing(cloud(scene.points), find_up(scene), up_axis=axis, start_view=start).of_directions(
            start.camera_from_world[0, :3]
        )
        for axis in FROM_Y_UP
    ]
    for right in rights:
        np.testing.assert_allclose(right, [1, 0, 0], atol=0.05)


def test_a_view_straight_down_faces_where_the_top_of_its_picture_lies() -> None:
    pose = np.eye(4)
    pose[:3, :3] = [[1, 0, 0], [0, -1, 0], [0, 0, -1]]
    camera = around([0])[0]
    start = type(camera)(320, 240, 300.0, 300.0, 160.0, 120.0, pose)
    by = placing(cube(), known_up(UP), up_axis="y", start_view=start)
    np.testing.assert_allclose(by.of_directions(np.array([0.0, 1.0, 0.0])), [0, 0, -1], atol=1e-9)


def test_a_model_that_stands_already_is_left_alone() -> None:
    by = placing(cube(), known_up(np.array([0.0, 1.0, 0.0])), up_axis="y")
    np.testing.assert_allclose(by.matrix, np.eye(4), atol=1e-12)
    by = placing(cube(), known_up(np.array([0.0, -1.0, 0.0])), up_axis="-y")
    np.testing.assert_allclose(by.matrix, np.eye(4), atol=1e-12)
    for up in (np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, -1.0])):
        assert np.isfinite(placing(cube(), known_up(up)).matrix).all()


def test_origins() -> None:
    turn = any_turn(2)
    mesh = moved(cube(), turn)
    up = known_up(turn.of_directions(UP))
    start = moved(scene_of(around([0, 90]), blob()), turn).views[0].camera
    middle = turn.of_points(np.zeros((1, 3)))[0]
    for scale in (1.0, 2.5):
        placed, by = place_out(mesh, up, origin="center", scale=scale, start_view=start)
        np.testing.assert_allclose(placed.vertices.mean(axis=0), 0, atol=1e-4 * scale * turn.scale)
        placed, _ = place_out(mesh, up, origin="ground", scale=scale, start_view=start)
        low, high = placed.bounds
        np.testing.assert_allclose([low[1], high[1]], [0, 2 * scale * turn.scale], atol=1e-3 * scale * turn.scale)
        np.testing.assert_allclose((low + high)[[0, 2]], 0, atol=1e-3 * scale * turn.scale)
        _, by = place_out(mesh, up, origin=tuple(middle), scale=scale)
        np.testing.assert_allclose(by.of_points(middle), 0, atol=1e-6)
        _, by = place_out(mesh, up, origin="captured", scale=scale)
        np.testing.assert_allclose(by.of_points(np.zeros(3)), 0, atol=1e-9)
        assert by.scale == scale


def test_the_ground_that_was_found_is_the_ground() -> None:
    scene = scene_of(around(np.arange(0, 360, 15), roll_deg=2.0, wander=0.4), np.concatenate([lawn(), blob()]))
    up = find_up(scene)
    assert up.method == "ground_plane"
    placed, by = place_out(scene, up, origin="ground")
    assert abs(np.median(by.of_points(lawn())[:, 1])) < 0.02
    assert placed.views[0].camera.centre[1] > 1


def test_far_outliers_do_not_move_the_middle() -> None:
    points = np.concatenate([blob(), [[1e4, 0, 0]]])
    _, by = place_out(cloud(points), known_up(UP), origin="center")
    assert np.linalg.norm(by.of_points(np.zeros(3))) < 0.5


@pytest.mark.parametrize(
    "asked",
    [
        {"up_axis": "x"},
        {"scale": 0.0},
        {"scale": float("nan")},
        {"origin": "middle"},
        {"origin": (1.0, 2.0)},
        {"origin": (1.0, 2.0, float("inf"))},
    ],
)
def test_what_places_nothing_is_refused(asked: dict[str, Any]) -> None:
    up = Up((0.0, 1.0, 0.0), "known_poses", 1.0, "")
    with pytest.raises(BadPlacingError):
        placing(cube(), up, **asked)


def test_nothing_has_no_middle() -> None:
    with pytest.raises(BadPlacingError):
        placing(cloud(np.zeros((0, 3))), known_up(UP), origin="center")
