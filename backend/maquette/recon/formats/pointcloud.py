"""Coloured points as PLY, as point cloud programs read it: ``x y z nx ny nz red green blue``, binary little-endian."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.recon.atomic import replacing
from maquette.recon.formats.checking import check_points, check_points_read, not_a_model, not_opened
from maquette.recon.formats.format import CHUNK_ROWS, Format
from maquette.recon.formats.ply_header import header_bytes, read_header
from maquette.recon.formats.points import Points

_POSITION, _NORMAL, _COLOR = ("x", "y", "z"), ("nx", "ny", "nz"), ("red", "green", "blue")
_GREY = 128


def write(points: Points, path: Path, *, provenance: Mapping[str, str]) -> None:
    """Store the points; normals only where they are known. ``provenance`` is kept as comments."""
    check_points(points)
    floats = (*_POSITION, *(_NORMAL if points.normals is not None else ()))
    row = np.dtype([*((name, "<f4") for name in floats), *((name, "u1") for name in _COLOR)])
    properties = [*(f"float {name}" for name in floats), *(f"uchar {name}" for name in _COLOR)]
    with replacing(path) as file:
        file.write(header_bytes(provenance, [("vertex", len(points.positions), properties)]))
        for start in range(0, len(points.positions), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            rows = np.empty(len(points.positions[part]), row)
            _fill(rows, _POSITION, points.positions[part])
            if points.normals is not None:
                _fill(rows, _NORMAL, points.normals[part])
            _fill(rows, _COLOR, points.colors[part])
            file.write(rows.data.cast("B"))


def read(path: Path) -> Points:
    """Read the points of a binary PLY from anywhere: grey where it has no colours, other properties ignored.

    Raises :class:`~maquette.recon.formats.errors.BadModelFileError`; memory is asked for once the size was found in
    the file.
    """
    name = path.name
    try:
        with path.open("rb") as file:
            vertex = next(iter(read_header(file, name)), None)
            if vertex is None or vertex.name != "vertex" or vertex.row is None:
                raise not_a_model(name, "its first element is not 'vertex'")
            kinds = {key: vertex.row[key] for key in vertex.names}
            if not all(key in kinds and kinds[key].kind == "f" for key in _POSITION):
                raise not_a_model(name, "its points have no positions")
            if path.stat().st_size - file.tell() < vertex.size:
                raise not_a_model(name, f"it ends early, before the last of its {vertex.count} points")
            rows = np.frombuffer(file.read(vertex.size), vertex.row)
    except OSError as error:
        raise not_opened(name, error) from error
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite and is refused as such
        positions = _columns(rows, _POSITION)
        normals = _columns(rows, _NORMAL) if all(key in kinds for key in _NORMAL) else None
    colors: UInt8[ndarray, "n 3"] = np.full((len(rows), 3), _GREY, np.uint8)
    if all(key in kinds and kinds[key] == np.uint8 for key in _COLOR):
        for i, key in enumerate(_COLOR):
            colors[:, i] = rows[key]
    return check_points_read(Points(positions, colors, normals), name)


def _fill(rows: ndarray, names: tuple[str, ...], values: ndarray) -> None:
    for i, name in enumerate(names):
        rows[name] = values[:, i]


def _columns(rows: ndarray, names: tuple[str, ...]) -> Float32[ndarray, "n 3"]:
    columns: Float32[ndarray, "n 3"] = np.stack([rows[name].astype(np.float32) for name in names], axis=1)
    return columns


FORMAT = Format(
    name="pointcloud.ply",
    extension=".pointcloud.ply",
    mime="application/octet-stream",
    description="Coloured points with normals, for CloudCompare, MeshLab and surveying tools.",
    write=write,
    read=read,
    kind="points",
    up_axis="z",
    opens_in=("CloudCompare", "MeshLab", "Blender", "Open3D"),
)
