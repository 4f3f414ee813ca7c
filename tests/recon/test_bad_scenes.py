"""What is wrong with a scene is said before training begins: stable code, what it is, what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import write_scene

from maquette.errors import MaquetteError
from maquette.recon.scene import Scene
from maquette.recon.scene_files import load_scene, save_scene
from maquette.recon.train import train
from maquette.recon.train_settings import TrainSettings

SETTINGS = TrainSettings(iterations=2, max_gaussians=50)
HUGE = 10**400
"""A number that JSON allows and no float can hold."""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("good"), points=60)


@pytest.fixture
def scene(good: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(good, tmp_path / "scene"))


@pytest.fixture
def saved(good: Path, tmp_path: Path) -> Path:
    """The same in our own form."""
    save_scene(load_scene(good, cache_dir=tmp_path / "cache"), tmp_path / "saved")
    return tmp_path / "saved"


def refusal(folder: Path, tmp_path: Path, settings: TrainSettings = SETTINGS) -> MaquetteError:
    with pytest.raises(MaquetteError) as caught:
        train(load_scene(folder, cache_dir=tmp_path / "cache"), settings)
    assert caught.value.status == 422
    assert caught.value.message.endswith(".") and caught.value.suggestion.endswith((".", ")"))
    return caught.value


def change(file: Path, spoil: Callable[[dict[str, Any]], None]) -> None:
    data = json.loads(file.read_text())
    spoil(data)
    file.write_text(json.dumps(data))


def huge_pose(data: dict[str, Any]) -> None:
    data["frames"][2]["transform_matrix"][0][3] = HUGE


def infinite_pose(data: dict[str, Any]) -> None:
    data["frames"][2]["transform_matrix"][1][1] = float("inf")


def huge_focal(data: dict[str, Any]) -> None:
    data["fl_x"] = HUGE


def negative_size(data: dict[str, Any]) -> None:
    data["w"], data["h"] = -data["w"], -data["h"]


def endless_names(data: dict[str, Any]) -> None:
    for frame in data["frames"]:
        frame["file_path"] = "a" * 5000


def frames_as_words(data: dict[str, Any]) -> None:
    data["frames"] = ["images/photo_01.jpg"]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (huge_pose, "scene_bad_pose"),
        (infinite_pose, "scene_bad_pose"),
        (huge_focal, "scene_unreadable"),
        (negative_size, "scene_unreadable"),
        (endless_names, "scene_images_missing"),
        (frames_as_words, "scene_unreadable"),
    ],
)
def test_flaws_of_a_transforms_file(
    spoil: Callable[[dict[str, Any]], None], code: str, scene: Path, tmp_path: Path
) -> None:
    change(scene / "transforms.json", spoil)
    assert refusal(scene, tmp_path).code == code


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"ply\nformat\n",
        b"ply\nformat binary_little_endian 1.0\nelement vertex\nend_header\n",
        b"ply\nformat binary_little_endian 1.0\nelement vertex 9\nproperty float\nend_header\n",
        b"ply\nformat binary_little_endian 1.0\nelement vertex -1\nproperty float x\nend_header\n",
        b"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nend_header\n1 2",
    ],
)
def test_points_that_cannot_be_read(header: bytes, scene: Path, tmp_path: Path) -> None:
    (scene / "points.ply").write_bytes(header)
    assert refusal(scene, tmp_path).code == "scene_unreadable"


def test_photos_without_cameras_are_no_scene(scene: Path, tmp_path: Path) -> None:
    (scene / "transforms.json").unlink()
    told = refusal(scene, tmp_path)
    assert told.code == "scene_not_found"
    assert "maquette reconstruct" in told.suggestion


def without_cameras(data: dict[str, Any]) -> None:
    data["views"] = []


def with_one_camera(data: dict[str, Any]) -> None:
    data["views"] = data["views"][:1]


def with_nan_pose(data: dict[str, Any]) -> None:
    data["views"][2]["camera"]["camera_from_world"][0][0] = float("nan")


def with_huge_pose(data: dict[str, Any]) -> None:
    data["views"][2]["camera"]["camera_from_world"][0][0] = HUGE


def as_a_list(data: dict[str, Any]) -> None:
    data["views"] = {"a": 1}


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (without_cameras, "untrainable_scene"),
        (with_one_camera, "untrainable_scene"),
        (with_nan_pose, "untrainable_scene"),
        (with_huge_pose, "scene_unreadable"),
        (as_a_list, "scene_unreadable"),
    ],
)
def test_flaws_of_our_own_form(spoil: Callable[[dict[str, Any]], None], code: str, saved: Path, tmp_path: Path) -> None:
    change(saved / "cameras.json", spoil)
    assert refusal(saved, tmp_path).code == code


def test_points_of_our_own_form_that_are_cut_off(saved: Path, tmp_path: Path) -> None:
    points = saved / "points.npz"
    points.write_bytes(points.read_bytes()[:100])
    assert refusal(saved, tmp_path).code == "scene_unreadable"


def test_a_photo_of_our_own_form_that_is_gone(saved: Path, tmp_path: Path) -> None:
    gone = sorted((saved / "images").iterdir())[1]
    gone.unlink()
    told = refusal(saved, tmp_path)
    assert told.code == "unreadable_photo" and gone.name in told.message


def turned_about(scene: Scene) -> Scene:
    flip = np.diag([-1.0, 1.0, -1.0, 1.0])
    return replace(
        scene,
        views=tuple(
            replace(view, camera=replace(view.camera, camera_from_world=flip @ view.camera.camera_from_world))
            for view in scene.views
        ),
    )


def test_cameras_that_look_away_from_all_points(good: Path, tmp_path: Path) -> None:
    """Some points are in front of some camera, as an outer rim is; none is in a picture."""
    turned = turned_about(load_scene(good, cache_dir=tmp_path / "cache"))
    with pytest.raises(MaquetteError) as caught:
        train(turned, SETTINGS)
    assert caught.value.code == "untrainable_scene"
    assert "axes" in caught.value.suggestion


@pytest.mark.parametrize(
    ("change_of", "code"),
    [
        ({"max_gaussians": 0}, "bad_train_settings"),
        ({"iterations": 0}, "bad_train_settings"),
        ({"downscale": 1000.0}, "training_size_too_small"),
        ({"downscale": float("inf")}, "training_size_too_small"),
    ],
)
def test_settings_that_train_nothing(change_of: dict[str, Any], code: str, good: Path, tmp_path: Path) -> None:
    assert refusal(good, tmp_path, replace(SETTINGS, **change_of)).code == code


@pytest.mark.parametrize("file", ["loaded.json", "loaded.npz"])
def test_a_damaged_cache_is_made_again(file: str, good: Path, tmp_path: Path) -> None:
    first = load_scene(good, cache_dir=tmp_path)
    (kept,) = tmp_path.rglob(file)
    kept.write_bytes(kept.read_bytes()[:40])
    again = load_scene(good, cache_dir=tmp_path)
    assert np.array_equal(again.points, first.points)
    assert kept.stat().st_size > 40
