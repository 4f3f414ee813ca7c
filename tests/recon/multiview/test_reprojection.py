"""Where a pixel falls in another view, and whether that view sees it: walls of known depth."""

from __future__ import annotations

import numpy as np
import pytest
from tests.recon.multiview.walls import FOCAL, HEIGHT, WALL, WIDTH, camera_at, look

from maquette.recon.cameras import Camera
from maquette.recon.multiview.reprojection import Sight, look_from, normals_of
from maquette.recon.multiview.settings import WeightSettings

SETTINGS = WeightSettings()


def sight(own: Camera, other: Camera, *, gain: float = 1.0, slope: float = 0.0, **what: object) -> Sight:
    picture, depth = look(own, slope=slope, **what)
    seen, there = look(other, slope=slope, **what)
    return look_from(
        other,
        there,
        seen,
        camera=own,
        depth=depth,
        normals=normals_of(own, depth),
        pictures=(picture[None] / np.float32(255)).astype(np.float32),
        gain=gain,
        settings=SETTINGS,
    )


def test_the_same_camera_sees_all_and_the_same() -> None:
    found = sight(camera_at(), camera_at())
    np.testing.assert_allclose(found.visibility, 1, atol=1e-3)
    np.testing.assert_allclose(found.differences, 0, atol=1e-6)
    picture, _ = look(camera_at())
    np.testing.assert_allclose(found.colour, picture / 255, atol=1e-5)


def test_colours_come_from_where_the_pixels_fall() -> None:
    own, other = camera_at(), camera_at(0.5, -0.2, 0.3)
    found = sight(own, other)
    picture, _ = look(own)
    inner = found.visibility > 0
    assert inner.mean() > 0.6
    # Bilinear reading of a smooth texture at a slightly larger scale
    assert np.abs(found.colour - picture / 255)[:, inner].max() < 0.05
    assert found.differences[0][inner].max() < 1e-2


def test_out_of_frame_and_behind_are_not_seen() -> None:
    shift_px = FOCAL * 1.0 / WALL
    found = sight(camera_at(), camera_at(1.0))
    columns = np.flatnonzero((found.visibility > 0).all(axis=0))
    assert (columns.min(), columns.max()) == (round(shift_px), WIDTH - 1)
    assert (found.visibility[:, : int(shift_px) - 1] == 0).all()
    assert (found.colour[:, :, : int(shift_px) - 1] == 0).all()
    assert not sight(camera_at(), camera_at(0, 0, 6.0)).visibility.any(), "the wall is behind that camera"
    assert not sight(camera_at(), camera_at(yaw=np.pi)).visibility.any()


def test_what_something_nearer_hides_is_not_seen() -> None:
    """A board before the wall: the other camera, 0.8 to the right, sees another part of the wall behind it."""
    own, other = camera_at(), camera_at(0.8)
    found = sight(own, other, box=(-0.2, 0.2, 2.5, 200.0))
    _, depth = look(own, box=(-0.2, 0.2, 2.5, 200.0))
    wall_x = (np.arange(WIDTH) + 0.5 - WIDTH / 2) / FOCAL * WALL
    # The shadow of the board, thrown onto the wall from x = 0.8
    hidden = (wall_x > 0.8 + (-0.2 - 0.8) * WALL / 2.5 + 0.05) & (wall_x < 0.8 + (0.2 - 0.8) * WALL / 2.5 - 0.05)
    on_wall = depth[HEIGHT // 2] > 3
    assert (hidden & on_wall).sum() >= 8
    assert not found.visibility[:, hidden & on_wall].any()
    board = np.flatnonzero(depth[HEIGHT // 2] < 3)
    assert found.visibility[:, board[4:-4]].min() > 0.4, "the board itself is seen, its edges aside"


def test_a_wrong_depth_is_not_seen_and_a_slightly_wrong_one_less() -> None:
    own, other = camera_at(), camera_at(0.1)
    picture, depth = look(own)
    seen, there = look(other)

    def visibility(factor: float) -> float:
        found = look_from(
            other,
            there,
            seen,
            camera=own,
            depth=depth * np.float32(factor),
            normals=np.zeros((3, HEIGHT, WIDTH), np.float32),
            pictures=(picture[None] / np.float32(255)).astype(np.float32),
            settings=SETTINGS,
        )
        return float(found.visibility[HEIGHT // 2, WIDTH // 2])

    exact = visibility(1.0)
    assert visibility(1 + SETTINGS.depth_tolerance) == pytest.approx(exact * np.exp(-0.5), rel=0.01)
    assert visibility(1 - SETTINGS.depth_tolerance) == pytest.approx(exact * np.exp(-0.5), rel=0.01)
    assert visibility(1 + 3.1 * SETTINGS.depth_tolerance) == 0
    assert visibility(1 - 3.1 * SETTINGS.depth_tolerance) == 0


def test_the_angle_between_rays_counts_linearly() -> None:
    """A camera on a circle around the middle of the wall: only the angle changes there, and how grazing its ray is."""
    for degrees in (10.0, 30.0, 50.0, 70.0):
        turn = np.radians(degrees)
        other = camera_at(-WALL * np.sin(turn), 0.0, WALL - WALL * np.cos(turn), yaw=turn)
        found = sight(camera_at(), other).visibility[HEIGHT // 2, WIDTH // 2]
        expected = max(0.0, 1 - degrees / SETTINGS.widest_angle_deg) * min(1, np.cos(turn) / SETTINGS.grazing_cosine)
        assert found == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("slope", [0.0, 0.5, -1.2])
def test_normals_of_a_plane_are_exact(slope: float) -> None:
    camera = camera_at()
    _, depth = look(camera, slope=slope)
    expected = np.array([slope, 0, -1]) / np.hypot(slope, 1)
    inner = normals_of(camera, depth)[:, 4:-4, 4:-4]
    np.testing.assert_allclose(inner, np.broadcast_to(expected[:, None, None], inner.shape), atol=2e-4)
    assert not normals_of(camera, depth)[:, 0].any(), "at the border no square of pixels is whole"


def test_a_surface_that_faces_away_is_not_seen() -> None:
    """The wall turns its back on a camera behind it; a depth map of that camera that says otherwise changes nothing."""
    own = camera_at()
    picture, depth = look(own, slope=2.0)
    behind = camera_at(-1.5, 0.0, 3.0, yaw=0.9)
    assert (behind.centre[2] - WALL - 2.0 * behind.centre[0]) > 0, "on the far side of the wall"
    arguments = {
        "camera": own,
        "depth": depth,
        "pictures": (picture[None] / np.float32(255)).astype(np.float32),
        "settings": WeightSettings(widest_angle_deg=180.0, depth_tolerance=1.0),
    }
    there = np.full((HEIGHT, WIDTH), 1.5, np.float32)
    blind = look_from(behind, there, picture, normals=np.zeros_like(arguments["pictures"][0]), **arguments)
    found = look_from(behind, there, picture, normals=normals_of(own, depth), **arguments)
    inner = np.zeros((HEIGHT, WIDTH), bool)
    inner[4:-4, 4:-4] = True
    assert (blind.visibility[inner] > 0).any(), "without normals it would count"
    assert not found.visibility[inner].any()


def test_exposure_of_the_other_is_divided_out() -> None:
    own = camera_at()
    picture, depth = look(own)
    darker = np.rint(picture * 0.8).astype(np.uint8)
    arguments = {
        "camera": own,
        "depth": depth,
        "normals": normals_of(own, depth),
        "pictures": (picture[None] / np.float32(255)).astype(np.float32),
        "settings": SETTINGS,
    }
    without = look_from(own, depth, darker, **arguments)
    allowed = look_from(own, depth, darker, gain=1 / 0.8, **arguments)
    assert without.differences.mean() > 0.02
    assert allowed.differences.max() < 0.01
