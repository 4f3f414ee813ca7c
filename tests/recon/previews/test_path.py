"""Previews look from where the photos were taken, upright, at what they show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.recon.frame.worlds import UP, any_turn, around, blob, cube, held, scene_of
from tests.recon.rasterize.scenes import random_gaussians

from maquette.recon.cameras import Camera
from maquette.recon.frame import moved
from maquette.recon.previews import path_around, path_of
from maquette.recon.previews.errors import NothingToShowError
from maquette.recon.scene import Scene

RING = np.arange(10, 370, 20.0)


def places(cameras: list[Camera]) -> tuple[np.ndarray, np.ndarray]:
    """Azimuth (degrees, counter-clockwise from above) and elevation of cameras around the origin, up being z."""
    eyes = np.stack([camera.centre for camera in cameras])
    azimuth = np.degrees(np.arctan2(eyes[:, 1], eyes[:, 0]))
    return azimuth, np.degrees(np.arcsin(eyes[:, 2] / np.linalg.norm(eyes, axis=1)))


def upright(camera: Camera, up: np.ndarray) -> bool:
    """Level from side to side, and the top of the picture up."""
    x, y = camera.camera_from_world[0, :3], camera.camera_from_world[1, :3]
    return bool(abs(x @ up) < 1e-6 and y @ up < 0)


def test_what_was_photographed_all_around_is_seen_every_45_degrees() -> None:
    path = path_of(scene_of(around(RING, elevation_deg=25, wander=0.2), blob()), UP.tolist())
    assert (path.kind, path.closed) == ("orbit", True)
    cameras = path.preview_cameras()
    azimuth, elevation = places(cameras)
    np.testing.assert_allclose(np.diff(np.unwrap(azimuth, period=360)), 45, atol=3)
    assert azimuth[0] == pytest.approx(RING[0], abs=4), "the first from where the first photo was taken"
    np.testing.assert_allclose(elevation, 25, atol=4)
    assert all(upright(camera, UP) for camera in cameras)
    assert {(camera.width, camera.height) for camera in cameras} == {(512, 512)}
    film = path.turntable_cameras(36, 64)
    steps = [np.linalg.norm(a.centre - b.centre) for a, b in zip(film, [*film[1:], film[0]], strict=True)]
    np.testing.assert_allclose(steps, steps[0], rtol=0.01), "it can be looped"
    np.testing.assert_allclose(path.poster_camera(64).centre, cameras[0].centre)


def test_a_thing_seen_from_one_side_is_shown_from_that_side() -> None:
    photos = around(np.linspace(150, 250, 12), elevation_deg=15, wander=0.1)
    path = path_of(scene_of(photos, blob()), UP.tolist())
    assert (path.kind, path.closed) == ("arc", False)
    assert "other side" in path.sentence
    for cameras in (path.preview_cameras(8, 64), path.turntable_cameras(40, 64)):
        azimuth, elevation = places(cameras)
        assert ((azimuth % 360 > 150) & (azimuth % 360 < 250)).all()
        np.testing.assert_allclose(elevation, 15, atol=4)
    film = path.turntable_cameras(40, 64)
    np.testing.assert_allclose(film[1].centre, film[-1].centre, atol=1e-9), "there and back"
    azimuth, _ = places([path.poster_camera(64)])
    assert azimuth[0] % 360 == pytest.approx(200, abs=5)


def test_inside_a_room_the_way_of_the_photos_is_gone_along() -> None:
    cameras = []
    for step, azimuth in enumerate(np.radians(np.arange(0, 360, 20))):
        eye = np.array([0.3 * np.cos(azimuth), 0.3 * np.sin(azimuth), 0.02 * step])
        cameras.append(held(eye, eye + np.array([np.cos(azimuth), np.sin(azimuth), 0.0])))
    path = path_of(scene_of(cameras, blob() * 5), UP.tolist())
    assert path.kind == "walk"
    for one in path.preview_cameras(8, 64):
        near = min(cameras, key=lambda camera: float(np.linalg.norm(camera.centre - one.centre)))
        assert np.linalg.norm(near.centre - one.centre) < 0.1
        assert near.camera_from_world[2, :3] @ one.camera_from_world[2, :3] > 0.9
        assert upright(one, UP)


@pytest.mark.parametrize("azimuths", [RING, np.linspace(0, 90, 9)], ids=["ring", "arc"])
def test_the_path_turns_with_the_world(azimuths: np.ndarray) -> None:
    turn = any_turn(4)
    scene = scene_of(around(azimuths, wander=0.2), blob())
    there = path_of(moved(scene, turn), turn.of_directions(UP).tolist()).preview_cameras(8, 64)
    here = path_of(scene, UP.tolist()).preview_cameras(8, 64)
    for a, b in zip(here, there, strict=True):
        np.testing.assert_allclose(turn.of_points(a.centre), b.centre, atol=1e-3 * turn.scale)
        np.testing.assert_allclose(
            turn.of_directions(a.camera_from_world[2, :3]), b.camera_from_world[2, :3], atol=1e-3
        )


def test_the_pictures_show_as_much_as_the_photos() -> None:
    photos = [replace(camera, width=480, height=160, cx=240.0, cy=80.0) for camera in around(RING)]
    camera = path_of(scene_of(photos, blob()), UP.tolist()).poster_camera(512)
    assert camera.fy / camera.height == pytest.approx(300 / np.sqrt(480 * 160), rel=1e-6)


@pytest.mark.parametrize("up", [[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [0.6, 0.0, 0.8]])
def test_without_photos_all_of_the_content_is_framed(up: list[float]) -> None:
    mesh = cube()
    mesh = replace(mesh, vertices=mesh.vertices + np.float32([5, -3, 1]))
    for camera in path_around(mesh, up).preview_cameras(8, 100):
        at = mesh.vertices @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]
        pixels = at[:, :2] / at[:, 2:] * camera.fx + 50
        assert (at[:, 2] > 0).all()
        assert ((pixels > 0) & (pixels < 100)).all()
        assert np.ptp(pixels, axis=0).max() > 50, "and fills the picture"
        assert upright(camera, np.array(up))
    assert path_around(random_gaussians(300), up).kind == "orbit"


def test_one_photo_and_nothing() -> None:
    path = path_of(scene_of([held((5, 0, 1), (0, 0, 1))], blob()), UP.tolist())
    assert path.kind == "walk"
    np.testing.assert_allclose(path.preview_cameras(3, 64)[2].centre, [5, 0, 1])
    with pytest.raises(NothingToShowError):
        path_of(Scene((), np.zeros((0, 3)), np.zeros((0, 3), np.uint8)), UP.tolist())
    with pytest.raises(NothingToShowError):
        path_around(random_gaussians(0), UP.tolist())
