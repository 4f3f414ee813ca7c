"""Gaussians in a GLB by the ratified glTF extension KHR_gaussian_splatting (Khronos, extensions/2.0): y up, lossless.

A primitive of points with the attributes POSITION, and under the extension's name ROTATION (xyzw, unit length), SCALE
(standard deviations, linear; the drafts of 2025 had logarithms), OPACITY (0 to 1) and SH_DEGREE_d_COEF_n (RGB), all
float32. COLOR_0, in linear light as glTF has it, is what programs without the extension show as points.

Ours: the libraries that read glTF here (trimesh, pygltflib) know nothing of the extension and hold all in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Shaped
from numpy import ndarray

from maquette.recon.formats.activations import logit, sigmoid
from maquette.recon.formats.errors import BadModelFileError, ModelOutOfRangeError
from maquette.recon.formats.format import CHUNK_ROWS, Format, check_read, check_writable
from maquette.recon.formats.glb_container import (
    ARRAY_BUFFER,
    FLOAT,
    UINT16,
    Body,
    array_of,
    read_glb,
    write_glb,
)
from maquette.recon.gaussians import SH_C0, Gaussians

EXTENSION = "KHR_gaussian_splatting"
_LARGEST_FILE = 2**32 - 2**16
_POINTS = 0
_KINDS = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}

Column = Callable[[Gaussians], Shaped[ndarray, "n c"]]


def write(gaussians: Gaussians, path: Path, *, provenance: Mapping[str, str]) -> None:
    """Store the model; ``provenance`` goes into ``asset.extras``.

    Raises :class:`ModelOutOfRangeError` for what is larger than the 4 GiB that a GLB can be.
    """
    check_writable(gaussians)
    body = Body()
    attributes = {
        name: body.add_pieces(_pieces(gaussians, column), len(gaussians), kind, _KINDS[width], ARRAY_BUFFER, **more)
        for name, column, kind, width, more in _columns(gaussians)
    }
    if body.size > _LARGEST_FILE:
        raise ModelOutOfRangeError("gaussians.glb", f"it needs {body.size} bytes, and a GLB has 4 GiB at most")
    splatting = {
        "kernel": "ellipse",
        "colorSpace": "srgb_rec709_display",
        "projection": "perspective",
        "sortingMethod": "cameraDistance",
    }
    primitive = {"attributes": attributes, "mode": _POINTS, "extensions": {EXTENSION: splatting}}
    gltf = {
        "asset": {
            "version": "2.0",
            "generator": provenance.get("generator", "Maquette"),
            "extras": dict(provenance),
        },
        "extensionsUsed": [EXTENSION],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "model"}],
        "meshes": [{"primitives": [primitive]}],
    }
    write_glb(gltf, body, path)


def _columns(gaussians: Gaussians) -> Iterator[tuple[str, Column, int, int, dict[str, Any]]]:
    """Each attribute: its name, how it is made, its kind and width, and what else its accessor says."""
    bounds = {"min": gaussians.means.min(axis=0).tolist(), "max": gaussians.means.max(axis=0).tolist()}
    yield "POSITION", lambda part: part.means, FLOAT, 3, bounds
    yield "COLOR_0", _fallback_color, UINT16, 4, {"normalized": True}
    yield f"{EXTENSION}:ROTATION", _rotation, FLOAT, 4, {}
    yield f"{EXTENSION}:SCALE", lambda part: np.exp(np.clip(part.log_scales, -80, 80)), FLOAT, 3, {}
    yield f"{EXTENSION}:OPACITY", lambda part: sigmoid(part.opacity_logits)[:, None], FLOAT, 1, {}
    for k, name in enumerate(_harmonics_names(gaussians.sh_degree)):
        yield name, _coefficient(k), FLOAT, 3, {}


def _coefficient(k: int) -> Column:
    return lambda part: part.sh[:, k]


def _harmonics_names(degree: int) -> list[str]:
    return [f"{EXTENSION}:SH_DEGREE_{d}_COEF_{n}" for d in range(degree + 1) for n in range(2 * d + 1)]


def _pieces(gaussians: Gaussians, column: Column) -> Callable[[], Iterator[Shaped[ndarray, "n c"]]]:
    def pieces() -> Iterator[Shaped[ndarray, "n c"]]:
        for start in range(0, len(gaussians), CHUNK_ROWS):
            yield column(gaussians.subset(np.arange(start, min(start + CHUNK_ROWS, len(gaussians)))))

    return pieces


def _rotation(part: Gaussians) -> Float32[ndarray, "n 4"]:
    """xyzw of unit length; what has no length, no rotation."""
    xyzw = part.quaternions[:, [1, 2, 3, 0]]
    length = np.linalg.norm(xyzw, axis=1, keepdims=True)
    unit: Float32[ndarray, "n 4"] = np.where(length > 0, xyzw / np.maximum(length, np.float32(1e-30)), [0, 0, 0, 1])
    return unit.astype(np.float32)


def _fallback_color(part: Gaussians) -> Shaped[ndarray, "n 4"]:
    srgb = np.clip(part.sh[:, 0] * np.float32(SH_C0) + np.float32(0.5), 0, 1)
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    rgba = np.concatenate([linear, sigmoid(part.opacity_logits)[:, None]], axis=1)
    color: Shaped[ndarray, "n 4"] = np.rint(rgba * 65_535).astype("<u2")
    return color


def read(path: Path) -> Gaussians:
    """Read a GLB with one primitive of Gaussians in float32, as this writes and SplatTransform does.

    Raises :class:`BadModelFileError`; also where a node turns or moves the Gaussians, or another extension packs them.
    """
    gltf, body = read_glb(path)
    try:
        _check_nodes(gltf, path.name)
        attributes = _attributes(gltf, path.name)
        accessors = gltf["accessors"]

        def column(name: str, width: int) -> Float32[ndarray, "n c"]:
            if accessors[attributes[name]]["componentType"] != FLOAT:
                raise BadModelFileError(path.name, f"its attribute '{name}' is not float32")
            values = array_of(gltf, body, attributes[name])
            if values.shape[1] != width:
                raise BadModelFileError(path.name, f"its attribute '{name}' has {values.shape[1]} components")
            return np.array(values, np.float32)

        gaussians = _gaussians(column, _degree(attributes, path.name), path.name)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadModelFileError(path.name, "its description does not fit its content") from error
    return check_read(gaussians, path.name)


def _check_nodes(gltf: dict[str, Any], name: str) -> None:
    for node in gltf["nodes"]:
        if {"matrix", "translation", "rotation", "scale"} & node.keys():
            raise BadModelFileError(name, "its nodes are moved, which is not read")


def _attributes(gltf: dict[str, Any], name: str) -> dict[str, int]:
    found = [
        primitive
        for mesh in gltf["meshes"]
        for primitive in mesh["primitives"]
        if EXTENSION in primitive.get("extensions", {})
    ]
    if len(found) != 1:
        raise BadModelFileError(name, f"it holds {len(found)} sets of Gaussians by {EXTENSION}, and one is read")
    attributes: dict[str, int] = found[0]["attributes"]
    return attributes


def _degree(attributes: dict[str, int], name: str) -> int:
    count = sum(attribute.startswith(f"{EXTENSION}:SH_DEGREE_") for attribute in attributes)
    if count not in (1, 4, 9, 16):
        raise BadModelFileError(name, f"it has {count} coefficients of spherical harmonics (1, 4, 9 or 16 are whole)")
    return int(count**0.5) - 1


def _gaussians(column: Callable[[str, int], Float32[ndarray, "n c"]], degree: int, name: str) -> Gaussians:
    means, scales = column("POSITION", 3), column(f"{EXTENSION}:SCALE", 3)
    xyzw, opacity = column(f"{EXTENSION}:ROTATION", 4), column(f"{EXTENSION}:OPACITY", 1)
    sh = np.empty((len(means), (degree + 1) ** 2, 3), np.float32)
    for k, attribute in enumerate(_harmonics_names(degree)):
        values = column(attribute, 3)
        if len(values) != len(means):
            raise BadModelFileError(name, "its attributes are not of one length")
        sh[:, k] = values
    if not len(means) == len(scales) == len(xyzw) == len(opacity):
        raise BadModelFileError(name, "its attributes are not of one length")
    if not (scales > 0).all() or not ((opacity >= 0) & (opacity <= 1)).all():
        raise BadModelFileError(name, "a Gaussian has no size, or an opacity that is none")
    return Gaussians(
        means=means,
        log_scales=np.log(scales),
        quaternions=np.ascontiguousarray(xyzw[:, [3, 0, 1, 2]]),
        opacity_logits=logit(opacity[:, 0]),
        sh=sh,
    )


FORMAT = Format(
    name="gaussians.glb",
    extension=".gaussians.glb",
    mime="model/gltf-binary",
    description="Gaussians in glTF by the Khronos extension, lossless; other glTF viewers show them as points.",
    write=write,
    read=read,
    up_axis="y",
    opens_in=("PlayCanvas", "Babylon.js", "Cesium"),
    optimizations=frozenset({"prune", "lower_sh"}),
)
