"""The rasteriser of triangles against geometry that can be written down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.mesh import Mesh
from maquette.recon.mesh.raster import rasterize_mesh
from maquette.recon.synthetic.orbit import look_at

CUBE_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)], np.float32)
CUBE_FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
     [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]],
    np.int32,
)  # fmt: skip


def camera_at(eye: tuple[float, float, float], width: int = 120, height: int = 90, focal: float = 110.0) -> Camera:
    pose = look_at(np.array(eye), np.zeros(3), np.array([0.0, 0.0, 1.0]))
    return Camera(width, height, focal, focal * 1.1, width / 2 + 3.3, height / 2 - 2.1, pose)


def rays(camera: Camera) -> Float[ndarray, "h w 3"]:
    y, x = np.mgrid[0 : camera.height, 0 : camera.width] + 0.5
    return np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones_like(x)], axis=-1)


def test_depth_is_that_of_the_rays() -> None:
    camera = camera_at((2.0, 1.2, 0.9))
    raster = rasterize_mesh(Mesh(CUBE_CORNERS, CUBE_FACES), camera)
    directions = rays(camera) @ camera.world_from_camera[:3, :3].T
    slabs = np.stack([(side - camera.centre) / directions for side in (-0.5, 0.5)])  # length 1 along z: depths
    entry, leave = slabs.min(axis=0).max(axis=2), slabs.max(axis=0).min(axis=2)
    truth = np.where(entry < leave, entry, 0.0)
    assert np.mean(truth > 0) > 0.2
    np.testing.assert_array_equal(raster.face >= 0, raster.depth > 0)
    assert np.mean((truth > 0) != (raster.depth > 0)) < 0.001, "only centres on the outline may differ"
    both = (truth > 0) & (raster.depth > 0)
    np.testing.assert_allclose(raster.depth[both], truth[both], rtol=1e-4)


def test_barycentrics_give_the_point_on_the_ray() -> None:
    camera = camera_at((1.1, 0.7, 0.8))  # near enough that perspective bends a linear interpolation by far
    raster = rasterize_mesh(Mesh(CUBE_CORNERS, CUBE_FACES), camera)
    seen = raster.face >= 0
    corners = CUBE_CORNERS[CUBE_FACES[raster.face[seen]]]
    points = np.einsum("nc,ncx->nx", raster.barycentrics[seen], corners)
    expected = (rays(camera)[seen] * raster.depth[seen, None]) @ camera.world_from_camera[:3, :3].T + camera.centre
    np.testing.assert_allclose(points, expected, atol=2e-5)
    np.testing.assert_array_equal(raster.barycentrics[~seen], 0.0)


def test_faces_through_the_camera_are_cut_at_the_near_plane() -> None:
    """A floor that runs from far behind the camera to the horizon, and one triangle as large as the world."""
    pose = np.eye(4)
    pose[:3, 3] = [0.0, 1.5, 0.0]  # the floor y = 0 lies 1.5 below
    camera = Camera(80, 60, 60.0, 60.0, 40.0, 30.0, pose)
    floor = np.array([[-900, 0, -400], [900, 0, -400], [0, 0, 900]], np.float32)
    raster = rasterize_mesh(Mesh(floor, np.array([[0, 1, 2]], np.int32)), camera, near=0.01)
    expected = np.where(rays(camera)[..., 1] > 0, 1.5 / np.maximum(rays(camera)[..., 1], 1e-9), 0)
    near_enough = expected < 300
    np.testing.assert_allclose(raster.depth[near_enough], expected[near_enough], rtol=1e-4)
    cut = rasterize_mesh(Mesh(floor, np.array([[0, 2, 1]], np.int32)), camera, near=5.0)
    np.testing.assert_array_equal(cut.depth > 0, (raster.depth >= 5.0))


def test_no_pixel_is_lost_between_neighbours() -> None:
    """A jittered grid, with corners and edges on pixel centres too: everything inside is covered."""
    rng = np.random.default_rng(3)
    n = 24
    row, column = np.mgrid[0 : n + 1, 0 : n + 1]
    x, y = column * 4.0 + 0.5, row * 4.0 + 0.5
    inner = (row > 0) & (row < n) & (column > 0) & (column < n) & (rng.random(row.shape) < 0.7)
    x = x + np.where(inner, rng.uniform(-1.5, 1.5, row.shape), 0)
    y = y + np.where(inner, rng.uniform(-1.5, 1.5, row.shape), 0)
    vertices = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3).astype(np.float32)
    a = (row * (n + 1) + column)[:-1, :-1].ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + n + 2], 1), np.stack([a, a + n + 2, a + n + 1], 1)])
    camera = Camera(97, 97, 1.0, 1.0, 0.0, 0.0, np.eye(4))
    raster = rasterize_mesh(Mesh(vertices, faces.astype(np.int32)), camera, near=0.5)
    assert (raster.face >= 0).all()
    np.testing.assert_allclose(raster.barycentrics.sum(axis=2), 1.0, atol=1e-5)


def test_what_is_nearer_hides_and_ties_go_to_the_first() -> None:
    camera = Camera(32, 32, 20.0, 20.0, 16.0, 16.0, np.eye(4))
    square = np.array([[-9, -9, 0], [9, -9, 0], [9, 9, 0], [-9, 9, 0]], np.float32)
    far, near = square + np.float32([0, 0, 6]), square * np.float32(0.1) + np.float32([0, 0, 2])
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    both = Mesh(np.concatenate([far, near, near]), np.concatenate([faces, faces + 4, faces + 8]))
    raster = rasterize_mesh(both, camera)
    assert raster.face[16, 14] in (2, 3)
    assert raster.depth[16, 14] == 2.0
    assert raster.depth[1, 1] == 6.0
    assert raster.face.max() == 3, "the third square lies in the second one's place and comes later"


def test_nothing_to_see() -> None:
    camera = camera_at((2.0, 1.0, 0.5))
    empty = rasterize_mesh(Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)), camera)
    assert not empty.depth.any()
    assert (empty.face == -1).all()
    behind = replace(camera, camera_from_world=np.diag([1.0, 1.0, -1.0, 1.0]) @ camera.camera_from_world)
    assert (rasterize_mesh(Mesh(CUBE_CORNERS, CUBE_FACES), behind).face == -1).all()
    broken = CUBE_CORNERS.copy()
    broken[7] = np.nan
    raster = rasterize_mesh(Mesh(broken, CUBE_FACES), camera)
    assert np.isfinite(raster.depth).all()
    assert np.isfinite(raster.barycentrics).all()
