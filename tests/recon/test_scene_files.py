"""Scenes given as files: the same cameras come out of every form, and every flaw has its error."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
import pytest
from PIL import Image

from maquette.errors import MaquetteError
from maquette.recon.cameras import Camera
from maquette.recon.scene import Scene
from maquette.recon.scene_files import load_saved_scene, load_scene, save_scene
from maquette.recon.synthetic import SyntheticCapture, make_capture

GL = np.diag([1.0, -1.0, -1.0, 1.0])


@pytest.fixture(scope="session")
def capture(tmp_path_factory: pytest.TempPathFactory) -> SyntheticCapture:
    return make_capture(tmp_path_factory.mktemp("scene"), views=8, width=320, height=240)


def as_transforms(capture: SyntheticCapture, folder: Path) -> dict[str, Any]:
    """The capture as instant-ngp would write it: OpenGL axes, world_from_camera, names without an ending."""
    (folder / "images").mkdir(parents=True)
    frames = []
    for path, camera in zip(capture.paths, capture.cameras, strict=True):
        shutil.copy(path, folder / "images")
        pose = camera.world_from_camera @ GL
        frames.append({"file_path": f"images/{path.stem}", "transform_matrix": pose.tolist()})
    first = capture.cameras[0]
    intrinsics = {"fl_x": first.fx, "fl_y": first.fy, "cx": first.cx, "cy": first.cy, "w": 320.0, "h": 240.0}
    return {**intrinsics, "frames": frames}


def write(data: dict[str, Any], folder: Path) -> Path:
    (folder / "transforms.json").write_text(json.dumps(data))
    return folder


def write_ply(path: Path, points: np.ndarray, colors: np.ndarray, binary: bool) -> None:
    kind = "binary_little_endian" if binary else "ascii"
    header = f"ply\nformat {kind} 1.0\ncomment made by hand\nelement vertex {len(points)}\n"
    header += "".join(f"property float {axis}\n" for axis in "xyz")
    header += "".join(f"property uchar {name}\n" for name in ("red", "green", "blue")) + "end_header\n"
    if binary:
        rows = np.zeros(len(points), [("p", "<f4", 3), ("c", "u1", 3)])
        rows["p"], rows["c"] = points, colors
        path.write_bytes(header.encode() + rows.tobytes())
    else:
        lines = (
            " ".join(map(str, [*point.tolist(), *color.tolist()])) for point, color in zip(points, colors, strict=True)
        )
        path.write_text(header + "\n".join(lines) + "\n")


def assert_same_cameras(scene: Scene, capture: SyntheticCapture, focal_rel: float = 1e-6) -> None:
    assert len(scene.views) == len(capture.cameras)
    for view, camera in zip(scene.views, capture.cameras, strict=True):
        assert np.allclose(view.camera.camera_from_world, camera.camera_from_world, atol=1e-5)
        assert view.camera.fx == pytest.approx(camera.fx, rel=focal_rel)
        with Image.open(view.image_path) as image:
            assert image.size == (view.camera.width, view.camera.height)


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


def no_frames(data: dict[str, Any]) -> None:
    data["frames"] = []


def nan_pose(data: dict[str, Any]) -> None:
    data["frames"][2]["transform_matrix"][1][3] = float("nan")


def sheared_pose(data: dict[str, Any]) -> None:
    data["frames"][2]["transform_matrix"][0][0] += 0.4


def mirrored_pose(data: dict[str, Any]) -> None:
    for row in data["frames"][2]["transform_matrix"][:3]:
        row[0] *= -1


def ragged_pose(data: dict[str, Any]) -> None:
    data["frames"][2]["transform_matrix"] = [[1, 0], [0, 1, 0]]


def most_images_missing(data: dict[str, Any]) -> None:
    for frame in data["frames"][:5]:
        frame["file_path"] += "_gone"


def one_camera(data: dict[str, Any]) -> None:
    del data["frames"][1:]


def fisheye(data: dict[str, Any]) -> None:
    data["camera_model"] = "OPENCV_FISHEYE"


def no_focal(data: dict[str, Any]) -> None:
    del data["fl_x"], data["fl_y"]


def text_focal(data: dict[str, Any]) -> None:
    data["fl_x"] = "wide"


def other_shape(data: dict[str, Any]) -> None:
    data["w"] = 240.0


def no_matrix(data: dict[str, Any]) -> None:
    del data["frames"][3]["transform_matrix"]


def no_ply(data: dict[str, Any]) -> None:
    data["ply_file_path"] = "gone.ply"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (no_frames, "scene_without_images"),
        (nan_pose, "scene_bad_pose"),
        (sheared_pose, "scene_bad_pose"),
        (mirrored_pose, "scene_bad_pose"),
        (ragged_pose, "scene_bad_pose"),
        (most_images_missing, "scene_images_missing"),
        (one_camera, "scene_one_camera"),
        (fisheye, "camera_model_unsupported"),
        (no_focal, "scene_unreadable"),
        (text_focal, "scene_unreadable"),
        (other_shape, "scene_unreadable"),
        (no_matrix, "scene_unreadable"),
        (no_ply, "scene_unreadable"),
    ],
)
def test_flaws_of_transforms(
    capture: SyntheticCapture, tmp_path: Path, spoil: Callable[[dict[str, Any]], None], code: str
) -> None:
    data = as_transforms(capture, tmp_path / "my scene")
    spoil(data)
    with pytest.raises(MaquetteError) as raised:
        load_scene(write(data, tmp_path / "my scene"), cache_dir=tmp_path / "cache")
    assert raised.value.code == code
    assert raised.value.status == 422
    assert raised.value.suggestion
    assert "my scene" in raised.value.message


def test_not_json(tmp_path: Path) -> None:
    (tmp_path / "transforms.json").write_bytes(b"\xff\xfe{]")
    with pytest.raises(MaquetteError) as raised:
        load_scene(tmp_path, cache_dir=tmp_path / "cache")
    assert raised.value.code == "scene_unreadable"


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


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_nothing_there(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "nowhere")
    with pytest.raises(MaquetteError) as raised:
        load_scene(tmp_path / "nowhere", cache_dir=tmp_path / "cache")
    assert raised.value.code == "scene_not_found"


def write_colmap(
    capture: SyntheticCapture, folder: Path, model: str, params: list[float], text: bool, spoil: bool = False
) -> None:
    """A COLMAP model of the true cameras with some true points, in text or binary."""
    (folder / "images").mkdir(parents=True)
    (folder / "sparse" / "0").mkdir(parents=True)
    reconstruction = pycolmap.Reconstruction()
    camera = pycolmap.Camera(model=model, width=320, height=240, params=params, camera_id=1)
    reconstruction.add_camera_with_trivial_rig(camera)
    for number, (path, known) in enumerate(zip(capture.paths, capture.cameras, strict=True), start=1):
        shutil.copy(path, folder / "images")
        pose = known.camera_from_world
        shift = pose[:3, 3] * (np.nan if spoil and number == 3 else 1.0)
        rigid = pycolmap.Rigid3d(pycolmap.Rotation3d(pose[:3, :3]), shift)
        image = pycolmap.Image(name=path.name, camera_id=1, image_id=number)
        reconstruction.add_image_with_trivial_frame(image, rigid)
    truth = capture.scene(points=40)
    for point, color in zip(truth.points, truth.colors, strict=True):
        reconstruction.add_point3D(point, pycolmap.Track(), color)
    target = folder / "sparse" / "0"
    reconstruction.write_text(str(target)) if text else reconstruction.write_binary(str(target))


def pinhole(camera: Camera) -> list[float]:
    return [camera.fx, camera.fy, camera.cx, camera.cy]


@pytest.mark.parametrize("text", [True, False])
def test_colmap_model(capture: SyntheticCapture, tmp_path: Path, text: bool) -> None:
    write_colmap(capture, tmp_path / "scene", "PINHOLE", pinhole(capture.cameras[0]), text)
    scene = load_scene(tmp_path / "scene", cache_dir=tmp_path / "cache")
    assert_same_cameras(scene, capture)
    assert len(scene.points) == 40
    assert np.allclose(np.sort(scene.points, axis=0), np.sort(capture.scene(points=40).points, axis=0))
    assert scene.views[0].image_path == tmp_path / "scene" / "images" / capture.paths[0].name


def test_colmap_model_with_smaller_photos(capture: SyntheticCapture, tmp_path: Path) -> None:
    write_colmap(capture, tmp_path / "scene", "PINHOLE", pinhole(capture.cameras[0]), False)
    for path in (tmp_path / "scene" / "images").iterdir():
        with Image.open(path) as image:
            small = image.resize((160, 120))
        small.save(path)
    scene = load_scene(tmp_path / "scene", cache_dir=tmp_path / "cache")
    camera = scene.views[0].camera
    assert (camera.width, camera.height) == (160, 120)
    assert camera.fx == pytest.approx(capture.cameras[0].fx / 2)


@pytest.mark.parametrize("smaller", [False, True])
def test_colmap_model_with_distortion_is_undistorted(capture: SyntheticCapture, tmp_path: Path, smaller: bool) -> None:
    camera = capture.cameras[0]
    write_colmap(capture, tmp_path / "scene", "SIMPLE_RADIAL", [camera.fx, camera.cx, camera.cy, -0.05], False)
    if smaller:
        for path in (tmp_path / "scene" / "images").iterdir():
            with Image.open(path) as image:
                small = image.resize((160, 120))
            small.save(path)
    scene = load_scene(tmp_path / "scene", cache_dir=tmp_path / "cache")
    assert_same_cameras(scene, capture, focal_rel=2.0)
    assert scene.views[0].camera.fx == pytest.approx(camera.fx / (2 if smaller else 1), rel=1e-6)
    assert scene.views[0].image_path.is_relative_to(tmp_path / "cache")


def test_flaws_of_colmap_models(capture: SyntheticCapture, tmp_path: Path) -> None:
    camera = capture.cameras[0]

    def code(folder: Path) -> str:
        with pytest.raises(MaquetteError) as raised:
            load_scene(folder, cache_dir=tmp_path / "cache")
        return raised.value.code

    write_colmap(capture, tmp_path / "a", "OPENCV_FISHEYE", [*pinhole(camera), 0.1, 0, 0, 0], False)
    assert code(tmp_path / "a") == "camera_model_unsupported"

    write_colmap(capture, tmp_path / "b", "PINHOLE", pinhole(camera), False)
    for path in capture.paths[:5]:
        (tmp_path / "b" / "images" / path.name).unlink()
    assert code(tmp_path / "b") == "scene_images_missing"
    shutil.rmtree(tmp_path / "b" / "images")
    assert code(tmp_path / "b") == "scene_images_missing"

    write_colmap(capture, tmp_path / "c", "PINHOLE", pinhole(camera), False, spoil=True)
    assert code(tmp_path / "c") == "scene_bad_pose"

    write_colmap(capture, tmp_path / "d", "PINHOLE", pinhole(camera), False)
    broken = tmp_path / "d" / "sparse" / "0" / "images.bin"
    broken.write_bytes(broken.read_bytes()[:100])
    assert code(tmp_path / "d") in ("scene_unreadable", "sfm_crashed")


def test_our_own_form_can_be_moved(capture: SyntheticCapture, tmp_path: Path) -> None:
    truth = capture.scene(points=30)
    save_scene(truth, tmp_path / "one")
    save_scene(load_saved_scene(tmp_path / "one"), tmp_path / "one")  # onto itself: nothing is lost
    shutil.move(tmp_path / "one", tmp_path / "two")
    for scene in (load_saved_scene(tmp_path / "two"), load_scene(tmp_path / "two", cache_dir=tmp_path / "cache")):
        assert_same_cameras(scene, capture)
        assert np.array_equal(scene.points, truth.points)
        assert np.array_equal(scene.colors, truth.colors)
        assert all(view.image_path.is_relative_to(tmp_path / "two") for view in scene.views)


def test_our_own_form_damaged(capture: SyntheticCapture, tmp_path: Path) -> None:
    save_scene(capture.scene(points=30), tmp_path / "one")
    (tmp_path / "one" / "cameras.json").write_text('{"views": [{}]}')
    with pytest.raises(MaquetteError) as raised:
        load_saved_scene(tmp_path / "one")
    assert raised.value.code == "scene_unreadable"
    with pytest.raises(MaquetteError) as raised:
        load_saved_scene(tmp_path / "none")
    assert raised.value.code == "scene_not_found"
