"""Normal maps of surfaces whose normals are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy import ndarray
from tests.recon.texture.boxes import CUBE, around, cast, mesh_of, write_scene

from maquette.recon.mesh import Mesh, Texture
from maquette.recon.mesh.raster_shading import TextureWithoutUvsError
from maquette.recon.texture.baking import bake_texture
from maquette.recon.texture.normals import NormalMap, bake_normals, decoded, encoded
from maquette.recon.texture.settings import TextureSettings
from maquette.recon.texture.tangents import frames_at, tangents_of
from maquette.recon.texture.texels import Texels, places_of, texels_of
from maquette.recon.texture.transfer import decimated
from maquette.recon.texture.unwrapping import cut_open, unwrap

SIZE = 256


def height(directions: ndarray) -> ndarray:
    """Ridges on a ball: how far its surface lies from the unit sphere."""
    return 0.012 * np.sin(14 * directions[:, 0]) * np.sin(14 * directions[:, 1] + 1)


def ball(steps: int, *, ridges: bool) -> Mesh:
    box = mesh_of([CUBE], steps=steps)
    places, which = np.unique(box.vertices, axis=0, return_inverse=True)
    unit = places / np.linalg.norm(places, axis=1, keepdims=True).astype(np.float64)
    radius = 1 + height(unit) if ridges else np.ones(len(unit))
    vertices = (radius[:, None] * unit).astype(np.float32)
    return Mesh(vertices, which.reshape(-1)[box.faces].astype(np.int32), None if ridges else unit.astype(np.float32))


def true_normals(points: ndarray) -> ndarray:
    """Of the ridged ball, in the directions of ``points``: |p| - 1 - height(p / |p|) grows along them."""

    def level(p: ndarray) -> ndarray:
        length = np.linalg.norm(p, axis=1)
        return length - 1 - height(p / length[:, None])

    steps = 1e-5 * np.eye(3)
    gradient = np.stack([(level(points + step) - level(points - step)) for step in steps], axis=1)
    return gradient / np.linalg.norm(gradient, axis=1, keepdims=True)


def laid_out(mesh: Mesh) -> tuple[Mesh, Texels]:
    found = unwrap(mesh, TextureSettings(size_px=SIZE), lambda *_: None)
    assert found is not None
    flat = cut_open(mesh, found)
    assert flat.uvs is not None
    return flat, texels_of(flat.uvs, flat.faces, SIZE)


def meant(mesh: Mesh, texels: Texels, pixels: ndarray) -> ndarray:
    frames = frames_at(mesh, tangents_of(mesh), texels.face, texels.barycentrics)
    return decoded(frames, pixels.reshape(-1, 3)[texels.index])


def degrees_apart(a: ndarray, b: ndarray) -> ndarray:
    return np.degrees(np.arccos(np.clip((a * b).sum(axis=1), -1, 1)))


@pytest.fixture(scope="module")
def smooth() -> tuple[Mesh, Texels]:
    return laid_out(ball(10, ridges=False))


@pytest.fixture(scope="module")
def ridged(smooth: tuple[Mesh, Texels]) -> NormalMap:
    return bake_normals(*smooth, ball(90, ridges=True))


def test_the_ridges_of_a_ball_come_back_on_a_smooth_one(smooth: tuple[Mesh, Texels], ridged: NormalMap) -> None:
    mesh, texels = smooth
    places = places_of(mesh, texels)
    truth = true_normals(places.points.astype(np.float64))
    before = degrees_apart(places.normals, truth)
    after = degrees_apart(meant(mesh, texels, ridged.pixels), truth)
    assert before.mean() > 4.5
    assert after.mean() < 0.6 and np.quantile(after, 0.99) < 2
    assert ridged.adds and ridged.found_share == 1
    assert ridged.mean_angle_deg == pytest.approx(before.mean(), rel=0.05)


def test_a_surface_that_says_no_more_gives_no_map(smooth: tuple[Mesh, Texels]) -> None:
    found = bake_normals(*smooth, ball(40, ridges=False))
    assert not found.adds and found.mean_angle_deg < 0.5
    away = ball(40, ridges=True)
    nothing = bake_normals(*smooth, replace(away, vertices=3 * away.vertices))
    assert not nothing.adds and nothing.found_share == 0
    assert (np.abs(nothing.pixels.astype(int) - [128, 128, 255]) <= 1).all()


@pytest.mark.parametrize("turn", [0, 1])
def test_red_is_towards_u_and_green_towards_v(turn: int) -> None:
    """A square that lies flat, and slopes on it that look along x and a little along y."""
    corners = np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    faces = np.int32([[0, 1, 2], [0, 2, 3]])
    uvs = corners[:, :2] if turn == 0 else np.stack([corners[:, 1], 1 - corners[:, 0]], axis=1)
    mesh = Mesh(corners, faces, np.float32([[0, 0, 1]] * 4), uvs=uvs.astype(np.float32))
    # Roof tiles: each on its own about the square's plane, all tilted alike
    places = np.stack(np.meshgrid(np.arange(32), np.arange(32)), axis=-1).reshape(-1, 1, 2) / 32
    tiles = np.concatenate([places + corners[:, :2] / 32, np.zeros((1024, 4, 1))], axis=2)
    tiles[..., 2] = ((0.5 - corners[:, :2]) / 32 * [0.2, 0.1]).sum(axis=1)
    tile_faces = (faces + 4 * np.arange(1024)[:, None, None]).reshape(-1, 3).astype(np.int32)
    found = bake_normals(
        mesh, texels_of(mesh.uvs, faces, 64), Mesh(tiles.reshape(-1, 3).astype(np.float32), tile_faces)
    )
    normal = np.array([0.2, 0.1, 1]) / np.linalg.norm([0.2, 0.1, 1])
    # With the texture turned, u runs along y and v against x
    x, y = (normal[0], normal[1]) if turn == 0 else (normal[1], -normal[0])
    expected = np.rint((np.array([x, y, normal[2]]) + 1) * 127.5)
    assert (np.abs(found.pixels.astype(int) - expected) <= 1).all()


def test_numbers_mean_the_directions_they_were_made_of(smooth: tuple[Mesh, Texels]) -> None:
    mesh, texels = smooth
    frames = frames_at(mesh, tangents_of(mesh), texels.face, texels.barycentrics)
    assert np.abs((tangents_of(mesh) * mesh.normals).sum(axis=1)).max() < 1e-5
    tilted = frames.normals + np.random.default_rng(0).normal(0, 0.4, frames.normals.shape).astype(np.float32)
    tilted /= np.linalg.norm(tilted, axis=1, keepdims=True)
    kept = (tilted * frames.normals).sum(axis=1) > 0.3
    assert degrees_apart(decoded(frames, encoded(frames, tilted)), tilted)[kept].max() < 1
    with pytest.raises(TextureWithoutUvsError):
        tangents_of(replace(mesh, uvs=None))


def test_decimation_carries_the_map_over(smooth: tuple[Mesh, Texels], ridged: NormalMap) -> None:
    grey = np.full((SIZE, SIZE, 3), 128, np.uint8)
    mesh = replace(smooth[0], texture=Texture(grey, ridged.pixels))
    small = decimated(mesh, len(mesh.faces) // 2).mesh
    assert small.texture is not None and small.texture.normal_map is not None and small.uvs is not None
    texels = texels_of(small.uvs, small.faces, SIZE)
    places = places_of(small, texels)
    truth = true_normals(places.points.astype(np.float64))
    after = degrees_apart(meant(small, texels, small.texture.normal_map), truth)
    assert after.mean() < 1.2 < 4 < degrees_apart(places.normals, truth).mean()


def test_baking_keeps_a_map_only_where_it_adds(tmp_path_factory: pytest.TempPathFactory) -> None:
    cameras = around(3, width=64, height=64)
    scene = write_scene(tmp_path_factory.mktemp("ball"), cameras, [cast([CUBE], camera) for camera in cameras])
    settings = TextureSettings(size_px=128, unwrap_s=0.0)
    mesh, all_views = ball(10, ridges=False), range(3)
    ridges = bake_texture(mesh, scene, settings, views=all_views, detailed=ball(60, ridges=True))
    assert ridges.mesh.texture is not None and ridges.mesh.texture.normal_map is not None
    assert ridges.details["normal_map"]["kept"] and ridges.details["normal_map"]["telling_share"] > 0.5
    for detailed, why in ((ball(40, ridges=False), "hardly differs"), (None, "no finer surface")):
        plain = bake_texture(mesh, scene, settings, views=all_views, detailed=detailed)
        assert plain.mesh.texture is not None and plain.mesh.texture.normal_map is None
        assert why in plain.details["normal_map"]["why"]
