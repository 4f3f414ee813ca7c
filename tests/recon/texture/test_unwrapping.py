"""Charts and pairs: every triangle has a place of its own, the right way round, of about its size."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from jaxtyping import Float
from numpy import ndarray

from maquette.progress import silent
from maquette.recon.mesh import Mesh
from maquette.recon.texture.charts import charts_of
from maquette.recon.texture.evening import solve_evening
from maquette.recon.texture.pairs import lay_out_pairs
from maquette.recon.texture.settings import TextureSettings
from maquette.recon.texture.texels import face_areas, texels_of
from maquette.recon.texture.unwrapping import unwrap


def signed_areas(corners: Float[ndarray, "f 3 2"]) -> Float[ndarray, " f"]:
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2


def ball(noise: float = 0.0) -> Mesh:
    sphere = trimesh.creation.icosphere(subdivisions=4)
    bumps = 1 + noise * np.random.default_rng(5).standard_normal((len(sphere.vertices), 1))
    return Mesh((sphere.vertices * bumps).astype(np.float32), sphere.faces.astype(np.int32))


def curl() -> Mesh:
    """A band that winds twice around, each time further in: from any side it lies over itself."""
    t = np.linspace(0, 4 * np.pi, 200)
    rim = np.stack([(1 - 0.03 * t) * np.cos(t), (1 - 0.03 * t) * np.sin(t), 0 * t], axis=1)
    vertices = np.concatenate([rim, rim + np.array([0, 0, 0.4])])
    a = np.arange(199)
    faces = np.concatenate([np.stack([a, a + 1, a + 201], 1), np.stack([a, a + 201, a + 200], 1)])
    return Mesh(vertices.astype(np.float32), faces.astype(np.int32))


@pytest.mark.parametrize("mesh", [ball(), ball(0.02), curl()], ids=["ball", "rough ball", "curl"])
def test_charts_neither_flip_nor_lie_over_themselves(mesh: Mesh) -> None:
    charts = charts_of(mesh)
    np.testing.assert_array_equal(charts.vertex[charts.faces], mesh.faces)
    flat = signed_areas(charts.flat[charts.faces])
    assert (flat > 0).all()
    assert np.median(flat / face_areas(mesh)) > 0.75
    for chart in range(charts.chart.max() + 1):
        mine = charts.chart == chart
        if mine.sum() < 20:
            continue
        size = charts.flat[charts.faces[mine]].reshape(-1, 2).max()
        covered = texels_of((charts.flat / size).astype(np.float32), charts.faces[mine], 256).index
        area = flat[mine].sum() / size**2 * 256**2
        assert len(covered) == pytest.approx(area, rel=0.06), "less is covered where faces overlap"


def test_charts_are_few_on_what_is_smooth() -> None:
    assert charts_of(ball()).chart.max() + 1 <= 20


def test_packed_charts_share_no_texel() -> None:
    mesh = ball(0.02)
    laid_out = unwrap(mesh, TextureSettings(size_px=512), silent)
    assert laid_out.method == "charts"
    assert laid_out.uvs.min() >= 0
    assert laid_out.uvs.max() <= 1
    areas = signed_areas(laid_out.uvs[laid_out.faces].astype(np.float64)) * 512**2
    for chart in range(laid_out.chart.max() + 1):
        assert len(set(np.sign(areas[laid_out.chart == chart]))) == 1, "xatlas may mirror a chart, as a whole"
    areas = np.abs(areas)
    assert len(texels_of(laid_out.uvs, laid_out.faces, 512).index) == pytest.approx(areas.sum(), rel=0.01)
    assert areas.sum() > 0.5 * 512**2


def test_pairs_share_no_texel_and_keep_their_sizes() -> None:
    mesh = ball(0.02)
    corners = lay_out_pairs(mesh.vertices, mesh.faces, 512)
    assert corners is not None
    assert corners.min() >= 0
    assert corners.max() <= 512
    areas = signed_areas(corners.astype(np.float64))
    assert (areas > 0).all()
    uvs = (corners / 512).reshape(-1, 2)
    texels = texels_of(uvs, np.arange(len(uvs), dtype=np.int32).reshape(-1, 3), 512)
    assert len(np.unique(texels.face)) == len(mesh.faces), "each has a texel"
    # Corners of the smallest squares lie alike against the middles of texels, which favours one side.
    assert len(texels.index) == pytest.approx(areas.sum(), rel=0.12)
    assert lay_out_pairs(mesh.vertices, mesh.faces, 64) is None


def test_gains_and_offsets_are_found_among_outliers() -> None:
    rng = np.random.default_rng(4)
    truth = rng.uniform(40, 190, (900, 3))
    gains, offsets = rng.uniform(0.8, 1.2, (7, 3)), rng.uniform(-4, 4, (7, 3))
    gains, offsets = gains / gains.mean(axis=0), offsets - offsets.mean(axis=0)
    stored = gains[:, None] * truth + offsets[:, None]
    weights = (rng.random((7, 900)) < 0.5).astype(np.float32)
    passing = rng.random((7, 900)) < 0.08
    stored[passing] = rng.uniform(0, 255, (int(passing.sum()), 3))
    evening = solve_evening(np.clip(np.rint(stored), 0, 255).astype(np.uint8), weights)
    for photo in range(7):
        table = evening.table(photo)
        shown = np.rint(gains[photo] * 120.0 + offsets[photo]).astype(int)
        np.testing.assert_allclose([table[c, shown[c]] for c in range(3)], 120.0, atol=4.0)
    alone = solve_evening(np.full((2, 50, 3), 90, np.uint8), np.zeros((2, 50), np.float32))
    np.testing.assert_allclose(alone.gains, 1.0, err_msg="what shares nothing stays as it is")
