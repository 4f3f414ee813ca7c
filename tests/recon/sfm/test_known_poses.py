"""Cameras that come with photos: read, matched by name, judged by the photos, and then as if they had been found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pycolmap
import pytest
from PIL import Image

from maquette.recon.cameras import Camera
from maquette.recon.images import read_photo, write_photo
from maquette.recon.scenes.errors import CameraModelUnsupportedError, SceneBadPoseError
from maquette.recon.scenes.pose_files import is_pose_file, read_pose_files
from maquette.recon.scenes.poses import BrownLens, KnownPoses, NamedPose, PosesUnreadableError, turn
from maquette.recon.sfm import SfmResult, SfmSettings
from maquette.recon.sfm.known_poses import PosedPhoto, place_known
from maquette.recon.sfm.lenses import load_lenses
from maquette.recon.sfm.pose_errors import PoseOfAnotherShapeError, PosesDoNotFitError, PosesDoNotMatchError
from maquette.recon.synthetic import SyntheticCapture, make_capture

WIDTH, HEIGHT, VIEWS = 400, 300, 8
OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
QUICK = SfmSettings(max_features=1500, recover=False)


@pytest.fixture(scope="session")
def posed_capture(tmp_path_factory: pytest.TempPathFactory) -> SyntheticCapture:
    return make_capture(tmp_path_factory.mktemp("posed"), views=VIEWS, width=WIDTH, height=HEIGHT)


def write_transforms(
    folder: Path, names: Sequence[str], matrices: Sequence[np.ndarray], camera: Camera, **more: object
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    frames = [
        {"file_path": f"./train/{name.upper()}", "transform_matrix": matrix.tolist()}
        for name, matrix in zip(names, matrices, strict=True)
    ]
    lens = {"w": camera.width, "h": camera.height, "fl_x": camera.fx, "fl_y": camera.fy, "cx": camera.cx}
    (folder / "transforms.json").write_text(json.dumps({**lens, "cy": camera.cy, "frames": frames, **more}))
    return folder


def photos_of(capture: SyntheticCapture) -> list[PosedPhoto]:
    return [PosedPhoto(path.name, path.name, WIDTH, HEIGHT) for path in capture.paths]


def as_opengl(capture: SyntheticCapture) -> list[np.ndarray]:
    return [camera.world_from_camera @ OPENGL for camera in capture.cameras]


@pytest.fixture(scope="session")
def known(posed_capture: SyntheticCapture, tmp_path_factory: pytest.TempPathFactory) -> SfmResult:
    """Placed by a true transforms.json; the last photo has no pose."""
    work = tmp_path_factory.mktemp("known")
    names = [path.name for path in posed_capture.paths[:-1]]
    write_transforms(work / "poses", names, as_opengl(posed_capture)[:-1], posed_capture.cameras[0])
    return place_known(
        posed_capture.paths[0].parent,
        photos_of(posed_capture),
        read_pose_files(work / "poses", work / "read"),
        work / "work",
        settings=QUICK,
    )


def test_the_cameras_are_the_ones_given(posed_capture: SyntheticCapture, known: SfmResult) -> None:
    assert known.method == "known_poses"
    assert known.placed == tuple(path.name for path in posed_capture.paths[:-1])
    for view, camera in zip(known.scene.views, posed_capture.cameras, strict=False):
        assert np.allclose(view.camera.camera_from_world, camera.camera_from_world, atol=1e-9)
        assert view.camera.fx == pytest.approx(camera.fx)
        with Image.open(view.image_path) as image:
            assert image.size == (WIDTH, HEIGHT)
    assert known.points_from == "matches"
    assert known.point_count >= 300
    assert known.reprojection_error_px < 1.0
    assert len(known.observations.view) >= 2 * known.point_count


def test_points_lie_on_the_true_surfaces(posed_capture: SyntheticCapture, known: SfmResult) -> None:
    """World frame and scale are those of the poses, so depths can be compared with the truth."""
    camera, truth = posed_capture.cameras[0], posed_capture.depth(0)
    mine = known.observations.view == 0
    points = known.scene.points[known.observations.point[mine]]
    depth = (points @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3])[:, 2]
    column, row = np.floor(known.observations.xy[mine]).astype(int).T
    expected = truth[np.clip(row, 0, HEIGHT - 1), np.clip(column, 0, WIDTH - 1)]
    assert np.median(np.abs(depth - expected) / expected) < 0.01


def test_a_photo_without_pose_is_named(known: SfmResult) -> None:
    (dropped,) = known.dropped
    assert (dropped.name, dropped.code) == ("photo_08.jpg", "no_pose")
    assert [w["code"] for w in known.warnings if w["code"] == "photos_without_pose"]


@pytest.mark.parametrize("convention", ["opencv", "inverted"])
def test_a_mistaken_convention_is_recognised_and_named(
    posed_capture: SyntheticCapture, tmp_path: Path, convention: str
) -> None:
    """World-from-camera with OpenCV's axes, and camera-from-world with OpenGL's, in a transforms.json."""
    given = {
        "opencv": [camera.world_from_camera for camera in posed_capture.cameras],
        "inverted": [OPENGL @ camera.camera_from_world for camera in posed_capture.cameras],
    }[convention]
    names = [path.name for path in posed_capture.paths]
    write_transforms(tmp_path / "poses", names, given, posed_capture.cameras[0])
    poses = read_pose_files(tmp_path / "poses", tmp_path / "read")
    found = place_known(
        posed_capture.paths[0].parent, photos_of(posed_capture), poses, tmp_path / "work", settings=QUICK
    )
    (warning,) = [w for w in found.warnings if w["code"] == "poses_read_otherwise"]
    meant = {
        "opencv": "world-from-camera matrices with the axes of OpenCV",
        "inverted": "camera-from-world matrices with the axes of OpenGL",
    }[convention]
    assert meant in warning["message"]
    relative = found.scene.views[1].camera.camera_from_world @ found.scene.views[0].camera.world_from_camera
    truth = posed_capture.cameras[1].camera_from_world @ posed_capture.cameras[0].world_from_camera
    assert np.allclose(relative, truth, atol=1e-6)


def test_poses_of_other_photos_are_refused_with_figures(posed_capture: SyntheticCapture, tmp_path: Path) -> None:
    names = [path.name for path in posed_capture.paths]
    order = [3, 6, 1, 4, 7, 2, 0, 5]
    write_transforms(tmp_path / "poses", names, [as_opengl(posed_capture)[i] for i in order], posed_capture.cameras[0])
    poses = read_pose_files(tmp_path / "poses", tmp_path / "read")
    with pytest.raises(PosesDoNotFitError) as refused:
        place_known(posed_capture.paths[0].parent, photos_of(posed_capture), poses, tmp_path / "work", settings=QUICK)
    assert (refused.value.code, refused.value.status) == ("poses_do_not_fit", 422)
    given = refused.value.details["agreements"]["as_given"]
    assert given["share"] < 0.35
    assert given["matches"] > 100
    assert "%" in refused.value.message and refused.value.suggestion


def test_a_distorting_lens_and_a_sideways_photo(posed_capture: SyntheticCapture, tmp_path: Path) -> None:
    """A COLMAP text model of pictures as the sensor stored them: bent, twice as large, and lying on their side."""
    images, model = tmp_path / "images", tmp_path / "poses"
    images.mkdir()
    model.mkdir()
    k1, width, height = -0.08, 2 * WIDTH, 2 * HEIGHT
    camera = posed_capture.cameras[0]
    fx, cx, cy = camera.fx * 2, WIDTH, HEIGHT
    matrix = np.array([[fx, 0, cx - 0.5], [0, fx, cy - 0.5], [0, 0, 1]])
    rows, columns = np.indices((height, width), np.float32)
    spots = np.stack([columns.ravel(), rows.ravel()], axis=1)
    straight = cv2.undistortPoints(spots.astype(np.float64), matrix, np.array([k1, 0, 0, 0]), P=matrix).reshape(-1, 2)
    x, y = straight.astype(np.float32).T.reshape(2, height, width)
    cameras = ["# one\n", f"1 SIMPLE_RADIAL {height} {width} {fx} {height - cy} {cx} {k1}\n"]
    lines = []
    for index, (path, one) in enumerate(zip(posed_capture.paths, posed_capture.cameras, strict=True), start=1):
        picture = cv2.resize(cv2.imread(str(path)), (width, height), interpolation=cv2.INTER_CUBIC)
        bent = cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        cv2.imwrite(str(images / f"{index:04d}.jpg"), cv2.resize(bent, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA))
        # Stored turned a quarter to the left: turning it right makes it upright again (EXIF orientation 6).
        stored = np.linalg.inv(turn(1)) @ one.camera_from_world
        quaternion = pycolmap.Rotation3d(stored[:3, :3]).quat
        numbers = [quaternion[3], *quaternion[:3], *stored[:3, 3]]
        lines.append(f"{index} {' '.join(map(str, numbers))} 1 shoot/IMG_{index}.JPG\n\n")
    (model / "cameras.txt").write_text("".join(cameras))
    (model / "images.txt").write_text("".join(lines))
    photos = [PosedPhoto(f"{i:04d}.jpg", f"img_{i}.jpeg", width, height) for i in range(1, VIEWS + 1)]
    poses = read_pose_files(model, tmp_path / "read")
    assert (poses.form, poses.poses[0].size) == ("colmap", (height, width))
    found = place_known(images, photos, poses, tmp_path / "work", settings=QUICK)
    assert len(found.placed) == VIEWS
    assert not any(w["code"].startswith("poses") for w in found.warnings)
    lens = load_lenses(tmp_path / "work" / "scene")["0001.jpg"]
    assert (lens.model, lens.width, lens.height) == ("OPENCV", WIDTH, HEIGHT)
    assert lens.params[4] == pytest.approx(k1)
    for view, camera in zip(found.scene.views, posed_capture.cameras, strict=True):
        assert np.allclose(view.camera.camera_from_world, camera.camera_from_world, atol=1e-6)
    assert found.point_count >= 300
    assert found.reprojection_error_px < 1.0


def test_names_that_do_not_match_are_listed_on_both_sides(posed_capture: SyntheticCapture, tmp_path: Path) -> None:
    names = ["photo_01.jpg", "photo_02.jpg", "elsewhere.jpg"]
    write_transforms(tmp_path / "poses", names, as_opengl(posed_capture)[:3], posed_capture.cameras[0])
    poses = read_pose_files(tmp_path / "poses", tmp_path / "read")
    with pytest.raises(PosesDoNotMatchError) as refused:
        place_known(posed_capture.paths[0].parent, photos_of(posed_capture), poses, tmp_path / "work")
    assert refused.value.details["matched"] == 2
    assert refused.value.details["poses_without_photo"] == ["./train/ELSEWHERE.JPG"]
    assert len(refused.value.details["photos_without_pose"]) == VIEWS - 2


def test_a_cropped_photo_is_told_from_a_reduced_one(posed_capture: SyntheticCapture, tmp_path: Path) -> None:
    names = [path.name for path in posed_capture.paths]
    write_transforms(tmp_path / "poses", names, as_opengl(posed_capture), posed_capture.cameras[0])
    poses = read_pose_files(tmp_path / "poses", tmp_path / "read")
    photos = [PosedPhoto(path.name, path.name, WIDTH, WIDTH) for path in posed_capture.paths]
    with pytest.raises(PoseOfAnotherShapeError) as refused:
        place_known(posed_capture.paths[0].parent, photos, poses, tmp_path / "work")
    assert refused.value.details["pose_size"] == [WIDTH, HEIGHT]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "no file of cameras"),
        ({"cameras.txt": ""}, "needs its cameras and its images"),
        ({"cameras.bin": "junk", "images.bin": "junk"}, "damaged"),
        ({"a_par.txt": "1\na.png 1 2 3"}, "3 numbers, not 21"),
        ({"a_par.txt": "a.png " + "0 " * 21}, "no rotation"),
        ({"a_par.txt": "a.png " + "x " * 21}, "words where numbers belong"),
        ({"a_par.txt": "1", "transforms.json": "{}"}, "several"),
    ],
)
def test_broken_poses_say_what_is_wrong(tmp_path: Path, files: dict[str, str], why: str) -> None:
    folder = tmp_path / "poses"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(PosesUnreadableError, match=why):
        read_pose_files(folder, tmp_path / "work")


def test_bad_frames_are_told_before_any_photo_is_looked_at(posed_capture: SyntheticCapture, tmp_path: Path) -> None:
    camera = posed_capture.cameras[0]
    with pytest.raises(SceneBadPoseError):
        read_pose_files(write_transforms(tmp_path / "a", ["x.jpg"], [np.ones((4, 4))], camera), tmp_path / "w")
    with pytest.raises(CameraModelUnsupportedError):
        read_pose_files(write_transforms(tmp_path / "b", ["x.jpg"], [np.eye(4)], camera, is_fisheye=True), tmp_path)


def test_middlebury_projects_by_k_r_t(tmp_path: Path) -> None:
    """Its pixels count from their centres: half a pixel more than ours."""
    rotation = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    numbers = [800.0, 0, 320, 0, 810, 240, 0, 0, 1, *rotation.ravel(), 0.1, 0.2, 3.0]
    (tmp_path / "x_par.txt").write_text("1\nx0001.png " + " ".join(map(str, numbers)))
    (pose,) = read_pose_files(tmp_path, tmp_path / "work").poses
    lens = pose.lens_at(640, 480)
    assert (pose.name, pose.size) == ("x0001.png", None)
    assert (lens.fx, lens.fy, lens.cx, lens.cy) == (800.0, 810.0, 320.5, 240.5)
    assert np.allclose(pose.camera_from_world[:3, 3], [0.1, 0.2, 3.0])
    assert np.allclose(pose.camera_from_world[:3, :3], rotation)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_lens_sees_the_turned_picture(quarters: int) -> None:
    """Projecting a turned point through the turned lens is turning the projected point, tangential bend included."""
    lens = BrownLens(640, 480, 500.0, 520.0, 300.0, 250.0, (-0.1, 0.02, 0.01, -0.02, 0.003, 0.0, 0.0, 0.0))
    points = np.random.default_rng(1).uniform([-0.4, -0.3, 1.0], [0.4, 0.3, 1.0], (20, 3))
    turned = lens.turned(quarters)

    def project(one: BrownLens, at: np.ndarray) -> np.ndarray:
        matrix = np.array([[one.fx, 0, one.cx], [0, one.fy, one.cy], [0, 0, 1.0]])
        return cv2.projectPoints(at, np.zeros(3), np.zeros(3), matrix, np.array(one.distortion))[0].reshape(-1, 2)

    expected, size = project(lens, points), (640, 480)
    for _ in range(quarters):
        expected, size = np.stack([size[1] - expected[:, 1], expected[:, 0]], axis=1), (size[1], size[0])
    assert (turned.width, turned.height) == size
    assert np.allclose(project(turned, points @ turn(quarters)[:3, :3].T), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("transforms.json", True),
        ("scan/transforms_train.json", True),
        ("sparse\\0\\Cameras.BIN", True),
        ("points3D.txt", True),
        ("dinoSR_par.txt", True),
        ("sparse.ply", True),
        ("notes.txt", False),
        ("images.jpg", False),
        (".ply", False),
    ],
)
def test_pose_files_are_told_by_name(name: str, is_one: bool) -> None:
    assert is_pose_file(name) is is_one


def a_ball(tmp_path: Path, background: int) -> tuple[list[PosedPhoto], KnownPoses]:
    """Twelve photos of a smooth shaded ball of radius 1 around the origin: nothing to match."""
    tmp_path.mkdir(parents=True, exist_ok=True)
    photos, poses = [], []
    for index in range(12):
        angle = 2 * np.pi * index / 12
        world_from_camera = np.eye(4)
        forward = -np.array([np.cos(angle), np.sin(angle), 0.0])
        world_from_camera[:3, :3] = np.stack([np.cross([0, 0, -1.0], forward), [0, 0, -1.0], forward], axis=1)
        world_from_camera[:3, 3] = -6 * forward
        picture = np.full((240, 320, 3), background, np.uint8)
        radius = 400 / np.sqrt(6**2 - 1)
        cv2.circle(picture, (160 * 16, 120 * 16), round(radius * 16), (90, 140, 170), -1, cv2.LINE_AA, 4)
        cv2.imwrite(str(tmp_path / f"{index:04d}.png"), picture)
        photos.append(PosedPhoto(f"{index:04d}.png", f"ball{index}.png", 320, 240))
        lens = BrownLens(320, 240, 400.0, 400.0, 160.5, 120.5)
        poses.append(NamedPose(f"ball{index}.png", np.linalg.inv(world_from_camera), (320, 240), lens.scaled))
    return photos, KnownPoses("transforms", tuple(poses), np.zeros((0, 3)), np.zeros((0, 3), np.uint8))


def test_a_smooth_thing_begins_from_its_silhouettes(tmp_path: Path) -> None:
    photos, poses = a_ball(tmp_path / "images", background=4)
    found = place_known(tmp_path / "images", photos, poses, tmp_path / "work", settings=QUICK)
    codes = [warning["code"] for warning in found.warnings]
    assert found.points_from == "silhouettes"
    assert {"points_from_silhouettes", "poses_unchecked"} <= set(codes)
    equator = found.scene.points[np.abs(found.scene.points[:, 2]) < 0.2]
    assert len(equator) > 100
    assert np.abs(np.linalg.norm(equator[:, :2], axis=1) - 1.0).max() < 0.12
    again = place_known(tmp_path / "images", photos, poses, tmp_path / "work", settings=QUICK)
    assert again.summary() == found.summary()
    assert np.array_equal(again.scene.points, found.scene.points)


@pytest.mark.captures
def test_the_dinosaur_that_search_cannot_place_stands_by_its_given_cameras(captures: Path, tmp_path: Path) -> None:
    (tmp_path / "poses").mkdir()
    (tmp_path / "poses" / "dinoSR_par.txt").write_bytes((captures / "dino" / "dinoSR_par.txt").read_bytes())
    photos = []
    for index, file in enumerate(sorted((captures / "dino").glob("*.png"))):
        photo = read_photo(file)
        write_photo(photo, tmp_path / "images" / f"{index:04d}.jpg")
        photos.append(PosedPhoto(f"{index:04d}.jpg", file.name, photo.original_width, photo.original_height))
    poses = read_pose_files(tmp_path / "poses", tmp_path / "read")
    found = place_known(tmp_path / "images", photos, poses, tmp_path / "work")
    assert len(found.placed) == 16
    # The box that its authors state, in metres, and a millimetre around it.
    low, high = np.array([-0.061897, -0.018874, -0.057845]), np.array([0.010897, 0.068227, 0.015495])
    matched = found.scene.points[: found.observations.point.max() + 1]
    inside = ((matched > low - 1e-3) & (matched < high + 1e-3)).all(axis=1)
    assert inside.mean() > 0.98
    assert len(matched) >= 300
    assert found.points_from == "silhouettes", "few points: the hull's are added"
