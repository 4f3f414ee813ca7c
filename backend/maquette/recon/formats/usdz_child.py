"""The child process that has OpenUSD parse a layer of unknown origin: ``python -P usdz_child.py LAYER OUT.npz``.

A damaged layer can end the process that opens it (1 of 300 with random bytes changed did), so it gets one of its own.
Nothing of ours is imported that is slow to come. Ends with :data:`REFUSED` for what is no single mesh of triangles.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import numpy as np
from numpy import ndarray

from maquette.lifeline import die_with_parent

REFUSED = 3
MODULES = ("Gf", "Sdf", "Tf", "Usd", "UsdGeom", "UsdShade", "Vt")
"""Of ``pxr``, all that reading and writing use."""


def read_layer(file: str) -> dict[str, ndarray]:
    """Arrays ``vertices``, ``faces``, and where they are there ``normals``, ``uvs``, ``colors`` (linear), and the names
    within the package of the images ``color`` and ``normal``. Raises RuntimeError, ValueError or TypeError.
    """
    for module in MODULES:
        import_module(f"pxr.{module}")
    pxr = import_module("pxr")
    layer = pxr.Sdf.Layer.FindOrOpen(file)
    if layer is None or layer.GetCompositionAssetDependencies():
        raise ValueError("it refers to other files, which are not opened")
    stage = pxr.Usd.Stage.Open(layer)
    surfaces = [pxr.UsdGeom.Mesh(prim) for prim in stage.Traverse() if prim.IsA(pxr.UsdGeom.Mesh)]
    if len(surfaces) != 1:
        raise ValueError(f"it holds {len(surfaces)} meshes where one is read")
    return {**_arrays_of(pxr, surfaces[0]), **_textures(pxr, stage)}


def _arrays_of(pxr: Any, surface: Any) -> dict[str, ndarray]:
    counts = np.array(surface.GetFaceVertexCountsAttr().Get())
    if counts.size == 0 or (counts != 3).any():
        raise ValueError("it is not made of triangles")
    primvars = pxr.UsdGeom.PrimvarsAPI(surface)
    found = {"vertices": surface.GetPointsAttr().Get(), "normals": surface.GetNormalsAttr().Get()}
    for key, name in (("uvs", "st"), ("colors", "displayColor")):
        found[key] = primvars.GetPrimvar(name).Get() if primvars.HasPrimvar(name) else None
    arrays = {
        key: np.array(values, np.float32).reshape(-1, 2 if key == "uvs" else 3)
        for key, values in found.items()
        if values is not None
    }
    if len({len(array) for array in arrays.values()}) != 1:
        raise ValueError("its values do not stand on its vertices")
    return {**arrays, "faces": np.array(surface.GetFaceVertexIndicesAttr().Get(), np.int32).reshape(-1, 3)}


def _textures(pxr: Any, stage: Any) -> dict[str, ndarray]:
    """What the preview surface takes its colour and its normals from."""
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
                    names[key] = np.array(str(asset.path).removeprefix("./"))
    return names


if __name__ == "__main__":
    die_with_parent()
    try:
        read = read_layer(sys.argv[1])
    except (RuntimeError, ValueError, TypeError, IndexError):
        sys.exit(REFUSED)
    np.savez(sys.argv[2], allow_pickle=False, **read)
