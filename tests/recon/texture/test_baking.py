"""Textures baked from photos whose every colour is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray
from tests.recon.texture.boxes import CUBE, PaintedBox, around, cast, from_place, mesh_of, waves, write_scene

from maquette.progress import CancelledError
from maquette.recon.mesh import Mesh, Texture
from maquette.recon.mesh.raster import rasterize_mesh
from maquette.recon.mesh.raster_shading import shade
from maquette.recon.scene import Scene
from maquette.recon.texture.baking import MeshWithoutFacesError, TextureResult, bake_texture
from maquette.recon.texture.measuring import MeshNotSeenError, measure_mesh
from maquette.recon.texture.settings import PRESETS, BadTextureSettingsError, TextureSettings
from maquette.recon.texture.texels import places_of, texels_of

PLAIN = TextureSettings(size_px=256, unwrap_s=0.0)
"""Without a child process."""


def everything(scene: Scene) -> range:
    return range(len(scene.views))


def painted_and_points(result: TextureResult) -> tuple[Float[ndarray, "n 3"], Float[ndarray, "n 3"]]:
    """Colours and world points of all texels on triangles."""
    mesh = result.mesh
    assert mesh.texture is not None
    assert mesh.uvs is not None
    texels = texels_of(mesh.uvs, mesh.faces, len(mesh.texture.color))
    colors = mesh.texture.color.reshape(-1, 3)[texels.index]
    return colors.astype(np.float64), places_of(mesh, texels).points.astype(np.float64)


CAMERAS = around(14)


@pytest.fixture(scope="module")
def cube_pictures() -> list[Float[ndarray, "h w 3"]]:
    return [cast([CUBE], camera) for camera in CAMERAS]


@pytest.fixture(scope="module")
def cube_scene(cube_pictures: list[ndarray], tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return write_scene(tmp_path_factory.mktemp("cube"), CAMERAS, cube_pictures)


@pytest.fixture(scope="module")
def cube(cube_scene: Scene) -> TextureResult:
    return bake_texture(mesh_of([CUBE]), cube_scene, TextureSettings(size_px=256), views=everything(cube_scene))


def test_the_colours_of_a_cube_come_back(cube: TextureResult) -> None:
    assert cube.method == "charts"
    assert not cube.degraded
    assert not cube.warnings
    assert cube.mesh.texture.observed_share > 0.97
    colors, points = painted_and_points(cube)
    assert np.abs(colors - waves(points)).mean() < 3.0
    assert len(cube.mesh.vertices) == len(cube.mesh.uvs) == len(cube.mesh.normals)
    assert cube.mesh.faces.shape == mesh_of([CUBE]).faces.shape


def test_no_seam_is_seen(cube: TextureResult) -> None:
    """From new places, near and far (where smaller versions of the texture are read), against the rays."""
    for eye, width in (((1.9, 1.1, 1.3), 300), ((-1.4, 1.7, -1.5), 300), ((1.5, -1.8, 1.2), 40)):
        camera = from_place(np.array(eye), width, width)
        picture, truth = shade(cube.mesh, camera), cast([CUBE], camera)
        inside = cv2.erode((rasterize_mesh(cube.mesh, camera).face >= 0).astype(np.uint8), np.ones((3, 3))) > 0
        assert np.abs(picture[inside] - truth[inside]).mean() < 3.0
        assert np.abs(picture[inside] - truth[inside]).max() < 26.0
        assert picture[inside].min() > truth[inside].min() - 12


def test_the_cube_is_measured_by_its_photos(cube: TextureResult, cube_scene: Scene, tmp_path: Path) -> None:
    quality = measure_mesh(cube.mesh, cube_scene, [0, 3, 8])
    assert quality.psnr > 34
    assert quality.ssim > 0.97
    assert 0.15 < quality.covered_share < 0.6
    assert quality.frame_psnr < 24, "beside the cube photos are grey and renders black"
    assert [view["name"] for view in quality.as_dict()["per_view"]] == ["00.png", "03.png", "08.png"]
    worse = replace(cube.mesh, texture=Texture(255 - cube.mesh.texture.color))
    assert measure_mesh(worse, cube_scene, [0, 3, 8]).psnr < 20
    away = replace(cube.mesh, vertices=cube.mesh.vertices + np.float32([0, 0, 90]))
    with pytest.raises(MeshNotSeenError):
        measure_mesh(away, cube_scene, [0, 3, 8])


def test_what_stands_in_front_is_not_painted_on_what_stands_behind(tmp_path: Path) -> None:
    front = PaintedBox(
        (0.5, -0.25, -0.25), (0.7, 0.25, 0.25), lambda points: np.full((len(points), 3), [230.0, 20, 20])
    )
    back = PaintedBox((-0.5, -0.6, -0.6), (0.0, 0.6, 0.6), lambda points: np.full((len(points), 3), [20.0, 200, 60]))
    cameras = [from_place(np.array([2.6, y, z])) for y in (-0.8, 0.0, 0.8) for z in (-0.5, 0.4)]
    scene = write_scene(tmp_path, cameras, [cast([front, back], camera) for camera in cameras])
    result = bake_texture(mesh_of([front, back]), scene, PLAIN, views=everything(scene))
    colors, points = painted_and_points(result)
    behind, before = np.abs(points[:, 0]) < 1e-3, np.abs(points[:, 0] - 0.7) < 1e-3
    assert behind.sum() > 1000
    assert np.abs(colors[behind] - [20, 200, 60]).max() < 12
    assert np.abs(colors[before] - [230, 20, 20]).mean() < 4


def test_photos_of_other_exposures_come_back_even(tmp_path: Path, cube_pictures: list[ndarray]) -> None:
    gains = np.random.default_rng(2).uniform(0.75, 1.25, (14, 1)) * np.random.default_rng(3).uniform(
        0.94, 1.06, (14, 3)
    )
    gains /= gains.mean(axis=0)
    scene = write_scene(tmp_path, CAMERAS, [p * gain for p, gain in zip(cube_pictures, gains, strict=True)])

    def error(settings: TextureSettings) -> float:
        colors, points = painted_and_points(bake_texture(mesh_of([CUBE]), scene, settings, views=everything(scene)))
        return float(np.abs(colors - waves(points)).mean())

    assert error(replace(PLAIN, even_exposures=False)) > 9.0
    assert error(PLAIN) < 3.5


def test_a_passer_by_in_one_photo_is_outvoted_and_a_mask_leaves_it_out(tmp_path: Path, cube_scene: Scene) -> None:
    cameras = [from_place(np.array([2.4, y, z])) for y in (-0.5, 0.0, 0.5) for z in (-0.4, 0.0, 0.4)]
    pictures = [cast([CUBE], camera) for camera in cameras]
    pictures[4][60:100, 70:110] = [255, 0, 255]  # in the middle of the photo that sees the side best
    scene = write_scene(tmp_path, cameras, pictures)
    colors, points = painted_and_points(bake_texture(mesh_of([CUBE]), scene, PLAIN, views=everything(scene)))
    front = points[:, 0] > 0.499
    assert np.abs(colors - waves(points))[front].mean() < 3.0
    alone = bake_texture(mesh_of([CUBE]), scene, PLAIN, views=[4])
    colors, points = painted_and_points(alone)
    assert np.abs(colors - waves(points))[points[:, 0] > 0.499].mean() > 10.0
    mask = np.full((160, 192), 255, np.uint8)
    mask[58:102, 68:112] = 0
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    view = replace(scene.views[4], mask_path=tmp_path / "mask.png")
    masked = bake_texture(mesh_of([CUBE]), replace(scene, views=(view,)), PLAIN, views=[0])
    assert masked.mesh.texture.observed_share < alone.mesh.texture.observed_share - 0.02
    colors, points = painted_and_points(masked)
    magenta = (colors[:, 1] < 40) & (points[:, 0] > 0.499)
    assert not magenta.any(), "the hole is filled from what is around it"


def test_what_no_photo_shows_is_counted_and_filled(tmp_path: Path) -> None:
    """From one side only: of six equal sides the one in front is seen."""
    cameras = [from_place(np.array([2.4, y, 0.0])) for y in (-0.2, 0.0, 0.2)]
    scene = write_scene(tmp_path, cameras, [cast([CUBE], camera) for camera in cameras])
    result = bake_texture(mesh_of([CUBE]), scene, PLAIN, views=everything(scene))
    assert result.mesh.texture.observed_share == pytest.approx(1 / 6, abs=0.02)
    assert [warning.code for warning in result.warnings] == ["texture_laid_out_in_pairs", "texture_mostly_unseen"]
    colors, points = painted_and_points(result)
    hidden = points[:, 0] < -0.499
    seen_mean = waves(points[points[:, 0] > 0.499]).mean(axis=0)
    np.testing.assert_allclose(colors[hidden], np.broadcast_to(seen_mean, colors[hidden].shape), atol=8.0)
    own = np.full((len(mesh_of([CUBE]).vertices), 3), [10, 200, 90], np.uint8)
    colored = bake_texture(replace(mesh_of([CUBE]), colors=own), scene, PLAIN, views=everything(scene))
    colors, points = painted_and_points(colored)
    np.testing.assert_array_equal(colors[points[:, 0] < -0.499], np.broadcast_to([10, 200, 90], colors[hidden].shape))


def test_triangles_that_do_not_fit_get_colours_by_vertex(cube_scene: Scene) -> None:
    mesh = mesh_of([CUBE], steps=20)
    result = bake_texture(mesh, cube_scene, TextureSettings(size_px=64, unwrap_s=0.0), views=everything(cube_scene))
    assert result.method == "vertex_colors"
    assert result.degraded
    assert [warning.code for warning in result.warnings] == ["texture_not_laid_out"]
    assert result.mesh.texture is None
    inner = np.sort(np.abs(mesh.vertices), axis=1)[:, 1] < 0.45  # at edges no normal is that of a side
    error = np.abs(result.mesh.colors[inner] - waves(mesh.vertices[inner].astype(np.float64)))
    assert error.mean() < 3.0


def test_unwrapping_is_given_up_in_time_and_on_a_cancel(cube_scene: Scene) -> None:
    hurried = bake_texture(
        mesh_of([CUBE]), cube_scene, TextureSettings(size_px=128, unwrap_s=0.01), views=everything(cube_scene)
    )
    assert hurried.method == "triangle_pairs"
    assert "after 0.01 s" in hurried.warnings[0].sentence

    def stop(stage: str, fraction: float, message: str = "") -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        bake_texture(mesh_of([CUBE]), cube_scene, progress=stop)


def test_bad_input(cube_scene: Scene) -> None:
    with pytest.raises(MeshWithoutFacesError, match="no triangles"):
        bake_texture(Mesh(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)), cube_scene)
    with pytest.raises(MeshWithoutFacesError):
        bake_texture(replace(mesh_of([CUBE]), vertices=mesh_of([CUBE]).vertices * np.float32(np.nan)), cube_scene)
    for wrong in (TextureSettings(size_px=1000), TextureSettings(samples=0), TextureSettings(unwrap_s=-1.0)):
        with pytest.raises(BadTextureSettingsError):
            wrong.checked()
    for preset in PRESETS.values():
        preset.checked()
