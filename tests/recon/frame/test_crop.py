"""A box cut out: by centres for Gaussians and points, by clean cuts for a mesh."""

from __future__ import annotations

import numpy as np
import pytest
from tests.recon.frame.worlds import around, blob, cube, lawn, scene_of
from tests.recon.rasterize.scenes import random_gaussians

from maquette.recon.formats.points import Points
from maquette.recon.frame import BadCropError, Box, EmptyCropError, box_of, crop
from maquette.recon.mesh import Mesh

BOX = Box((-0.5, -0.6, -0.2), (0.7, 1.6, 0.8))


def area(mesh: Mesh) -> float:
    a, b, c = mesh.vertices[mesh.faces].astype(np.float64).transpose(1, 0, 2)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


def test_gaussians_and_points_by_their_centres() -> None:
    gaussians = random_gaussians(500)
    box = Box((-0.5, -0.5, 3.0), (1.0, 0.5, 5.0))
    left = crop(gaussians, box)
    inside = ((gaussians.means >= box.low) & (gaussians.means <= box.high)).all(axis=1)
    assert 0 < len(left) == inside.sum() < 500
    np.testing.assert_array_equal(left.sh, gaussians.sh[inside])
    places = blob(300).astype(np.float32)
    points = crop(Points(places, np.zeros((300, 3), np.uint8), places), BOX)
    assert points.normals is not None
    assert len(points.positions) == len(points.normals) == len(points.colors) == BOX.holds(places).sum()


def test_a_scene_keeps_its_cameras() -> None:
    scene = scene_of(around([0, 90]), lawn())
    left = crop(scene, Box((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)))
    assert len(left.views) == 2
    assert 0 < len(left.points) == len(left.colors) < len(scene.points)


def test_a_mesh_is_cut_where_the_box_is() -> None:
    """Of the cube from -1 to 1 the box meets only the side y = 1, on 1.2 by 1 units."""
    cut = crop(cube(), BOX)
    np.testing.assert_allclose(cut.bounds[0], [-0.5, 1.0, -0.2], atol=1e-6)
    np.testing.assert_allclose(cut.bounds[1], [0.7, 1.0, 0.8], atol=1e-6)
    np.testing.assert_allclose(area(cut), 1.2, rtol=1e-5)
    corners = cut.vertices[cut.faces]
    faces_up = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (faces_up[:, 1] > 0).all(), "triangles still look outwards"


def test_what_lies_on_vertices_is_carried_along_the_cuts() -> None:
    cut = crop(cube(), BOX)
    assert cut.uvs is not None
    assert cut.colors is not None
    assert cut.normals is not None
    np.testing.assert_allclose(cut.uvs, (cut.vertices[:, :2] + 1) / 2, atol=1e-6)
    np.testing.assert_allclose(cut.colors[:, 0], 150 + 50 * cut.vertices[:, 2], atol=1.5)
    np.testing.assert_allclose(np.linalg.norm(cut.normals, axis=1), 1, atol=1e-5)


def test_a_box_around_everything_changes_nothing_and_one_at_the_faces_leaves_no_slivers() -> None:
    whole = crop(cube(), Box((-2.0, -2.0, -2.0), (2.0, 2.0, 2.0)))
    np.testing.assert_array_equal(whole.faces, cube().faces)
    exact = crop(cube(), Box((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)))
    assert len(exact.faces) == 12
    # The half above z = 0: four sides of half height and the top; cut edges are shared, so only the rim is open.
    half = crop(cube(), Box((-2.0, -2.0, 0.0), (2.0, 2.0, 2.0)))
    np.testing.assert_allclose(area(half), 4 * 2 + 4, rtol=1e-6)
    edges = np.sort(np.concatenate([half.faces[:, [0, 1]], half.faces[:, [1, 2]], half.faces[:, [2, 0]]]), axis=1)
    rim, count = np.unique(edges, axis=0, return_counts=True)
    assert (half.vertices[rim[count == 1]][..., 2] == 0).all()
    assert set(count) == {1, 2}


def test_nothing_in_the_box_is_said() -> None:
    away = Box((10.0, 10.0, 10.0), (11.0, 11.0, 11.0))
    within = Box((-0.1, -0.1, -0.1), (0.1, 0.1, 0.1))
    for content, box in ((random_gaussians(20), away), (cube(), away), (cube(), within)):
        with pytest.raises(EmptyCropError) as refused:
            crop(content, box)
        assert refused.value.code == "crop_empty"


@pytest.mark.parametrize(
    "numbers",
    [
        [0.0, 0.0, 0.0, 1.0, 1.0],
        [0.0, 0.0, 0.0, 1.0, 0.0, 1.0],
        [1.0, 0.0, 0.0, 0.0, 1.0, 1.0],
        [0.0, 0.0, 0.0, 1.0, 1.0, np.nan],
    ],
)
def test_what_is_no_box_is_refused(numbers: list[float]) -> None:
    with pytest.raises(BadCropError):
        box_of(numbers)
    assert box_of([0.0, 0.0, 0.0, 1.0, 2.0, 3.0]).high == (1.0, 2.0, 3.0)
