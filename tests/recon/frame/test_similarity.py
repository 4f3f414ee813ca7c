"""A world moved whole looks the same: renders before and after, with the camera moved likewise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.recon.frame.worlds import any_turn, around, blob, cube, scene_of, volume
from tests.recon.rasterize.scenes import camera, random_gaussians

from maquette.recon.formats.points import Points
from maquette.recon.frame import BadSimilarityError, Similarity, identity, moved, moved_camera
from maquette.recon.frame.harmonics import basis, rotation_of_harmonics
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import rasterize

NEAR = 0.01


def psnr_between(gaussians: Gaussians, turned: Gaussians, by: Similarity) -> float:
    """Of float renders of both, from cameras that correspond."""
    seen = rasterize(gaussians, camera(97, 65), near=NEAR).image
    again = rasterize(turned, moved_camera(camera(97, 65), by), near=NEAR * by.scale).image
    assert seen.std() > 0.05, "there is something to see"
    return float(-10 * np.log10(np.mean(np.square(seen.astype(np.float64) - again)) + 1e-20))


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_moved_gaussians_look_the_same_from_the_moved_camera(degree: int, seed: int) -> None:
    gaussians, by = random_gaussians(200, seed=seed, sh_degree=degree), any_turn(seed + 10)
    assert psnr_between(gaussians, moved(gaussians, by), by) > 60


@pytest.mark.parametrize(
    "forget",
    [
        lambda turned, original, by: replace(turned, sh=original.sh),
        lambda turned, original, by: replace(turned, quaternions=original.quaternions),
        lambda turned, original, by: replace(turned, log_scales=original.log_scales),
    ],
    ids=["harmonics", "quaternions", "scales"],
)
def test_each_part_has_to_be_moved(forget: Callable[[Gaussians, Gaussians, Similarity], Gaussians]) -> None:
    gaussians, by = random_gaussians(200, seed=0), any_turn(10)
    assert psnr_between(gaussians, forget(moved(gaussians, by), gaussians, by), by) < 35


def test_depth_scales_with_the_world() -> None:
    gaussians, by = random_gaussians(200), any_turn(4)
    depth = rasterize(gaussians, camera(), outputs={"depth"}, near=NEAR).depth
    scaled = rasterize(moved(gaussians, by), moved_camera(camera(), by), outputs={"depth"}, near=NEAR * by.scale).depth
    np.testing.assert_allclose(scaled, depth * by.scale, rtol=2e-3, atol=1e-3 * by.scale)


def test_harmonics_turn_as_the_light_does() -> None:
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((50, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    rotation = any_turn(1).rotation
    matrix = rotation_of_harmonics(rotation, 3)
    light = rng.standard_normal(16)
    np.testing.assert_allclose(
        basis(directions @ rotation.T, 3) @ (matrix @ light), basis(directions, 3) @ light, atol=1e-5
    )
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(16), atol=1e-5)


def test_the_basis_is_the_rasterisers() -> None:
    """One Gaussian that fills the view: its colour is the harmonics' value in the direction it is seen in."""
    rng = np.random.default_rng(3)
    gaussians = random_gaussians(1)
    gaussians.means[:] = 0.3, -0.2, 2.0
    gaussians.log_scales[:], gaussians.opacity_logits[:] = 3.0, 20.0
    gaussians.sh[:] = rng.normal(0, 0.1, gaussians.sh.shape)
    view = camera()
    direction = gaussians.means[0] - view.centre
    expected = 0.5 + basis((direction / np.linalg.norm(direction))[None], 3)[0] @ gaussians.sh[0]
    rendering = rasterize(gaussians, view)
    seen = rendering.image[18, 25] / rendering.alpha[18, 25]
    np.testing.assert_allclose(seen, expected, atol=2e-3)


def test_similarities_compose_and_undo_each_other() -> None:
    a, b = any_turn(1), any_turn(2)
    points = blob(20)
    np.testing.assert_allclose((a @ b).of_points(points), a.of_points(b.of_points(points)))
    np.testing.assert_allclose((a.inverse @ a).of_points(points), points, atol=1e-9)
    np.testing.assert_allclose(a.matrix[:3, :3] @ points[0] + a.matrix[:3, 3], a.of_points(points)[0])
    np.testing.assert_allclose((a @ identity()).matrix, a.matrix)


def test_a_mesh_keeps_its_orientation_and_its_normals_stay_of_unit_length() -> None:
    by = any_turn(3)
    turned = moved(cube(), by)
    np.testing.assert_allclose(volume(turned), 8 * by.scale**3, rtol=1e-3)
    assert turned.normals is not None
    np.testing.assert_allclose(np.linalg.norm(turned.normals, axis=1), 1, atol=1e-6)
    outwards = turned.vertices - turned.vertices.mean(axis=0)
    assert ((outwards * turned.normals).sum(axis=1) > 0).all()
    assert turned.uvs is not None
    assert np.array_equal(turned.uvs, cube().uvs)


def test_points_and_cameras_move_together() -> None:
    by = any_turn(6)
    scene = scene_of(around([0, 90, 200]), blob(50))
    turned = moved(scene, by)
    for view, again in zip(scene.views, turned.views, strict=True):
        at = scene.points @ view.camera.camera_from_world[:3, :3].T + view.camera.camera_from_world[:3, 3]
        pose = again.camera.camera_from_world
        np.testing.assert_allclose(turned.points @ pose[:3, :3].T + pose[:3, 3], at * by.scale, atol=1e-6 * by.scale)
    cloud = Points(blob(5).astype(np.float32), np.zeros((5, 3), np.uint8), np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]])
    shifted = moved(cloud, by)
    np.testing.assert_allclose(shifted.positions, by.of_points(blob(5)), rtol=1e-4, atol=1e-4)
    assert shifted.normals is not None
    np.testing.assert_allclose(shifted.normals[0], by.rotation[:, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("scale", "rotation", "translation"),
    [
        (0.0, np.eye(3), np.zeros(3)),
        (-1.0, np.eye(3), np.zeros(3)),
        (np.inf, np.eye(3), np.zeros(3)),
        (1.0, np.diag([1.0, 1.0, -1.0]), np.zeros(3)),
        (1.0, np.eye(3) * 2, np.zeros(3)),
        (1.0, np.eye(3), np.array([0.0, np.nan, 0.0])),
    ],
)
def test_what_is_no_similarity_is_refused(scale: float, rotation: np.ndarray, translation: np.ndarray) -> None:
    with pytest.raises(BadSimilarityError):
        Similarity(scale, rotation, translation)
