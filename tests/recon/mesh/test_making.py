"""A mesh of a model whose shape, size and colours are known; and the models and scenes that give none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.recon.mesh.solids import FACES, around, ball, color_at, cube, scene_of

from maquette.errors import MaquetteError
from maquette.recon.formats.errors import DivergedModelError, EmptyModelError
from maquette.recon.masks import write_mask
from maquette.recon.mesh.between import cameras_between
from maquette.recon.mesh.errors import NoSurfaceError, TooFewMeshViewsError
from maquette.recon.mesh.making import MeshResult, make_mesh
from maquette.recon.mesh.settings import PRESETS, BadMeshSettingsError, MeshSettings
from maquette.recon.scene import Scene
from maquette.recon.synthetic.orbit import look_at

SETTINGS = MeshSettings(triangles=3000, long_side_px=128, blocks=160)


@pytest.fixture(scope="module")
def cube_result() -> MeshResult:
    return make_mesh(cube(), scene_of(around(20, side=128)), SETTINGS)


def test_a_cube_comes_back_closed_with_its_volume(cube_result: MeshResult) -> None:
    details = cube_result.details
    assert details["watertight"] and details["open_share"] == 0 and details["parts"] == 1
    # Positive, so its faces are counter-clockwise seen from outside
    assert details["volume"] == pytest.approx(1.4**3, rel=0.02)
    assert cube_result.warnings == ()


def test_a_cube_stands_where_it_stood_with_the_right_sides_out(cube_result: MeshResult) -> None:
    mesh = cube_result.mesh
    assert mesh.normals is not None
    low, high = mesh.bounds
    assert low == pytest.approx([-0.7] * 3, abs=0.04) and high == pytest.approx([0.7] * 3, abs=0.04)
    axis = np.abs(mesh.vertices).argmax(axis=1)
    row = np.arange(len(axis))
    inner = np.sort(np.abs(mesh.vertices), axis=1)[:, 1] < 0.6
    outwards = mesh.normals[row, axis] * np.sign(mesh.vertices[row, axis])
    assert inner.sum() > 20 and (outwards[inner] > 0.97).all()
    assert np.linalg.norm(mesh.normals, axis=1) == pytest.approx(1, abs=1e-5)


def test_every_face_of_a_cube_has_its_own_colour(cube_result: MeshResult) -> None:
    mesh = cube_result.mesh
    assert mesh.colors is not None
    axis = np.abs(mesh.vertices).argmax(axis=1)
    face = 2 * axis + (mesh.vertices[np.arange(len(axis)), axis] < 0)
    # At an edge a vertex belongs to two faces and can only have one colour
    inner = np.sort(np.abs(mesh.vertices), axis=1)[:, 1] < 0.6
    assert set(face[inner]) == set(range(6))
    assert np.abs(mesh.colors.astype(float) - np.array(FACES)[face])[inner].mean() < 3


def test_a_ball_has_its_volume_and_colours_and_at_most_the_triangles_asked_for() -> None:
    result = make_mesh(ball(), scene_of(around(16, side=128)), SETTINGS)
    mesh, directions = result.mesh, result.mesh.vertices / np.linalg.norm(result.mesh.vertices, axis=1, keepdims=True)
    assert result.details["volume"] == pytest.approx(4 / 3 * np.pi, rel=0.02)
    assert 0.8 * SETTINGS.triangles < len(mesh.faces) <= SETTINGS.triangles
    assert result.details["blocks"] <= SETTINGS.blocks
    assert mesh.colors is not None and np.abs(mesh.colors - 255 * color_at(directions)).mean() < 3


def test_the_surface_before_decimation_is_kept_where_it_shows_more_than_noise(cube_result: MeshResult) -> None:
    fine = cube_result.detailed
    assert fine is not None and len(fine.faces) > 10 * len(cube_result.mesh.faces)
    assert np.abs(np.abs(fine.vertices).max(axis=1) - 0.7).max() < 0.04
    model = ball()
    rough = replace(
        model, means=(model.means * np.random.default_rng(0).normal(1, 0.05, (len(model.means), 1))).astype(np.float32)
    )
    result = make_mesh(rough, scene_of(around(16, side=128)), SETTINGS)
    assert result.details["views_disagree"] > 0.5 * result.details["voxel"]
    assert result.detailed is None and result.details["triangles_fused"] > 3 * len(result.mesh.faces)


def test_what_no_camera_sees_stays_open_and_is_said() -> None:
    above = [camera for camera in around(30, side=128) if camera.centre[2] > 0.5]
    result = make_mesh(cube(), scene_of(above), SETTINGS)
    assert [warning.code for warning in result.warnings] == ["mesh_open"]
    assert not result.details["watertight"] and result.details["volume"] is None and result.details["open_share"] > 0.5
    # Its unseen bottom was not made up
    middle = result.mesh.vertices[result.mesh.faces].mean(axis=1)
    assert not ((np.abs(middle[:, :2]) < 0.5).all(axis=1) & (middle[:, 2] < -0.5)).any()


def test_six_sides_of_a_cube_are_joined_by_views_between_them() -> None:
    sides = [np.eye(3)[axis] * sign for axis in range(3) for sign in (1, -1)]
    cameras = [
        replace(around(1, side=128)[0], camera_from_world=look_at(3 * side, np.zeros(3), np.roll(side, 1)))
        for side in sides
    ]
    result = make_mesh(cube(), scene_of(cameras), SETTINGS)
    assert result.details["views_made"] == 12 and result.details["views"] == 18
    assert result.details["watertight"] and result.details["volume"] == pytest.approx(1.4**3, rel=0.02)
    assert cameras_between(scene_of(around(12)).views) == []


def test_masks_keep_what_is_not_the_subject_out(tmp_path: Path) -> None:
    cameras = around(14, side=128)
    both = ball(0.5)
    beside = ball(0.25)
    beside.means += np.float32([0.8, 0, 0])
    model = type(both)(
        *(np.concatenate([getattr(both, name), getattr(beside, name)]) for name in both.__dataclass_fields__)
    )
    scene = scene_of(cameras)
    views = []
    for i, view in enumerate(scene.views):
        camera = view.camera
        z = np.linalg.norm(camera.centre)
        rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
        # A disc a little wider than the ball; grey instead of black, as where we cut the background away ourselves
        inside = np.hypot(columns - camera.cx, rows - camera.cy) < 0.54 / z * camera.fx
        write_mask(np.where(inside, 255, 51).astype(np.uint8), tmp_path / f"{i}.png")
        views.append(replace(view, mask_path=tmp_path / f"{i}.png"))
    masked = make_mesh(model, replace(scene, views=tuple(views)), SETTINGS)
    assert masked.mesh.vertices[:, 0].max() < 0.55
    assert make_mesh(model, scene, SETTINGS).mesh.vertices[:, 0].max() > 0.95


def test_floaters_make_no_triangles() -> None:
    rng = np.random.default_rng(0)
    model = ball()
    for at in rng.normal(size=(6, 3)):
        floater = ball(0.1, 200)
        floater.means += (1.4 * at / np.linalg.norm(at)).astype(np.float32)
        model = type(model)(
            *(np.concatenate([getattr(model, name), getattr(floater, name)]) for name in model.__dataclass_fields__)
        )
    result = make_mesh(model, scene_of(around(16, side=128)), SETTINGS)
    assert result.details["parts"] == 1 and result.details["parts_removed"] >= 4
    assert np.linalg.norm(result.mesh.vertices, axis=1).max() < 1.1


def _nan() -> object:
    model = ball(count=100)
    model.means[3, 1] = np.nan
    return model


def test_models_and_scenes_without_a_surface_are_refused() -> None:
    scene = scene_of(around(4, side=64))
    nothing = ball(count=100).subset(np.zeros(100, bool))
    fog = ball(count=300)
    fog.opacity_logits[:] = -6
    away = scene_of([replace(camera, camera_from_world=np.diag([1.0, -1, -1, 1]) @ camera.camera_from_world)
                     for camera in around(4, side=64)])  # fmt: skip
    one = Scene(scene.views[:1], scene.points, scene.colors)
    cases: list[tuple[object, Scene, type[MaquetteError], str]] = [
        (nothing, scene, EmptyModelError, "empty_model"),
        (_nan(), scene, DivergedModelError, "diverged_model"),
        (ball(count=300), one, TooFewMeshViewsError, "mesh_needs_views"),
        (fog, scene, NoSurfaceError, "no_surface"),
        (ball(), away, NoSurfaceError, "no_surface"),
    ]
    for model, where, error, code in cases:
        with pytest.raises(error) as caught:
            make_mesh(model, where, SETTINGS)  # type: ignore[arg-type]
        assert caught.value.code == code and caught.value.suggestion


def test_settings_out_of_bounds_are_refused_by_name() -> None:
    for name, value in (("triangles", 1), ("blocks", 0), ("truncation_voxels", 9.0), ("least_alpha", float("nan"))):
        with pytest.raises(BadMeshSettingsError) as caught:
            replace(MeshSettings(), **{name: value}).checked()
        assert caught.value.code == "bad_mesh_settings" and caught.value.details["field"] == name
    assert [preset.checked().triangles for preset in PRESETS.values()] == [30_000, 80_000, 150_000]
