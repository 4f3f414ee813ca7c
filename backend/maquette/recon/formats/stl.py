"""Binary STL: bare triangles, for printing and CAD (3D Systems 1989). No colours; the z axis points up.

The format has no unit; slicers take one for a millimetre.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maquette.recon.atomic import replacing
from maquette.recon.formats.checking import check_mesh, check_mesh_read, not_a_model, not_opened
from maquette.recon.formats.format import CHUNK_ROWS, Format
from maquette.recon.formats.words import one_line
from maquette.recon.mesh import Mesh

_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_HEADER_BYTES = 80
_KEYS = ("generator", "parameters", "version", "unit", "project")
_MOST_OF_A_HASH = 16


def write(mesh: Mesh, path: Path, *, provenance: Mapping[str, str]) -> None:
    """Store the triangles alone. Of ``provenance`` the header's 80 bytes keep what fits, the first of a hash."""
    check_mesh(mesh)
    with replacing(path) as file:
        file.write(_header(provenance) + len(mesh.faces).to_bytes(4, "little"))
        for start in range(0, len(mesh.faces), CHUNK_ROWS):
            corners = mesh.vertices[mesh.faces[start : start + CHUNK_ROWS]]
            rows = np.zeros(len(corners), _TRIANGLE)
            rows["corners"] = corners
            rows["normal"] = _normals(corners)
            file.write(rows.data.cast("B"))


def read(path: Path) -> Mesh:
    """Read a binary STL from anywhere; corners at the same place become one vertex.

    Raises :class:`~maquette.recon.formats.errors.BadModelFileError`.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(_HEADER_BYTES + 4)
            count = int.from_bytes(start[_HEADER_BYTES:], "little")
            if len(start) < _HEADER_BYTES + 4 or size != len(start) + count * _TRIANGLE.itemsize:
                raise not_a_model(path.name, "it is no binary STL file, or its size is not that of its triangles")
            rows = np.frombuffer(file.read(), _TRIANGLE)
    except OSError as error:
        raise not_opened(path.name, error) from error
    if len(rows) != count:
        raise not_a_model(path.name, "it ends early")
    corners = rows["corners"].reshape(-1, 3).astype(np.float32)
    if not np.isfinite(corners).all():
        raise not_a_model(path.name, "it holds numbers that are not finite")
    vertices, faces = np.unique(corners, axis=0, return_inverse=True)
    return check_mesh_read(Mesh(vertices, faces.reshape(-1, 3).astype(np.int32)), path.name)


def _header(provenance: Mapping[str, str]) -> bytes:
    """Never begins with "solid", which would make it a text STL."""
    words = [
        one_line(provenance[key])[: _MOST_OF_A_HASH if key == "parameters" else None]
        for key in _KEYS
        if key in provenance
    ]
    return ("STL z up; " + "; ".join(words)).encode("ascii")[:_HEADER_BYTES].ljust(_HEADER_BYTES, b" ")


def _normals(corners: Float32[ndarray, "f 3 3"]) -> Float32[ndarray, "f 3"]:
    """By the right-hand rule; zero for a triangle without area, as readers expect."""
    sides = corners[:, 1:].astype(np.float64) - corners[:, :1]
    normals = np.cross(sides[:, 0], sides[:, 1])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    unit: Float32[ndarray, "f 3"] = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0).astype(
        np.float32
    )
    return unit


FORMAT = Format(
    name="stl",
    extension=".stl",
    mime="model/stl",
    description="Bare triangles for 3D printing and CAD; no colours.",
    write=write,
    read=read,
    kind="mesh",
    up_axis="z",
    opens_in=("PrusaSlicer", "Cura", "Bambu Studio", "FreeCAD", "Blender"),
    optimizations=frozenset({"decimate"}),
)
