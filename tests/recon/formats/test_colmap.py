"""The COLMAP data set, read back by pycolmap and by our own loader of scenes."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pycolmap
import pytest
from PIL import Image
from tests.recon.formats.samples import orbit_scene

from maquette.recon.formats import colmap
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.scene import Scene
from maquette.recon.scene_files import load_scene
from maquette.recon.scenes.errors import SceneImagesMissingError

PROVENANCE = {"generator": "Maquette 0.1", "project": "Häuschen\nx: y"}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Five photos, one of another lens, one in a folder, one with a mask, names with a space and an umlaut."""
    made = orbit_scene(5, tmp_path / "photos")
    mask = tmp_path / "mask.png"
    Image.new("L", (16, 12), 200).save(mask)
    names = ["IMG 0001.png", "Häuschen.png", "day 2/IMG 0001.png", "c.png", "d.png"]
    views = [replace(view, name=name) for view, name in zip(made.views, names, strict=True)]
    views[1] = replace(views[1], camera=replace(views[1].camera, fx=30.0), mask_path=mask)
    return replace(made, views=tuple(sorted(views, key=lambda view: view.name)))


def unzipped(path: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(path.parent / "unzipped")
    return path.parent / "unzipped"


def test_pycolmap_sees_the_same_cameras_and_points(scene: Scene, tmp_path: Path) -> None:
    colmap.write(scene, tmp_path / "scene.zip", provenance=PROVENANCE)
    folder = unzipped(tmp_path / "scene.zip")
    model = pycolmap.Reconstruction(str(folder / "sparse/0"))
    seen = {image.name: image for image in model.images.values()}
    assert set(seen) == {view.name for view in scene.views}
    assert {camera.model.name for camera in model.cameras.values()} == {"PINHOLE"}
    assert len(model.cameras) == 2
    for view in scene.views:
        image, camera = seen[view.name], view.camera
        assert image.has_pose
        np.testing.assert_allclose(image.cam_from_world().matrix(), camera.camera_from_world[:3], rtol=0, atol=1e-9)
        assert (image.camera.width, image.camera.height) == (camera.width, camera.height)
        np.testing.assert_allclose(image.camera.params, [camera.fx, camera.fy, camera.cx, camera.cy])
        assert (folder / "images" / view.name).read_bytes() == view.image_path.read_bytes()
    points = [model.points3D[i] for i in sorted(model.point3D_ids())]
    np.testing.assert_array_equal([point.xyz for point in points], scene.points)
    np.testing.assert_array_equal([point.color for point in points], scene.colors)
    masked = next(view for view in scene.views if view.mask_path)
    assert masked.mask_path is not None
    assert (folder / "masks" / f"{masked.name}.png").read_bytes() == masked.mask_path.read_bytes()
    words = (folder / "provenance.txt").read_text()
    assert words == "generator: Maquette 0.1\nproject: H\\xe4uschen x: y\n"


def test_the_unpacked_data_set_is_a_scene(scene: Scene, tmp_path: Path) -> None:
    colmap.write(scene, tmp_path / "scene.zip", provenance=PROVENANCE)
    loaded = load_scene(unzipped(tmp_path / "scene.zip"), cache_dir=tmp_path / "cache")
    assert [view.name for view in loaded.views] == [view.name for view in scene.views]
    assert [view.mask_path is None for view in loaded.views] == [view.mask_path is None for view in scene.views]
    for there, here in zip(loaded.views, scene.views, strict=True):
        np.testing.assert_allclose(there.camera.camera_from_world, here.camera.camera_from_world, atol=1e-9)


def test_a_photo_that_is_gone_is_named_and_nothing_is_written(scene: Scene, tmp_path: Path) -> None:
    scene.views[2].image_path.unlink()
    with pytest.raises(SceneImagesMissingError, match="1 of 5"):
        colmap.write(scene, tmp_path / "out/scene.zip", provenance={})
    assert not (tmp_path / "out").exists()


def test_names_stay_within_the_archive(tmp_path: Path) -> None:
    made = orbit_scene(2, tmp_path / "photos")
    views = (replace(made.views[0], name="../../etc/a.png"), replace(made.views[1], name="/b.png"))
    colmap.write(replace(made, views=views), tmp_path / "scene.zip", provenance={})
    with zipfile.ZipFile(tmp_path / "scene.zip") as archive:
        assert {name for name in archive.namelist() if name.endswith("png")} == {"images/etc/a.png", "images/b.png"}


@pytest.mark.parametrize("kind", ["PINHOLE", "OPENCV"])
def test_models_of_words_are_read_and_bent_lenses_refused(kind: str, tmp_path: Path) -> None:
    numbers = "16 12 20 21 8 6" + ("" if kind == "PINHOLE" else " 0.1 0 0 0")
    with zipfile.ZipFile(tmp_path / "theirs.zip", "w") as archive:
        archive.writestr("set/sparse/cameras.txt", f"1 {kind} {numbers}\n")
        archive.writestr("set/sparse/images.txt", "1 1 0 0 0 0.5 0 2 1 a.png\n\n")
        archive.writestr("set/sparse/points3D.txt", "")
    if kind == "PINHOLE":
        (view,) = colmap.read(tmp_path / "theirs.zip").views
        assert view.name == "a.png"
        assert view.camera.camera_from_world[:3, 3].tolist() == [0.5, 0, 2]
    else:
        with pytest.raises(BadModelFileError, match="distorted"):
            colmap.read(tmp_path / "theirs.zip")


def test_an_archive_without_a_model_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("sparse/0/cameras.bin", bytes(8))
    with pytest.raises(BadModelFileError, match="0 COLMAP models"):
        colmap.read(tmp_path / "bad.zip")


def test_counts_that_lie_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        for part in ("cameras", "images", "points3D"):
            archive.writestr(f"sparse/0/{part}.bin", b"\xff" * 8)
    with pytest.raises(BadModelFileError):
        colmap.read(tmp_path / "bad.zip")
