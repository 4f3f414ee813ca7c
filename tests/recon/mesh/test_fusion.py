"""Fusing depth maps that are known exactly: where the surface comes to lie, and that blocks leave no trace in it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy import ndarray
from tests.recon.mesh.solids import around

from maquette.progress import silent
from maquette.recon.cameras import Camera
from maquette.recon.mesh.blocks import SIDE, Blocks, allot
from maquette.recon.mesh.errors import NoSurfaceError
from maquette.recon.mesh.fusion import fuse
from maquette.recon.mesh.marching import zero_surface
from maquette.recon.mesh.region import find_region
from maquette.recon.mesh.sights import Sight, sight_of
from maquette.recon.mesh.topology import border, edge_counts, parts, volume


def rays(camera: Camera) -> ndarray:
    rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
    return np.stack([(columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy, np.ones(rows.shape)], axis=-1)


def ball_sight(camera: Camera, radius: float, middle: tuple[float, float, float] = (0, 0, 0)) -> Sight:
    """What a camera sees of a ball: the nearer root of |t d - m| = r."""
    d = rays(camera)
    m = camera.camera_from_world[:3, :3] @ np.array(middle) + camera.camera_from_world[:3, 3]
    a, b, c = (d * d).sum(axis=-1), d @ m, m @ m - radius**2
    root = b * b - a * c
    depth = np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / a, 0).astype(np.float32)
    return sight_of(camera, depth, np.zeros((*depth.shape, 3), np.uint8), np.ones_like(depth))


def fused(sights: list[Sight], most: int) -> Blocks:
    blocks = allot(sights, find_region(sights), most, 4.0)
    fuse(blocks, sights, silent)
    return blocks


@pytest.mark.parametrize("most", [60, 300])
def test_a_ball_of_depth_maps_is_a_closed_ball_in_as_many_blocks_as_allowed(most: int) -> None:
    blocks = fused([ball_sight(camera, 0.8) for camera in around(14)], most)
    assert most / 2 < len(blocks) <= most
    assert blocks.nbytes < 1.3 * most * 2 * 4 * SIDE**3
    vertices, faces = zero_surface(blocks, 0.01, silent)
    assert volume(vertices, faces) == pytest.approx(4 / 3 * np.pi * 0.8**3, rel=0.02)
    assert np.linalg.norm(vertices, axis=1) == pytest.approx(0.8, abs=0.01)
    # No crack and no doubled vertex where blocks meet: one closed part of genus 0, by Euler's formula
    assert not border(faces).any() and parts(faces, len(vertices))[0] == 1
    assert len(vertices) - len(edge_counts(faces)[1]) + len(faces) == 2
    assert len(np.unique(vertices.round(9), axis=0)) == len(vertices)


def test_unseen_space_makes_no_surface() -> None:
    """From one side there is half a ball, and nothing closes it."""
    cameras = [camera for camera in around(40) if camera.centre[2] > 2]
    vertices, faces = zero_surface(fused([ball_sight(camera, 0.8) for camera in cameras], 200), 0.01, silent)
    assert border(faces).any()
    assert vertices[:, 2].min() > -0.4
    assert np.linalg.norm(vertices, axis=1) == pytest.approx(0.8, abs=0.015)


def test_views_that_are_wrong_are_outvoted() -> None:
    """One of fifteen sees the ball a fifth of a truncation too near; the mean hardly moves."""
    sights = [ball_sight(camera, 0.8) for camera in around(15)]
    exact = fused(sights, 200)
    wrong = sights[0].depth - np.float32(0.2 * exact.truncation) * (sights[0].depth > 0)
    one = sight_of(sights[0].camera, wrong, sights[0].color, np.ones_like(wrong))
    vertices, _ = zero_surface(fused([one, *sights[1:]], 200), 0.01, silent)
    assert np.linalg.norm(vertices, axis=1) == pytest.approx(0.8, abs=0.15 * exact.truncation)


def test_the_far_background_does_not_take_the_resolution() -> None:
    """A ball before a ball of a hundred times the size around everything: the region is about the small one."""
    alone = find_region([ball_sight(camera, 0.8) for camera in around(14)])
    sights = []
    for camera in around(14):
        near = ball_sight(camera, 0.8)
        d = rays(camera)
        # Seen from inside: the only root in front
        a, b, c = (d * d).sum(axis=-1), d @ camera.camera_from_world[:3, 3], 9.0 - 80.0**2
        far = ((b + np.sqrt(b * b - a * c)) / a).astype(np.float32)
        depth = np.where(near.depth > 0, near.depth, far)
        sights.append(sight_of(camera, depth, near.color, np.ones_like(depth)))
    region = find_region(sights)
    assert region.left_out > 0.3 > alone.left_out
    assert (region.high - region.low).max() < 1.3 * (alone.high - alone.low).max()


def test_views_of_different_things_have_no_surface_in_common() -> None:
    apart = [ball_sight(camera, 0.3, (2.0 * i, 5.0 * i, 0)) for i, camera in enumerate(around(4))]
    with pytest.raises(NoSurfaceError):
        find_region(apart)
