"""USDZ (Pixar, "Usdz File Format Specification" 1.3), which Apple's devices open: one textured mesh.

The layer is OpenUSD's own (extra ``[usd]``), the package around it ours, so that no time of day gets into it. USD's
preview surface knows no unlit material: ours is matt and takes the photos' colours as its own, so the light of the room
falls on top of theirs. Vertex colours, where there is no texture, are linear, as USD wants them.
"""

from __future__ import annotations

import errno
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from maquette.recon.formats.checking import check_mesh
from maquette.recon.formats.format import Format
from maquette.recon.formats.openusd import openusd
from maquette.recon.formats.srgb import linear_from_srgb
from maquette.recon.formats.textures import SUFFIXES, encode_color, encode_normals
from maquette.recon.formats.usdz_reading import read
from maquette.recon.formats.zipped import entry, writing_zip
from maquette.recon.mesh import Mesh

_LAYER = "model.usdc"
_ALIGNMENT = 64
_PADDING_FIELD = 0x1986  # the extra field that OpenUSD pads with
_LOCAL_HEADER_BYTES = 30
_GREY = 0.6


def write(
    mesh: Mesh, path: Path, *, provenance: Mapping[str, str], texture_format: Literal["png", "jpeg"] = "png"
) -> None:
    """Store the mesh with y up and one unit a metre; ``provenance`` is in the layer's ``customLayerData``.

    The specification has no WebP. Raises :class:`~maquette.recon.formats.openusd.UsdExtraMissingError` where the extra
    ``[usd]`` is not installed.
    """
    check_mesh(mesh)
    pxr = openusd()
    images = {}
    if mesh.texture is not None:
        suffix = SUFFIXES[texture_format]
        images[f"texture_color{suffix}"] = encode_color(mesh.texture.color, texture_format)
        if mesh.texture.normal_map is not None:
            images[f"texture_normal{suffix}"] = encode_normals(mesh.texture.normal_map, texture_format)
    with tempfile.TemporaryDirectory(prefix="maquette-") as folder:
        layer = Path(folder) / _LAYER
        try:
            _write_layer(pxr, layer, mesh, list(images), provenance)
        except pxr.Tf.ErrorException as error:
            raise OSError(errno.EIO, "OpenUSD could not write its layer, most often for want of room") from error
        with writing_zip(path) as archive:
            with layer.open("rb") as source, archive.open(_aligned(archive, _LAYER), "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            for name, data in images.items():
                archive.writestr(_aligned(archive, name), data)


def _aligned(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """An entry whose bytes begin at a multiple of 64 and are not compressed, so that they can be mapped as they are."""
    info = entry(name, packed=False)
    begins = archive.start_dir + _LOCAL_HEADER_BYTES + len(name)
    padding = -begins % _ALIGNMENT
    if 0 < padding < 4:  # an extra field has four bytes itself
        padding += _ALIGNMENT
    if padding:
        info.extra = struct.pack("<HH", _PADDING_FIELD, padding - 4) + bytes(padding - 4)
    return info


def _write_layer(pxr: Any, file: Path, mesh: Mesh, images: list[str], provenance: Mapping[str, str]) -> None:
    stage = pxr.Usd.Stage.CreateNew(str(file))
    pxr.UsdGeom.SetStageUpAxis(stage, pxr.UsdGeom.Tokens.y)
    pxr.UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    root = pxr.UsdGeom.Xform.Define(stage, "/model")
    pxr.Usd.ModelAPI(root.GetPrim()).SetKind("component")
    stage.SetDefaultPrim(root.GetPrim())
    layer = stage.GetRootLayer()
    layer.customLayerData = {"maquette": dict(provenance)}
    layer.comment = "; ".join(f"{key}: {value}" for key, value in provenance.items())

    surface = pxr.UsdGeom.Mesh.Define(stage, "/model/surface")
    surface.CreateSubdivisionSchemeAttr(pxr.UsdGeom.Tokens.none)
    surface.CreateOrientationAttr(pxr.UsdGeom.Tokens.rightHanded)
    surface.CreateDoubleSidedAttr(True)
    surface.CreatePointsAttr(_vectors(pxr, mesh.vertices))
    surface.CreateExtentAttr(_vectors(pxr, np.stack(mesh.bounds)))
    surface.CreateFaceVertexCountsAttr(pxr.Vt.IntArray.FromNumpy(np.full(len(mesh.faces), 3, np.int32)))
    surface.CreateFaceVertexIndicesAttr(pxr.Vt.IntArray.FromNumpy(np.ascontiguousarray(mesh.faces.ravel())))
    vertex = pxr.UsdGeom.Tokens.vertex
    if mesh.normals is not None:
        surface.CreateNormalsAttr(_vectors(pxr, mesh.normals))
        surface.SetNormalsInterpolation(vertex)
    primvars = pxr.UsdGeom.PrimvarsAPI(surface)
    if mesh.uvs is not None:
        uvs = pxr.Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(mesh.uvs))
        primvars.CreatePrimvar("st", pxr.Sdf.ValueTypeNames.TexCoord2fArray, vertex).Set(uvs)
    colored = mesh.texture is None and mesh.colors is not None
    if mesh.texture is None and mesh.colors is not None:
        colors = surface.CreateDisplayColorPrimvar(vertex)
        colors.Set(_vectors(pxr, linear_from_srgb(mesh.colors)))
    material = _material(pxr, stage, images, colored)
    pxr.UsdShade.MaterialBindingAPI.Apply(surface.GetPrim()).Bind(material)
    layer.Save()


def _material(pxr: Any, stage: Any, images: list[str], colored: bool) -> Any:
    """A matt preview surface whose colour is the texture's, the vertices' or grey."""
    types = pxr.Sdf.ValueTypeNames
    material = pxr.UsdShade.Material.Define(stage, "/model/material")

    def shader(name: str, kind: str, **inputs: tuple[Any, Any]) -> Any:
        made = pxr.UsdShade.Shader.Define(stage, f"/model/material/{name}")
        made.CreateIdAttr(kind)
        for key, (value_type, value) in inputs.items():
            made.CreateInput(key, value_type).Set(value)
        return made

    def source(made: Any, output: str, value_type: Any) -> Any:
        return made.CreateOutput(output, value_type)

    surface = shader("surface", "UsdPreviewSurface", roughness=(types.Float, 1.0), metallic=(types.Float, 0.0))
    material.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
    color = surface.CreateInput("diffuseColor", types.Color3f)
    if colored:
        reader = shader("colors", "UsdPrimvarReader_float3", varname=(types.String, "displayColor"))
        color.ConnectToSource(source(reader, "result", types.Float3))
    elif not images:
        color.Set(pxr.Gf.Vec3f(_GREY))
    else:
        places = source(
            shader("places", "UsdPrimvarReader_float2", varname=(types.String, "st")), "result", types.Float2
        )
        edge = {"wrapS": (types.Token, "clamp"), "wrapT": (types.Token, "clamp")}
        painted = shader(
            "color",
            "UsdUVTexture",
            file=(types.Asset, images[0]),
            sourceColorSpace=(types.Token, "sRGB"),
            **edge,
        )
        painted.CreateInput("st", types.Float2).ConnectToSource(places)
        color.ConnectToSource(source(painted, "rgb", types.Float3))
        if len(images) > 1:
            bumps = shader(
                "normals",
                "UsdUVTexture",
                file=(types.Asset, images[1]),
                sourceColorSpace=(types.Token, "raw"),
                scale=(types.Float4, pxr.Gf.Vec4f(2, 2, 2, 1)),
                bias=(types.Float4, pxr.Gf.Vec4f(-1, -1, -1, 0)),
                **edge,
            )
            bumps.CreateInput("st", types.Float2).ConnectToSource(places)
            surface.CreateInput("normal", types.Normal3f).ConnectToSource(source(bumps, "rgb", types.Float3))
    return material


def _vectors(pxr: Any, rows: np.ndarray) -> Any:
    return pxr.Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(rows, np.float32))


FORMAT = Format(
    name="usdz",
    extension=".usdz",
    mime="model/vnd.usdz+zip",
    description="Textured mesh for iPhone, iPad and Vision Pro (AR Quick Look) and for USD tools.",
    write=write,
    read=read,
    kind="mesh",
    up_axis="y",
    opens_in=("AR Quick Look", "Reality Composer", "Preview on macOS", "Blender", "Houdini", "NVIDIA Omniverse"),
    optimizations=frozenset({"decimate", "compress_texture"}),
    extra="usd",
    module="pxr",
    compressed={"jpeg": partial(write, texture_format="jpeg")},
)
