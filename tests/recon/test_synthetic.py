"""The demo capture: its pictures, and that its truth is true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maquette.recon.cameras import Camera
from maquette.recon.synthetic import SyntheticCapture, make_capture, photograph, true_depth
from maquette.recon.synthetic.diorama import VILLAGE, Box, Diorama, Sphere
from maquette.recon.synthetic.orbit import look_at


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> SyntheticCapture:
    return make_capture(tmp_path_factory.mktemp("capture"), views=5, width=160, height=120)


def from_above(height: float, pixels: int = 101) -> Camera:
    """Looks straight down at the origin; one pixel is ``height / 100`` units wide on the ground."""
    pose = look_at(np.array([0.0, 0.0, height]), np.zeros(3), np.array([0.0, 1.0, 0.0]))
    return Camera(pixels, pixels, 100.0, 100.0, pixels / 2, pixels / 2, pose)


def test_photos_are_plain_jpegs_without_exif(capture: SyntheticCapture) -> None:
    assert [p.name for p in capture.paths] == [f"photo_{i:02d}.jpg" for i in range(1, 6)]
    assert sorted(p.name for p in capture.paths[0].parent.iterdir()) == [p.name for p in capture.paths]
    for path in capture.paths:
        with Image.open(path) as photo:
            assert (photo.format, photo.size, photo.mode) == ("JPEG", (160, 120), "RGB")
            assert not photo.getexif()


def test_same_seed_same_pictures_other_seed_others(capture: SyntheticCapture) -> None:
    again = photograph(VILLAGE, capture.cameras[0], seed=0)
    np.testing.assert_array_equal(again, photograph(VILLAGE, capture.cameras[0], seed=0))
    assert np.abs(again.astype(int) - photograph(VILLAGE, capture.cameras[0], seed=3)).mean() > 5


def test_pictures_are_rich_and_never_show_the_sky(capture: SyntheticCapture) -> None:
    for index, path in enumerate(capture.paths):
        with Image.open(path) as photo:
            pixels = np.asarray(photo).astype(float)
        assert pixels.std() > 30
        assert (capture.depth(index) > 0).all()
        tiles = pixels[:120, :160].reshape(8, 15, 8, 20, 3)
        assert tiles.std(axis=(1, 3)).max(axis=-1).min() > 3  # no featureless patch anywhere


def test_photos_agree_with_each_other_through_depth_and_cameras(capture: SyntheticCapture) -> None:
    """A surface point seen by two cameras has the same colour in both: depth, poses and pictures are of one world."""
    scene = capture.scene(points=2000)
    near = np.linalg.norm(scene.points[:, :2], axis=1) < 2.5
    points, colours = scene.points[near], scene.colors[near].astype(float)
    camera, depth = capture.cameras[1], capture.depth(1)
    in_camera = points @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]
    x = camera.fx * in_camera[:, 0] / in_camera[:, 2] + camera.cx
    y = camera.fy * in_camera[:, 1] / in_camera[:, 2] + camera.cy
    inside = (in_camera[:, 2] > 0) & (x > 1) & (x < 159) & (y > 1) & (y < 119)
    columns, rows = x[inside].astype(int), y[inside].astype(int)
    seen = np.abs(depth[rows, columns] / in_camera[inside, 2] - 1) < 0.01
    picture = photograph(capture.diorama, camera, capture.seed).astype(float)
    difference = np.abs(picture[rows, columns][seen] - colours[inside][seen]).mean(axis=1)
    shuffled = np.abs(picture[rows, columns][seen] - colours[inside][seen][::-1]).mean(axis=1)
    assert seen.sum() > 500
    assert np.median(difference) < 12
    assert np.median(shuffled) > 2 * np.median(difference)


def test_depth_of_known_shapes_is_exact() -> None:
    """From above: a box's top at its height, a ball's top at its diameter, the ground elsewhere."""
    box = Diorama(boxes=(Box((0.0, 0.0, 0.5), (2.0, 1.0, 1.0), 0.0, "stone"),), spheres=())
    depth = true_depth(box, from_above(5.0))
    assert depth[50, 50] == pytest.approx(4.0)
    assert depth[0, 0] == pytest.approx(5.0)
    top = np.isclose(depth, 4.0)
    assert top.any(axis=0).sum() == pytest.approx(2.0 * 100 / 4, abs=1)  # along x, the picture's width
    assert top.any(axis=1).sum() == pytest.approx(1.0 * 100 / 4, abs=1)

    ball = Diorama(boxes=(), spheres=(Sphere((0.0, 0.0, 0.6), 0.6, "marble"),))
    depth = true_depth(ball, from_above(5.0))
    assert depth[50, 50] == pytest.approx(5.0 - 1.2, abs=1e-5)
    hidden = (depth < 5.0 - 1e-6).sum()
    radius_px = 100 * 0.6 / np.sqrt((5.0 - 0.6) ** 2 - 0.6**2)  # the cone that touches the ball
    assert hidden == pytest.approx(np.pi * radius_px**2, rel=0.03)


def test_a_turned_box_turns_counterclockwise_seen_from_above() -> None:
    """The yaw follows the right hand about +z; the picture's up is +y here, its right +x."""
    long_box = Diorama(boxes=(Box((0.0, 0.0, 0.1), (2.0, 0.2, 0.2), np.pi / 4, "planks"),), spheres=())
    depth = true_depth(long_box, from_above(5.0))
    reach = round(0.6 * 100 / 4.8)
    assert depth[50 - reach, 50 + reach] == pytest.approx(4.8)  # up and right
    assert depth[50 - reach, 50 - reach] == pytest.approx(5.0)


def test_volumes() -> None:
    assert VILLAGE.boxes[0].volume == pytest.approx(0.85 * 0.85 * 1.5)
    assert VILLAGE.spheres[0].volume == pytest.approx(4 / 3 * np.pi * 0.125)


def test_scene_is_what_the_trainer_takes(capture: SyntheticCapture) -> None:
    scene = capture.scene(points=101)
    assert scene.points.shape == scene.colors.shape == (101, 3)
    assert scene.held_out == (0,)
    assert all(view.image_path.exists() for view in scene.views)


def test_progress_is_told_and_can_stop_it(tmp_path: Path) -> None:
    told: list[float] = []

    class StopError(Exception):
        pass

    def stop(stage: str, fraction: float, message: str = "") -> None:
        told.append(fraction)
        assert stage == "photographing"
        if fraction >= 0.5:
            raise StopError

    with pytest.raises(StopError):
        make_capture(tmp_path, views=4, width=64, height=48, progress=stop)
    assert told == [0.0, 0.25, 0.5]
    assert len(list(tmp_path.iterdir())) == 2
