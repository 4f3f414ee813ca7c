"""The nearest place on a box, which is known: the point held within its sides."""

from __future__ import annotations

import numpy as np
from tests.recon.texture.boxes import CUBE, mesh_of

from maquette.recon.mesh.closest import closest, surface_of


def test_the_nearest_place_on_a_box_is_the_point_held_within_it() -> None:
    mesh = mesh_of([CUBE])
    surface = surface_of(mesh.vertices, mesh.faces)
    points = np.random.default_rng(0).uniform(-1, 1, (5000, 3)).astype(np.float32)
    points = points[np.abs(points).max(axis=1) > 0.5]
    nearest = np.clip(points, -0.5, 0.5)
    away = np.linalg.norm(points - nearest, axis=1, keepdims=True)
    normals = (points - nearest) / away
    # Where a side would be looked at from too flat an angle its neighbour is taken
    plain = ((normals == 0) | (np.abs(normals) > 0.25)).all(axis=1)
    face, shares = closest(surface, points, normals, 5.0)
    places = np.einsum("nk,nkc->nc", shares, surface.corners[face])
    assert plain.sum() > 3000 and (face >= 0).all()
    np.testing.assert_allclose(places[plain], nearest[plain], atol=1e-6)
    near, _ = closest(surface, points, normals, 0.2)
    assert ((near >= 0) == (away[:, 0] < 0.2))[plain].all(), "what is out of reach is not found"


def test_the_other_side_of_a_sheet_is_never_meant() -> None:
    vertices = np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0.01], [1, 0, 0.01], [0, 1, 0.01]])
    surface = surface_of(vertices, np.int32([[2, 1, 0], [3, 4, 5]]))
    points = np.float32([[0.2, 0.2, 0.001], [0.2, 0.2, 0.009], [0.2, 0.2, 0.001]])
    normals = np.float32([[0, 0, 1], [0, 0, -1], [1, 0, 0]])
    face, _ = closest(surface, points, normals, 1.0)
    assert face.tolist() == [1, 0, -1]


def test_faces_of_very_different_sizes_and_of_no_area_are_all_found() -> None:
    """One triangle a thousand times larger than the others, and one that is a line."""
    mesh = mesh_of([CUBE])
    extra = np.float32([[-500, -500, 3], [500, -500, 3], [0, 900, 3], [2, 0, 0], [3, 0, 0], [4, 0, 0]])
    count = len(mesh.vertices)
    faces = np.concatenate([mesh.faces, np.int32([[count, count + 1, count + 2], [count + 3, count + 4, count + 5]])])
    surface = surface_of(np.concatenate([mesh.vertices, extra]), faces)
    points = np.float32([[0.1, 0.1, 0.6], [300, -300, 3.2], [0, 0, 2.9]])
    face, shares = closest(surface, points, np.float32([[0, 0, 1]] * 3), 1.0)
    assert face[1] == face[2] == len(mesh.faces) and face[0] < len(mesh.faces)
    places = np.einsum("nk,nkc->nc", shares, surface.corners[face])
    np.testing.assert_allclose(places, [[0.1, 0.1, 0.5], [300, -300, 3], [0, 0, 3]], atol=1e-4)
