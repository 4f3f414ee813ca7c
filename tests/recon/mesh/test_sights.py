"""Depth of Gaussians' surfaces, edges, and which depths other views confirm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.recon.mesh.solids import around, ball, on_surface

from maquette.recon.cameras import Camera
from maquette.recon.mesh.agreement import drop_unconfirmed
from maquette.recon.mesh.sights import sight_of, spread_out
from maquette.recon.mesh.surface_depth import surface_depth, whitenings
from maquette.recon.rasterize import forward, rasterize

CAMERA = Camera(96, 64, 90.0, 90.0, 48.0, 32.0, np.eye(4))


def slanted_wall(slope: float) -> tuple[np.ndarray, np.ndarray]:
    """Points of the plane z = 3 + slope x, and their normals."""
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(-2.5, 2.51, 0.15), np.arange(-2, 2.01, 0.15)))
    points = np.stack([x, y, 3 + slope * x], axis=1)
    return points, np.tile(np.array([slope, 0, -1]) / np.hypot(slope, 1), (len(points), 1))


def test_on_slanted_discs_depth_is_that_of_their_plane() -> None:
    slope = 0.6
    points, normals = slanted_wall(slope)
    wall = on_surface(points, normals, 0.15, np.full((len(points), 3), 0.5))
    depth, spread = surface_depth(forward(wall, CAMERA), wall, whitenings(wall))
    x = (np.arange(96) + 0.5 - 48) / 90
    truth = np.tile(3 / (1 - slope * x), (64, 1))
    middle = (slice(8, -8), slice(8, -8))
    assert np.abs(depth / truth - 1)[middle].max() < 0.003
    assert (spread < 0.01 * depth)[middle].all()
    # The rasteriser's own is the depth of a disc's centre: right on average, in steps
    steps = rasterize(wall, CAMERA, outputs={"median_depth"}).median_depth
    assert np.abs(steps / truth - 1)[middle].max() > 0.01


def test_where_nothing_is_there_is_no_depth_and_haze_in_front_does_not_count() -> None:
    behind = ball(0.2)
    behind.means[:, 2] -= 3
    assert not surface_depth(forward(behind, CAMERA), behind, whitenings(behind))[0].any()
    points, normals = slanted_wall(0.0)
    wall = on_surface(points, normals, 0.15, np.full((len(points), 3), 0.5))
    haze = on_surface(points * [0.5, 0.5, 0.5], normals, 0.15, np.full((len(points), 3), 0.5))
    haze.opacity_logits[:] = -5
    model = type(wall)(
        *(np.concatenate([getattr(wall, name), getattr(haze, name)]) for name in wall.__dataclass_fields__)
    )
    depth, _ = surface_depth(forward(model, CAMERA), model, whitenings(model))
    assert np.median(depth[8:-8, 8:-8]) == pytest.approx(3, rel=0.003)


def test_edges_are_taken_out_and_slanted_planes_are_not() -> None:
    x = (np.arange(96) + 0.5 - 48) / 90
    plane = np.tile((3 / (1 - 1.4 * x)).astype(np.float32), (64, 1))
    step = plane.copy()
    step[:, 60:] += 1
    color, sure = np.zeros((64, 96, 3), np.uint8), np.ones((64, 96), np.float32)
    assert (sight_of(CAMERA, plane, color, sure).depth > 0).all()
    cut = sight_of(CAMERA, step, color, sure)
    gone = np.flatnonzero((cut.depth == 0).all(axis=0))
    assert set(gone) >= {59, 60} and len(gone) <= 6
    # cos of the angle between the ray and the normal (1.4, 0, -1), in the middle column
    assert sight_of(CAMERA, plane, color, sure).weight[32, 48] == pytest.approx(1 / np.hypot(1.4, 1), rel=0.02)
    assert sight_of(CAMERA, plane, color, 0.5 * sure).weight[32, 48] == pytest.approx(0.5 / np.hypot(1.4, 1), rel=0.02)


def test_what_one_view_sees_alone_is_dropped() -> None:
    """A patch that hangs before the wall in the first view only; the others look through its place."""
    cameras = []
    for k in range(4):
        pose = np.eye(4)
        pose[0, 3] = -0.5 * k
        cameras.append(replace(CAMERA, camera_from_world=pose))
    color, sure = np.zeros((64, 96, 3), np.uint8), np.ones((64, 96), np.float32)
    depth = np.full((64, 96), 3.0, np.float32)
    hanging = depth.copy()
    hanging[20:40, 50:70] = 2.0
    sights = [sight_of(cameras[0], hanging, color, sure), *(sight_of(c, depth, color, sure) for c in cameras[1:])]
    # Nobody looks from elsewhere: nothing can be said against it
    assert drop_unconfirmed([sights[0], sights[0]]) == 0 and (sights[0].depth == 2).any()
    assert drop_unconfirmed(sights) == 4
    assert not (sights[0].depth == 2).any() and not sights[0].weight[24:36, 54:66].any()
    assert (sights[0].depth[:, 20:45] == 3).all() and (sights[2].depth[:, 40:70] == 3).all()


def test_of_many_views_those_are_chosen_that_lie_apart() -> None:
    cameras = around(40)
    assert np.array_equal(spread_out(cameras, 40), np.arange(40))
    chosen = spread_out([*cameras[:1] * 30, *cameras], 10)
    centres = np.stack([([*cameras[:1] * 30, *cameras])[i].centre for i in chosen])
    gaps = np.linalg.norm(centres[:, None] - centres[None], axis=2) + 10 * np.eye(10)
    assert len(chosen) == 10 and gaps.min() > 1.5 and (np.diff(chosen) > 0).all()
