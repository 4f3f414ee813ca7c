"""Textured meshes of fewer triangles: a cube keeps its volume, its closedness and its colours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.recon.texture.boxes import CUBE, mesh_of, waves

from maquette.progress import CancelledError
from maquette.recon.mesh import Mesh, Texture
from maquette.recon.mesh.raster_shading import TextureWithoutUvsError
from maquette.recon.mesh.topology import border, volume
from maquette.recon.texture.baking import TextureResult
from maquette.recon.texture.filling import gutter_filled
from maquette.recon.texture.settings import BadTextureSettingsError, TextureSettings
from maquette.recon.texture.texels import places_of, texels_of
from maquette.recon.texture.transfer import BadTriangleCountError, decimated
from maquette.recon.texture.unwrapping import cut_open, unwrap


@pytest.fixture(scope="module")
def cube() -> Mesh:
    """Of 4800 triangles, each texel of the colour that belongs to its place; seams between its sides and pairs."""
    bare = mesh_of([CUBE], steps=20)
    laid_out = unwrap(bare, TextureSettings(size_px=512, unwrap_s=0.0), lambda *_: None)
    assert laid_out is not None
    texels = texels_of(laid_out.uvs, laid_out.faces, 512)
    colors = np.clip(np.rint(waves(places_of(bare, texels).points.astype(np.float64))), 0, 255).astype(np.uint8)
    return replace(cut_open(bare, laid_out), texture=Texture(gutter_filled(texels, colors), observed_share=0.75))


@pytest.fixture(scope="module")
def small(cube: Mesh) -> TextureResult:
    return decimated(cube, 600)


def closed_faces(mesh: Mesh) -> np.ndarray:
    _, place = np.unique(mesh.vertices, axis=0, return_inverse=True)
    return place.reshape(-1)[mesh.faces].astype(np.int32)


def colour_errors(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Mean difference of each texel from the colour of its place, and how far that is from the nearest edge."""
    assert mesh.texture is not None and mesh.uvs is not None
    texels = texels_of(mesh.uvs, mesh.faces, len(mesh.texture.color))
    points = places_of(mesh, texels).points.astype(np.float64)
    colors = mesh.texture.color.reshape(-1, 3)[texels.index]
    return np.abs(colors - waves(points)).mean(axis=1), 0.5 - np.sort(np.abs(points), axis=1)[:, 1]


def test_a_cube_of_fewer_triangles_keeps_its_volume_and_its_colours(small: TextureResult) -> None:
    mesh = small.mesh
    assert small.method == "charts" and not small.warnings and not small.degraded
    assert 300 < len(mesh.faces) <= 600 and small.details["triangles_before"] == 4800
    assert not border(closed_faces(mesh)).any(), "no seam came open"
    assert volume(mesh.vertices, mesh.faces) == pytest.approx(1, rel=0.02)
    assert mesh.texture is not None and mesh.texture.observed_share == 0.75
    assert len(mesh.texture.color) == 512
    errors, from_edge = colour_errors(mesh)
    assert errors[from_edge > 0.03].mean() < 1.5 and errors.mean() < 3
    assert small.details["carried_share"] > 0.999


def test_a_smaller_texture_takes_the_mean_of_the_larger_ones_texels(cube: Mesh) -> None:
    noise = np.random.default_rng(0).integers(0, 2, (512, 512, 1), dtype=np.uint8) * np.full(3, 255, np.uint8)
    noisy = replace(cube, texture=Texture(noise))
    mesh = decimated(noisy, 600, size_px=64).mesh
    assert mesh.texture is not None and mesh.texture.color.shape == (64, 64, 3)
    assert mesh.texture.color.std() < 40, "each texel stands for 64"


def test_triangles_laid_out_in_pairs_or_not_at_all_are_named(cube: Mesh) -> None:
    paired = decimated(cube, 600, unwrap_s=0.0)
    assert paired.degraded and paired.method == "triangle_pairs"
    assert [warning.code for warning in paired.warnings] == ["texture_laid_out_in_pairs"]
    errors, from_edge = colour_errors(paired.mesh)
    assert errors[from_edge > 0.03].mean() < 1.5
    coloured = decimated(cube, 4000, size_px=64, unwrap_s=0.0)
    assert coloured.degraded and coloured.method == "vertex_colors" and coloured.mesh.texture is None
    assert [warning.code for warning in coloured.warnings] == ["texture_not_laid_out"]
    assert coloured.mesh.colors is not None
    places = coloured.mesh.vertices.astype(np.float64)
    assert np.abs(coloured.mesh.colors - waves(places)).mean() < 4


def test_a_mesh_without_texture_stays_one_and_keeps_the_colours_of_its_vertices(cube: Mesh) -> None:
    bare = mesh_of([CUBE], steps=20)
    colors = waves(bare.vertices.astype(np.float64)).astype(np.uint8)
    result = decimated(replace(bare, colors=colors), 600)
    assert result.mesh.texture is None and result.mesh.uvs is None and not result.degraded
    assert result.mesh.colors is not None
    assert np.abs(result.mesh.colors - waves(result.mesh.vertices.astype(np.float64))).mean() < 6


def test_sheets_that_only_touch_do_not_become_one() -> None:
    """Two cubes with a common edge: welded there, four faces would meet at it, and be lost."""
    one = mesh_of([CUBE], steps=8)
    two = np.concatenate([one.vertices, one.vertices + np.float32([1, 1, 0])])
    touching = Mesh(two, np.concatenate([one.faces, one.faces + len(one.vertices)]))
    mesh = decimated(touching, 400).mesh
    assert volume(mesh.vertices, mesh.faces) == pytest.approx(2, rel=0.02)


def test_a_box_of_two_dozen_triangles_is_no_crumb() -> None:
    mesh = decimated(mesh_of([CUBE], steps=2), 12).mesh
    assert 4 <= len(mesh.faces) <= 12 and volume(mesh.vertices, mesh.faces) > 0


def test_bad_input(cube: Mesh) -> None:
    with pytest.raises(BadTriangleCountError, match="3 triangles"):
        decimated(cube, 3)
    with pytest.raises(BadTextureSettingsError):
        decimated(cube, 600, size_px=100)
    with pytest.raises(TextureWithoutUvsError):
        decimated(replace(cube, uvs=None), 600)

    def stop(stage: str, fraction: float, message: str = "") -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        decimated(cube, 600, stop)
