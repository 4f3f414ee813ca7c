"""Scenes given as transforms.json: the same cameras come out, whatever it states and leaves out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.recon.scenes.given import as_transforms, assert_same_cameras, write, write_ply

from maquette.recon.scene_files import load_scene
from maquette.recon.synthetic import SyntheticCapture


@pytest.mark.parametrize("binary", [True, False])
def test_transforms_with_points(capture: SyntheticCapture, tmp_path: Path, binary: bool) -> None:
    data = as_transforms(capture, tmp_path / "scene")
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    colors = np.random.default_rng(0).integers(0, 255, (50, 3)).astype(np.uint8)
    write_ply(tmp_path / "scene" / "sparse.ply", points, colors, binary)
    folder = write({**data, "ply_file_path": "sparse.ply"}, tmp_path / "scene")
    for given in (folder, folder / "transforms.json"):
        scene = load_scene(given, cache_dir=tmp_path / "cache")
        assert_same_cameras(scene, capture)
        assert [view.name for view in scene.views] == [f"images/{path.name}" for path in capture.paths]
        assert np.allclose(scene.points, points)
        assert np.array_equal(scene.colors, colors)


def test_points_are_triangulated_where_there_are_none(capture: SyntheticCapture, tmp_path: Path) -> None:
    folder = write(as_transforms(capture, tmp_path / "scene"), tmp_path / "scene")
    heard: list[str] = []
    scene = load_scene(
        folder, cache_dir=tmp_path / "cache", progress=lambda stage, fraction, message="": heard.append(stage)
    )
    assert_same_cameras(scene, capture)
    assert len(scene.points) > 50
    misses = surface_distance(capture, scene.points)
    assert np.median(misses) < 0.02
    assert {"features", "matching", "mapping"} <= set(heard)

    heard.clear()
    again = load_scene(folder, cache_dir=tmp_path / "cache", progress=lambda *a: heard.append("x"))
    assert heard == []
    assert np.array_equal(again.points, scene.points)
    assert_same_cameras(again, capture)


def surface_distance(capture: SyntheticCapture, points: np.ndarray) -> np.ndarray:
    """Relative difference between each point's depth and the true depth there, in the view that fits best."""
    best = np.full(len(points), np.inf)
    for index, camera in enumerate(capture.cameras):
        depth = capture.depth(index)
        inside = points @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]
        ahead = inside[:, 2] > 0.1
        xy = inside[:, :2] / np.where(ahead, inside[:, 2], 1.0)[:, None] * (camera.fx, camera.fy)
        column, row = np.floor(xy + np.array([camera.cx, camera.cy])).astype(int).T
        seen = ahead & (column >= 0) & (row >= 0) & (column < camera.width) & (row < camera.height)
        true = depth[row[seen], column[seen]]
        miss = np.where(true > 0, np.abs(true - inside[seen, 2]) / np.maximum(true, 1e-6), np.inf)
        best[seen] = np.minimum(best[seen], miss)
    return best


def test_a_changed_source_is_read_again(capture: SyntheticCapture, tmp_path: Path) -> None:
    data = as_transforms(capture, tmp_path / "scene")
    write_ply(tmp_path / "scene" / "p.ply", np.zeros((1, 3), np.float32), np.zeros((1, 3), np.uint8), True)
    data["ply_file_path"] = "p.ply"
    write(data, tmp_path / "scene")
    assert len(load_scene(tmp_path / "scene", cache_dir=tmp_path / "cache").views) == 8
    data["frames"] = data["frames"][:5]
    write(data, tmp_path / "scene")
    assert len(load_scene(tmp_path / "scene", cache_dir=tmp_path / "cache").views) == 5


def test_intrinsics_per_frame_by_angle_and_for_smaller_photos(capture: SyntheticCapture, tmp_path: Path) -> None:
    """Cameras stated for photos of twice the size, as an angle, frame by frame: the same after scaling."""
    data = as_transforms(capture, tmp_path / "scene")
    camera = capture.cameras[0]
    frames = [
        {
            **frame,
            "camera_angle_x": 2 * np.arctan(320 / 2 / camera.fx),
            "w": 640,
            "h": 480,
            "cx": 2 * camera.cx,
            "cy": 2 * camera.cy,
        }
        for frame in data["frames"]
    ]
    write_ply(tmp_path / "scene" / "p.ply", np.zeros((1, 3), np.float32), np.zeros((1, 3), np.uint8), True)
    folder = write({"frames": frames, "ply_file_path": "p.ply"}, tmp_path / "scene")
    scene = load_scene(folder, cache_dir=tmp_path / "cache")
    assert_same_cameras(scene, capture)
    assert scene.views[0].camera.cx == pytest.approx(camera.cx)


def test_lens_distortion_is_taken_out(capture: SyntheticCapture, tmp_path: Path) -> None:
    """A pinhole picture bent by Brown's model (its definition, not OpenCV's remap) comes back straight."""
    data = as_transforms(capture, tmp_path / "scene")
    camera = capture.cameras[0]
    k1, k2, p1, p2 = -0.12, 0.02, 0.002, -0.001
    lines = np.zeros((240, 320, 3), np.uint8)
    # Smooth in x and y of the straight image plane, so that the picture itself tells where each pixel looks.
    v, u = np.mgrid[0:240, 0:320] + 0.5
    xd, yd = (u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy
    x, y = xd.copy(), yd.copy()
    for _ in range(40):  # fixed-point inverse of the model
        r2 = x * x + y * y
        radial = 1 + k1 * r2 + k2 * r2 * r2
        x = (xd - 2 * p1 * x * y - p2 * (r2 + 2 * x * x)) / radial
        y = (yd - p1 * (r2 + 2 * y * y) - 2 * p2 * x * y) / radial
    lines[..., 0] = np.clip(128 + 100 * x / 0.7, 0, 255).round()
    lines[..., 1] = np.clip(128 + 100 * y / 0.7, 0, 255).round()
    for path in capture.paths:
        Image.fromarray(lines).save(tmp_path / "scene" / "images" / f"{path.stem}.png")
        (tmp_path / "scene" / "images" / path.name).unlink()
    write_ply(tmp_path / "scene" / "p.ply", np.zeros((1, 3), np.float32), np.zeros((1, 3), np.uint8), True)
    lens = {"k1": k1, "k2": k2, "p1": p1, "p2": p2, "ply_file_path": "p.ply"}
    view = load_scene(write({**data, **lens}, tmp_path / "scene"), cache_dir=tmp_path / "cache").views[0]
    straight = np.asarray(Image.open(view.image_path)).astype(float)
    assert straight.shape == (view.camera.height, view.camera.width, 3)
    v, u = np.mgrid[0 : view.camera.height, 0 : view.camera.width] + 0.5
    expected_x = 128 + 100 * (u - view.camera.cx) / view.camera.fx / 0.7
    expected_y = 128 + 100 * (v - view.camera.cy) / view.camera.fy / 0.7
    assert np.abs(straight[..., 0] - expected_x).max() < 1.5
    assert np.abs(straight[..., 1] - expected_y).max() < 1.5


def test_some_missing_images_are_told_and_left_out(capture: SyntheticCapture, tmp_path: Path) -> None:
    data = as_transforms(capture, tmp_path / "scene")
    data["frames"].append({**data["frames"][0], "file_path": "images/gone"})
    write_ply(tmp_path / "scene" / "p.ply", np.zeros((1, 3), np.float32), np.zeros((1, 3), np.uint8), True)
    folder = write({**data, "ply_file_path": "p.ply"}, tmp_path / "scene")
    told: list[str] = []
    for _ in range(2):  # the second time from the cache: told again
        scene = load_scene(folder, cache_dir=tmp_path / "cache", warn=lambda code, message: told.append(code))
        assert len(scene.views) == 8
    assert told == ["images_missing"] * 2
