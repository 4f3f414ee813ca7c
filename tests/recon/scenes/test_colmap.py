"""Scenes given as COLMAP models: the same cameras come out, distortion is taken out, and every flaw has its error."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.recon.scenes.given import assert_same_cameras, pinhole, write_colmap

from maquette.errors import MaquetteError
from maquette.recon.scene_files import load_scene
from maquette.recon.synthetic import SyntheticCapture


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
