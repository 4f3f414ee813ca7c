"""Triangles and how they hang together, on meshes small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy import ndarray

from maquette.recon.mesh.cleaning import largest_parts, vertex_normals
from maquette.recon.mesh.holes import borders, close_holes
from maquette.recon.mesh.smoothing import rounds_for, smoothed
from maquette.recon.mesh.topology import (
    areas,
    border,
    edge_counts,
    parts,
    split_touching,
    volume,
    without_bad_faces,
)

CORNERS = np.array([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])


def box() -> tuple[ndarray, ndarray]:
    """The unit cube, counter-clockwise seen from outside."""
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [face for a, b, c, d in quads for face in ((a, b, c), (a, c, d))]
    return CORNERS.copy(), np.array(faces, np.int32)


def sheet(across: int) -> tuple[ndarray, ndarray]:
    """A flat square of ``across`` squared quads, facing +z."""
    x, y = np.meshgrid(np.arange(across + 1.0), np.arange(across + 1.0), indexing="ij")
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
    at = np.arange(x.size).reshape(x.shape)
    a, b, c, d = at[:-1, :-1].ravel(), at[1:, :-1].ravel(), at[1:, 1:].ravel(), at[:-1, 1:].ravel()
    return vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)


def test_volume_and_area_of_a_box_and_the_sign_of_one_turned_inside_out() -> None:
    vertices, faces = box()
    assert volume(vertices, faces) == pytest.approx(1) and areas(vertices, faces).sum() == pytest.approx(6)
    assert volume(vertices + 1000, faces[:, ::-1]) == pytest.approx(-1)
    assert not border(faces).any() and len(edge_counts(faces)[1]) == 18


def test_normals_point_outwards() -> None:
    vertices, faces = box()
    assert (vertex_normals(vertices, faces) * (vertices - 0.5)).sum(axis=1) == pytest.approx(3**0.5 / 2)
    assert np.isfinite(vertex_normals(vertices, np.array([[0, 1, 0]], np.int32))).all()


def test_boxes_that_touch_at_a_corner_are_taken_apart_there() -> None:
    vertices, faces = box()
    both = np.concatenate([vertices, vertices + 1])
    touching = np.concatenate([faces, np.where(faces == 0, 7, faces + 8)]).astype(np.int32)
    assert parts(touching, len(both))[0] == 1
    split, apart = split_touching(both, touching)
    assert parts(apart, len(split))[0] == 2 and len(split) == 16
    assert volume(split, apart) == pytest.approx(2)


def test_faces_that_cannot_be_are_dropped() -> None:
    _, faces = box()
    fin = np.array([[0, 1, 6]], np.int32)
    twice, flat = faces[3:4, [1, 2, 0]], np.array([[2, 2, 3]], np.int32)
    kept = without_bad_faces(np.concatenate([faces, twice, flat]).astype(np.int32))
    assert np.array_equal(kept, faces)
    which, counts = edge_counts(without_bad_faces(np.concatenate([faces, fin]).astype(np.int32)))
    assert counts.max() <= 2 and len(which) > 0


def test_a_hole_in_a_box_is_closed_and_the_border_of_a_sheet_is_not() -> None:
    vertices, faces = box()
    opened = faces[2:]
    assert [len(loop) for loop in borders(opened)] == [4]
    closed, count = close_holes(vertices, opened, largest=1.1)
    assert count == 1 and not border(closed).any() and volume(vertices, closed) == pytest.approx(1)
    assert close_holes(vertices, opened, largest=0.9)[1] == 0

    flat, quads = sheet(5)
    without = quads[[i for i in range(len(quads)) if i not in (12, 37)]]
    mended, count = close_holes(flat, without, largest=100.0)
    assert count == 1 and areas(flat, mended).sum() == pytest.approx(25) and len(borders(mended)) == 1
    # The patch looks the same way as what is around it
    a, b, c = (flat[mended[:, k]] for k in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()


def test_small_parts_go_and_large_ones_stay() -> None:
    vertices, faces = sheet(6)
    crumb, few = sheet(3)
    far = np.concatenate([vertices, 0.1 * crumb + 50])
    both = np.concatenate([faces, few + len(vertices)]).astype(np.int32)
    kept, left, removed = largest_parts(far, both, 0.05)
    assert removed == 1 and len(kept) == 49 and areas(kept, left).sum() == pytest.approx(36)
    assert largest_parts(far, both, 0.0)[2] == 0


def test_smoothing_takes_bumps_and_leaves_size_and_straight_borders() -> None:
    vertices, faces = sheet(20)
    rng = np.random.default_rng(0)
    bumpy = vertices + np.array([0, 0, 1]) * rng.normal(0, 0.1, (len(vertices), 1))
    smooth = smoothed(bumpy, faces, 8)
    inner = ((vertices[:, :2] > 3) & (vertices[:, :2] < 17)).all(axis=1)
    assert smooth[inner, 2].std() < 0.5 * bumpy[inner, 2].std()
    assert np.ptp(smooth[:, :2], axis=0) == pytest.approx([20, 20], rel=0.03)
    assert smoothed(bumpy, faces, 0) is bumpy
    assert rounds_for(0.0, 0.1) == 0 < rounds_for(0.05, 0.1) < rounds_for(0.1, 0.1) <= rounds_for(9.0, 0.1)
