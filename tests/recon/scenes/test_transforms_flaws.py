"""Every flaw of a transforms.json has its error, which names the scene."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.recon.scenes.given import as_transforms, write

from maquette.errors import MaquetteError
from maquette.recon.scene_files import load_scene
from maquette.recon.synthetic import SyntheticCapture


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


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_nothing_there(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "nowhere")
    with pytest.raises(MaquetteError) as raised:
        load_scene(tmp_path / "nowhere", cache_dir=tmp_path / "cache")
    assert raised.value.code == "scene_not_found"
