"""A mesh in one file, so that it is made once and written in many formats: arrays and PNG images in an .npz."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.arrays import DamagedArraysError, open_arrays
from maquette.recon.atomic import replacing
from maquette.recon.mesh.mesh import Mesh, Texture


class BadSavedMeshError(BadInputError):
    """A stored mesh cannot be read."""

    code = "mesh_unreadable"


def save_mesh(mesh: Mesh, path: Path, *, told: Sequence[Mapping[str, Any]] = ()) -> None:
    """Write it whole or not at all; nothing is lost. ``told``, for JSON: what must be said wherever it is used."""
    arrays: dict[str, Any] = {"vertices": mesh.vertices, "faces": mesh.faces}
    for name in ("normals", "colors", "uvs"):
        if (values := getattr(mesh, name)) is not None:
            arrays[name] = values
    if mesh.texture is not None:
        arrays["texture"] = _png(mesh.texture.color)
        arrays["observed_share"] = np.float64(mesh.texture.observed_share)
        if mesh.texture.normal_map is not None:
            arrays["normal_map"] = _png(mesh.texture.normal_map)
    arrays["told"] = np.frombuffer(json.dumps(list(told)).encode(), np.uint8)
    with replacing(path) as file:
        np.savez_compressed(file, **arrays)


def load_mesh(path: Path) -> Mesh:
    """Read what :func:`save_mesh` wrote. Raises ``mesh_unreadable``."""
    try:
        with open_arrays(path) as arrays:
            texture = None
            if "texture" in arrays:
                normal_map = _image(arrays["normal_map"]) if "normal_map" in arrays else None
                texture = Texture(_image(arrays["texture"]), normal_map, float(arrays["observed_share"]))
            mesh = Mesh(
                vertices=arrays["vertices"],
                faces=arrays["faces"],
                normals=arrays.get("normals"),
                colors=arrays.get("colors"),
                uvs=arrays.get("uvs"),
                texture=texture,
            )
            _check(mesh)
            return mesh
    except (DamagedArraysError, FileNotFoundError, cv2.error) as error:
        raise _unreadable(path) from error


def _check(mesh: Mesh) -> None:
    """Compiled code takes the arrays as they are: raise ValueError where they do not fit each other."""
    wanted = {
        "vertices": ("float32", 3),
        "faces": ("int32", 3),
        "normals": ("float32", 3),
        "colors": ("uint8", 3),
        "uvs": ("float32", 2),
    }
    for name, (kind, width) in wanted.items():
        array = getattr(mesh, name)
        if array is None:
            continue
        if array.dtype != kind or array.ndim != 2 or array.shape[1] != width:
            raise ValueError(f"{name} are {array.dtype}{array.shape}")
        if name != "faces" and len(array) != len(mesh.vertices):
            raise ValueError(f"there are {len(array)} {name} of {len(mesh.vertices)} vertices")
    if mesh.faces.size and (mesh.faces.min() < 0 or mesh.faces.max() >= len(mesh.vertices)):
        raise ValueError("a face names a vertex that is not there")
    if mesh.texture is not None and mesh.uvs is None:
        raise ValueError("a texture without coordinates")


def told_of(path: Path) -> list[dict[str, Any]]:
    """What was to be said of a stored mesh. Raises ``mesh_unreadable``."""
    try:
        with open_arrays(path) as arrays:
            found = json.loads(arrays["told"].tobytes()) if "told" in arrays else []
            if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
                raise DamagedArraysError("what it tells is no list")
            return found
    except (DamagedArraysError, FileNotFoundError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> BadSavedMeshError:
    return BadSavedMeshError(
        f"The stored mesh '{path.name}' cannot be read.",
        suggestion="Export with another `preset`, which makes a mesh of its own.",
    )


def _png(image: UInt8[ndarray, "h w 3"]) -> UInt8[ndarray, " n"]:
    done, data = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not done:
        raise RuntimeError("OpenCV could not encode a texture")
    return np.asarray(data, np.uint8).ravel()


def _image(data: UInt8[ndarray, " n"]) -> UInt8[ndarray, "h w 3"]:
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("the image is broken")
    return np.ascontiguousarray(image[..., ::-1])
