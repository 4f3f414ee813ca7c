"""Free cameras: where points of the world fall in their pictures, and what makes no camera."""

import numpy as np
import pytest

from maquette.recon.viewpoints import BadCameraError, camera_of_numbers, look_at


def project(camera, point):
    """Pixel of a world point, and its depth."""
    x, y, z, _ = camera.camera_from_world @ [*point, 1.0]
    return camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy, z


def test_the_target_is_in_the_middle_and_up_is_up():
    camera = look_at(
        (1.0, 2.0, 3.0), (4.0, -1.0, 8.0), up=(0.0, -1.0, 0.0), vertical_fov_deg=60.0, width=200, height=100
    )
    u, v, depth = project(camera, (4, -1, 8))
    assert (u, v) == pytest.approx((100, 50)) and depth == pytest.approx(np.sqrt(9 + 9 + 25))
    assert camera.centre == pytest.approx([1, 2, 3])
    higher = project(camera, (4, -2, 8))  # -y is up
    assert higher[0] == pytest.approx(100) and higher[1] < 50
    assert np.linalg.det(camera.camera_from_world[:3, :3]) == pytest.approx(1)


def test_right_is_right():
    """Along +z with -y up: OpenCV's own axes, so +x of the world is right in the picture."""
    camera = look_at((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), vertical_fov_deg=90.0, width=20, height=10)
    assert camera.camera_from_world == pytest.approx(np.eye(4))
    assert project(camera, (1, 0, 1))[0] == pytest.approx(15)


def test_the_field_of_view_is_that_of_the_height():
    camera = look_at((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), vertical_fov_deg=90.0, width=300, height=100)
    assert project(camera, (0, -1, 1))[1] == pytest.approx(0)
    assert camera.fx == camera.fy == pytest.approx(50)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"target": (1.0, 2.0, 3.0)}, "target"),
        ({"up": (0.0, 0.0, 0.0)}, "up"),
        ({"up": (0.0, 0.0, 2.0)}, "up"),
        ({"position": (np.nan, 0.0, 0.0)}, "position"),
        ({"target": (0.0, np.inf, 0.0)}, "target"),
        ({"vertical_fov_deg": 0.0}, "fov"),
        ({"vertical_fov_deg": 180.0}, "fov"),
        ({"vertical_fov_deg": np.nan}, "fov"),
        ({"position": (1.0, 2.0)}, "position"),
    ],
)
def test_what_makes_no_look(change, field):
    given = {
        "position": (1.0, 2.0, 3.0),
        "target": (1.0, 2.0, 9.0),
        "vertical_fov_deg": 50.0,
        "width": 8,
        "height": 8,
        **change,
    }
    with pytest.raises(BadCameraError) as refused:
        look_at(given.pop("position"), given.pop("target"), **given)
    assert refused.value.details["field"] == field and refused.value.suggestion


POSE = [1.0, 0.0, 0.0, 0.5, 0.0, 1.0, 0.0, -1.0, 0.0, 0.0, 1.0, 2.0]


def test_numbers():
    camera = camera_of_numbers(POSE, 50.0, 60.0, 10.0, 12.0, width=20, height=24)
    assert project(camera, (-0.5, 1, 0)) == pytest.approx((10, 12, 2))
    assert (camera.fx, camera.fy, camera.width, camera.height) == (50, 60, 20, 24)


@pytest.mark.parametrize(
    ("pose", "focal", "field"),
    [
        ([2.0 * value for value in POSE], 50.0, "camera_from_world"),
        ([-1.0, *POSE[1:]], 50.0, "camera_from_world"),
        (POSE[:11], 50.0, "camera_from_world"),
        ([*POSE[:11], np.nan], 50.0, "camera_from_world"),
        (POSE, 0.0, "fx"),
        (POSE, np.inf, "fx"),
    ],
)
def test_numbers_that_make_no_camera(pose, focal, field):
    with pytest.raises(BadCameraError) as refused:
        camera_of_numbers(pose, focal, 50.0, 1.0, 1.0, width=8, height=8)
    assert refused.value.details["field"] == field
