"""USDZ, opened by OpenUSD from the package itself and judged by its own validators."""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pxr import Sdf, Usd, UsdGeom, UsdShade, UsdValidation
from tests.recon.formats.boxes import COLORS, check_box, colored_box, textured_box

from maquette.recon.formats import usdz
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.formats.usdz_child import read_layer

PROVENANCE = {"generator": "Maquette 0.1", "project": "Häuschen", "unit": "metre"}


def surface_of(stage: Usd.Stage) -> UsdGeom.Mesh:
    (surface,) = (UsdGeom.Mesh(prim) for prim in stage.Traverse() if prim.IsA(UsdGeom.Mesh))
    return surface


def color_input(surface: UsdGeom.Mesh) -> UsdShade.Shader:
    """What the bound material takes its colour from."""
    material, _ = UsdShade.MaterialBindingAPI(surface.GetPrim()).ComputeBoundMaterial()
    shader = material.ComputeSurfaceSource()[0]
    assert shader.GetIdAttr().Get() == "UsdPreviewSurface"
    return UsdShade.Shader(shader.GetInput("diffuseColor").GetConnectedSources()[0][0].source.GetPrim())


@pytest.mark.parametrize(("texture_format", "suffix", "tolerance"), [("png", "png", 6), ("jpeg", "jpg", 14)])
def test_openusd_sees_the_box(texture_format: str, suffix: str, tolerance: float, tmp_path: Path) -> None:
    path = tmp_path / "box.usdz"
    write = usdz.write if texture_format == "png" else usdz.FORMAT.compressed[texture_format]
    write(textured_box(normal_map=True), path, provenance=PROVENANCE)
    stage = Usd.Stage.Open(str(path))
    surface = surface_of(stage)
    corners = np.array(surface.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)
    primvar = UsdGeom.PrimvarsAPI(surface).GetPrimvar("st")
    assert primvar.GetInterpolation() == "vertex"
    texture = color_input(surface)
    assert texture.GetInput("sourceColorSpace").Get() == "sRGB"
    asset = texture.GetInput("file").Get()
    assert asset.resolvedPath == f"{path}[texture_color.{suffix}]"
    with zipfile.ZipFile(path) as archive, Image.open(io.BytesIO(archive.read(asset.path))) as image:
        pixels = np.array(primvar.Get())[corners] * (1, -1) + (0, 1)  # v runs up in USD
        check_box(np.array(surface.GetPointsAttr().Get())[corners], pixels, np.asarray(image), tolerance)
    np.testing.assert_allclose(surface.GetNormalsAttr().Get(), textured_box().normals, atol=1e-6)
    assert surface.GetOrientationAttr().Get() == "rightHanded"
    assert surface.GetSubdivisionSchemeAttr().Get() == "none"
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1.0
    assert stage.GetDefaultPrim().GetPath() == "/model"
    assert stage.GetRootLayer().customLayerData["maquette"] == PROVENANCE


def test_openusd_finds_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "box.usdz"
    for mesh in (textured_box(normal_map=True), colored_box(), replace(colored_box(), colors=None)):
        usdz.write(mesh, path, provenance=PROVENANCE)
        layer = Sdf.Layer.FindOrOpen(str(path))
        layer.Reload(force=True)
        registry = UsdValidation.ValidationRegistry()
        context = UsdValidation.ValidationContext(registry.GetOrLoadAllValidators())
        faults = context.Validate(Usd.Stage.Open(layer))
        assert [f"{fault.GetName()}: {fault.GetMessage()}" for fault in faults] == []


def test_every_file_lies_at_a_multiple_of_64_and_is_not_compressed(tmp_path: Path) -> None:
    path = tmp_path / "box.usdz"
    usdz.write(textured_box(normal_map=True), path, provenance=PROVENANCE)
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["model.usdc", "texture_color.png", "texture_normal.png"]
        for info in archive.infolist():
            name, extra = struct.unpack("<HH", data[info.header_offset + 26 : info.header_offset + 30])
            assert (info.header_offset + 30 + name + extra) % 64 == 0
            assert info.compress_type == zipfile.ZIP_STORED


def test_colours_of_vertices_are_linear(tmp_path: Path) -> None:
    usdz.write(colored_box(), tmp_path / "box.usdz", provenance={})
    stage = Usd.Stage.Open(str(tmp_path / "box.usdz"))
    surface = surface_of(stage)
    assert color_input(surface).GetInput("varname").Get() == "displayColor"
    linear = np.array(surface.GetDisplayColorAttr().Get(), np.float64)
    srgb = 255 * np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(srgb[::4], list(COLORS.values()), atol=0.05)
    np.testing.assert_array_equal(usdz.read(tmp_path / "box.usdz").colors, colored_box().colors)


def package(path: Path, layer: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model.usda", layer)
    return path


MESH = """
def Mesh "m" {{
    point3f[] points = [{points}]
    int[] faceVertexCounts = [{counts}]
    int[] faceVertexIndices = [{indices}]
}}
"""
GOOD: dict[str, Any] = {"points": "(0,0,0),(1,0,0),(0,1,0)", "counts": "3", "indices": "0,1,2"}


def test_a_layer_of_words_is_read_too(tmp_path: Path) -> None:
    back = usdz.read(package(tmp_path / "a.usdz", "#usda 1.0\n" + MESH.format(**GOOD)))
    assert (len(back.vertices), len(back.faces)) == (3, 1)


@pytest.mark.parametrize(
    "layer",
    [
        "#usda 1.0\n(\n    subLayers = [@./other.usda@]\n)\n" + MESH.format(**GOOD),
        "#usda 1.0\n" + MESH.format(**{**GOOD, "indices": "0,1,9"}),
        "#usda 1.0\n" + MESH.format(**{**GOOD, "points": "(0,0,0),(nan,0,0),(0,1,0)"}),
        "PXR-USDC" + "\0" * 200,
    ],
    ids=["other files", "indices", "not finite", "damaged"],
)
def test_what_is_no_mesh_is_refused(layer: str, tmp_path: Path) -> None:
    with pytest.raises(BadModelFileError):
        usdz.read(package(tmp_path / "bad.usdz", layer))


@pytest.mark.parametrize(
    "layer",
    [
        "",
        "#usda 1.0\n",
        "#usda 1.0\ndef",
        '#usda 1.0\ndef "r" (references = @/etc/other.usda@) {}\n' + MESH.format(**GOOD),
        "#usda 1.0\n" + MESH.format(**{**GOOD, "indices": "0,1"}),
        "#usda 1.0\n" + MESH.format(**{**GOOD, "counts": "4"}),
        "#usda 1.0\n" + MESH.format(**{**GOOD, "points": ""}) + MESH.format(**GOOD).replace('"m"', '"n"'),
    ],
    ids=["nothing", "no mesh", "half a line", "a reference", "a corner lacks", "a quad", "two meshes"],
)
def test_layers_of_another_make_are_refused(layer: str, tmp_path: Path) -> None:
    (tmp_path / "bad.usda").write_text(layer)
    with pytest.raises((RuntimeError, ValueError)):
        read_layer(str(tmp_path / "bad.usda"))
