"""transforms.json, checked by arithmetic of its own and read back by our loader of scenes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.recon.formats.samples import orbit_scene, random_points

from maquette.recon.formats import pointcloud, transforms
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.scene import Scene
from maquette.recon.scene_files import load_scene

PROVENANCE = {"generator": "Maquette 0.1", "project": "Häuschen"}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Five photos of 96 x 72 pixels."""
    made = orbit_scene(5, tmp_path / "images")
    for view in made.views:
        Image.new("RGB", (96, 72)).save(view.image_path)
    return replace(made, views=tuple(replace(view, camera=view.camera.resized(96, 72)) for view in made.views))


def written(scene: Scene, path: Path) -> dict:
    transforms.write(scene, path, provenance=PROVENANCE)
    return json.loads(path.read_text())


def project(data: dict, frame: dict, point: np.ndarray) -> tuple[float, float]:
    """Where a point is seen, as instant-ngp's documentation has it: looking along -z, y up."""
    lens = {**data, **frame}
    x, y, z, _ = np.linalg.inv(np.array(frame["transform_matrix"])) @ [*point, 1]
    assert z < 0
    return lens["fl_x"] * x / -z + lens["cx"], lens["fl_y"] * -y / -z + lens["cy"]


@pytest.mark.parametrize("same_lens", [True, False])
def test_points_are_seen_where_our_cameras_see_them(scene: Scene, same_lens: bool, tmp_path: Path) -> None:
    if not same_lens:
        other = replace(scene.views[2].camera, fx=33.0, cx=7.0, width=18)
        scene = replace(scene, views=(*scene.views[:2], replace(scene.views[2], camera=other), *scene.views[3:]))
    data = written(scene, tmp_path / "transforms.json")
    assert ("fl_x" in data) == same_lens
    for view, frame in zip(scene.views, data["frames"], strict=True):
        camera = view.camera
        assert frame["file_path"] == f"images/{view.name}"
        assert ({**data, **frame}["w"], {**data, **frame}["h"]) == (camera.width, camera.height)
        for point in np.random.default_rng(0).uniform(-1, 1, (5, 3)):
            x, y, z = camera.camera_from_world[:3, :3] @ point + camera.camera_from_world[:3, 3]
            here = (camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy)
            np.testing.assert_allclose(project(data, frame, point), here, rtol=0, atol=1e-9)
        np.testing.assert_allclose(np.array(frame["transform_matrix"])[:3, 3], camera.centre, atol=1e-12)
    np.testing.assert_array_equal(data["applied_transform"], np.eye(4)[:3])
    assert data["maquette"] == PROVENANCE


def test_beside_its_photos_it_is_a_scene(scene: Scene, tmp_path: Path) -> None:
    data = written(scene, tmp_path / "transforms.json")
    pointcloud.write(random_points(20), tmp_path / "points.ply", provenance={})
    (tmp_path / "transforms.json").write_text(json.dumps({**data, "ply_file_path": "points.ply"}))
    loaded = load_scene(tmp_path / "transforms.json", cache_dir=tmp_path / "cache")
    assert [view.name for view in loaded.views] == [f"images/{view.name}" for view in scene.views]
    for there, here in zip(loaded.views, scene.views, strict=True):
        np.testing.assert_allclose(there.camera.camera_from_world, here.camera.camera_from_world, atol=1e-9)
    assert len(loaded.points) == 20
    # but a lone file opens no other, wherever it points
    assert len(transforms.read(tmp_path / "transforms.json").points) == 0


GOOD = {"w": 16, "h": 12, "fl_x": 20, "frames": [{"file_path": "a.png", "transform_matrix": np.eye(4).tolist()}]}


def test_files_of_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "theirs.json").write_text(json.dumps(GOOD))
    (view,) = transforms.read(tmp_path / "theirs.json").views
    assert (view.name, view.camera.fy, view.camera.cx) == ("a.png", 20, 8)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[" * 100_000,
        '{"frames": [[]]}',
        json.dumps({**GOOD, "frames": []}),
        json.dumps({**GOOD, "k1": 0.1}),
        json.dumps({**GOOD, "w": None}),
        json.dumps({**GOOD, "w": -3}),
        json.dumps({**GOOD, "h": float("inf")}),
        json.dumps({**GOOD, "fl_x": "long"}),
        json.dumps({**GOOD, "frames": [{"file_path": "a", "transform_matrix": [[1, 2], [3]]}]}),
        json.dumps({**GOOD, "frames": [{"file_path": "a", "transform_matrix": (2 * np.eye(4)).tolist()}]}),
        json.dumps({**GOOD, "frames": [{"file_path": "a", "transform_matrix": np.full((4, 4), np.nan).tolist()}]}),
    ],
)
def test_what_holds_no_cameras_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(BadModelFileError):
        transforms.read(tmp_path / "bad.json")
