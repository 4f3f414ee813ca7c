"""Pictures of meshes: textures the right way up and without aliasing, colours, edges, light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maquette.recon.cameras import Camera
from maquette.recon.mesh import Mesh, Texture
from maquette.recon.mesh.raster_shading import PLAIN, TextureWithoutUvsError, shade

SIDE = 32
FACE_ON = Camera(SIDE, SIDE, float(SIDE), float(SIDE), SIDE / 2, SIDE / 2, np.eye(4))
"""Shows a square of side 1 at distance 1 exactly, a pixel to a texel of 32 x 32."""
SQUARE = Mesh(
    np.array([[-0.5, -0.5, 1], [0.5, -0.5, 1], [0.5, 0.5, 1], [-0.5, 0.5, 1]], np.float32),
    np.array([[0, 2, 1], [0, 3, 2]], np.int32),
    uvs=np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32),
)
"""Its first corner is the upper left one for the camera, and has the texture's: v is 1 there."""


def test_a_texture_face_on_is_the_picture() -> None:
    color = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    picture = shade(replace(SQUARE, texture=Texture(color)), FACE_ON, samples=1)
    np.testing.assert_array_equal(picture, color)


def test_far_away_a_fine_pattern_is_its_mean() -> None:
    checks = np.repeat(np.indices((512, 512)).sum(axis=0)[..., None] % 2 * 255, 3, axis=2).astype(np.uint8)
    picture = shade(replace(SQUARE, texture=Texture(checks)), FACE_ON)
    assert np.abs(picture.astype(int) - 128).max() <= 1
    pose = np.eye(4)  # seen from a low angle, where one direction shrinks and the other does not
    pose[1:3, 1:3] = [[np.cos(1.3), -np.sin(1.3)], [np.sin(1.3), np.cos(1.3)]]
    pose[:3, 3] = [0.0, 1.0, 0.8]
    low = replace(FACE_ON, camera_from_world=pose)
    assert np.mean(shade(SQUARE, low, background=(0, 0, 0)) > 0) > 0.1
    slanted = shade(replace(SQUARE, texture=Texture(checks)), low, samples=4, background=(128, 128, 128))
    assert np.abs(slanted.astype(int) - 128).max() < 20


def test_vertex_colors_mix_and_the_background_shows() -> None:
    colors = np.array([[0, 0, 0], [255, 0, 0], [255, 255, 0], [0, 255, 0]], np.uint8)
    pose = np.eye(4)
    pose[2, 3] = 1.0  # at half its size
    picture = shade(
        replace(SQUARE, uvs=None, colors=colors), replace(FACE_ON, camera_from_world=pose), background=(9, 8, 7)
    )
    np.testing.assert_array_equal(picture[0, 0], [9, 8, 7])
    across = (np.arange(16) + 0.5) / 16 * 255
    np.testing.assert_allclose(picture[12, 8:24, 0], across, atol=1.0)
    np.testing.assert_allclose(picture[8:24, 12, 1], across, atol=1.0)


def test_edges_are_drawn_over_the_surface() -> None:
    plain = shade(SQUARE, FACE_ON, head_light=False)
    np.testing.assert_array_equal(plain, np.broadcast_to(np.uint8(PLAIN), plain.shape))
    lines = shade(SQUARE, FACE_ON, head_light=False, wireframe=True, line=(0, 0, 0), line_opacity=1.0)
    diagonal = np.arange(4, SIDE - 4)
    assert (lines[diagonal, diagonal].max(axis=1) < 140).all(), "the edge both triangles share"
    assert (lines[4:10, 18:26] == PLAIN).all(), "away from every edge nothing changes"


def test_the_head_light_darkens_what_is_seen_from_the_side() -> None:
    lit = shade(SQUARE, FACE_ON)
    assert lit[16, 16].min() >= 198
    slanted = replace(SQUARE, normals=np.tile(np.float32([0.8, 0.0, -0.6]), (4, 1)))
    np.testing.assert_allclose(shade(slanted, FACE_ON)[16, 16] / lit[16, 16], 0.4 + 0.6 * 0.6, atol=0.02)
    away = replace(slanted, normals=-slanted.normals)
    np.testing.assert_array_equal(shade(away, FACE_ON), shade(slanted, FACE_ON))


def test_a_texture_needs_coordinates() -> None:
    with pytest.raises(TextureWithoutUvsError, match="coordinates"):
        shade(replace(SQUARE, uvs=None, texture=Texture(np.zeros((4, 4, 3), np.uint8))), FACE_ON)
