"""Reads a USDZ of one mesh, by OpenUSD (extra ``[usd]``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maquette.recon.archive import ArchiveLimits
from maquette.recon.formats.checking import check_mesh_read, not_a_model
from maquette.recon.formats.openusd import openusd
from maquette.recon.formats.srgb import srgb_from_linear
from maquette.recon.formats.textures import decode
from maquette.recon.formats.zipped import unpacked
from maquette.recon.mesh import Mesh, Texture

_LIMITS = ArchiveLimits(files=64, file_bytes=1 << 30, total_bytes=2 << 30)
_LAYERS = (".usdc", ".usda", ".usd")
_MAGIC = b"PXR-USDC"


def read(path: Path) -> Mesh:
    """Read a package of one mesh of triangles whose values stand on its vertices, as this format writes it.

    Layers are OpenUSD's to parse, once the archive's checksums are right. Raises
    :class:`~maquette.recon.formats.errors.BadModelFileError` or
    :class:`~maquette.recon.formats.openusd.UsdExtraMissingError`.
    """
    pxr = openusd()
    with unpacked(path, _LIMITS) as files:
        layers = [name for name in files if name.endswith(_LAYERS)]
        if len(layers) != 1:
            raise not_a_model(path.name, f"it holds {len(layers)} layers where one is read")
        layer = files[layers[0]]
        with layer.open("rb") as start:
            ending = ".usdc" if start.read(len(_MAGIC)) == _MAGIC else ".usda"
        try:
            opened = pxr.Sdf.Layer.FindOrOpen(str(layer.rename(layer.with_suffix(ending))))
            if opened is None or opened.GetCompositionAssetDependencies():
                raise ValueError("it refers to other files, which are not opened")
            stage = pxr.Usd.Stage.Open(opened)
            meshes = [prim for prim in stage.Traverse() if prim.IsA(pxr.UsdGeom.Mesh)]
            if len(meshes) != 1:
                raise ValueError(f"it holds {len(meshes)} meshes where one is read")
            mesh, names = _mesh_of(pxr, pxr.UsdGeom.Mesh(meshes[0])), _textures(pxr, stage)
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            raise not_a_model(path.name, "its layer is damaged or not understood") from error
        images = {key: file for key, name in names.items() if (file := files.get(name)) is not None}
        if "color" in images and mesh.uvs is not None:
            decoded = {key: decode(file.read_bytes(), path.name) for key, file in images.items()}
            texture = Texture(decoded["color"], decoded.get("normal"))
            mesh = Mesh(mesh.vertices, mesh.faces, mesh.normals, mesh.colors, mesh.uvs, texture)
    return check_mesh_read(mesh, path.name)


def _mesh_of(pxr: Any, surface: Any) -> Mesh:
    counts = np.array(surface.GetFaceVertexCountsAttr().Get())
    if counts.size == 0 or (counts != 3).any():
        raise ValueError("it is not made of triangles")
    vertices = _floats(surface.GetPointsAttr().Get(), 3)
    primvars = pxr.UsdGeom.PrimvarsAPI(surface)
    uvs, colors = (
        _floats(primvars.GetPrimvar(key).Get(), width) if primvars.HasPrimvar(key) else None
        for key, width in (("st", 2), ("displayColor", 3))
    )
    normals = _floats(surface.GetNormalsAttr().Get(), 3)
    if vertices is None or any(more is not None and len(more) != len(vertices) for more in (uvs, normals, colors)):
        raise ValueError("its values do not stand on its vertices")
    faces = np.array(surface.GetFaceVertexIndicesAttr().Get(), np.int32).reshape(-1, 3)
    return Mesh(vertices, faces, normals, None if colors is None else srgb_from_linear(colors), uvs)


def _floats(values: Any, width: int) -> Float32[ndarray, "n c"] | None:
    return None if values is None else np.array(values, np.float32).reshape(-1, width)


def _textures(pxr: Any, stage: Any) -> dict[str, str]:
    """Names within the package of the images that the preview surface takes its colour and its normals from."""
    names = {}
    for prim in stage.Traverse():
        surface = pxr.UsdShade.Shader(prim)
        if not surface or surface.GetIdAttr().Get() != "UsdPreviewSurface":
            continue
        for key, wanted in (("color", "diffuseColor"), ("normal", "normal")):
            told = surface.GetInput(wanted)
            sources = told.GetConnectedSources()[0] if told else []
            if sources:
                file = pxr.UsdShade.Shader(sources[0].source.GetPrim()).GetInput("file")
                asset = file.Get() if file else None
                if asset is not None:
                    names[key] = str(asset.path).removeprefix("./")
    return names
