"""Read the points and colours of a PLY point cloud (ascii or binary little-endian), and nothing else of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

MOST_HEADER_BYTES = 65_536
_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "<i2", "int16": "<i2", "ushort": "<u2",
    "uint16": "<u2", "int": "<i4", "int32": "<i4", "uint": "<u4", "uint32": "<u4", "float": "<f4",
    "float32": "<f4", "double": "<f8", "float64": "<f8",
}  # fmt: skip


def read_ply_points(path: Path) -> tuple[Float[ndarray, "n 3"], UInt8[ndarray, "n 3"]]:
    """Positions and sRGB colours (grey where the file has none). Raises ValueError for anything else than that."""
    with path.open("rb") as file:
        if file.readline().strip() != b"ply":
            raise ValueError("no PLY file")
        kind, count, in_vertex = "", 0, False
        fields: list[tuple[str, str]] = []
        while (line := file.readline(MOST_HEADER_BYTES)).strip() != b"end_header":
            if not line or file.tell() > MOST_HEADER_BYTES:
                raise ValueError("the PLY header does not end")
            words = line.decode("ascii", "replace").split()
            if words[:1] == ["format"]:
                kind = words[1]
            elif words[:1] == ["element"]:
                if fields == [] and words[1] != "vertex":
                    raise ValueError("the PLY does not begin with vertices")
                in_vertex = words[1] == "vertex"
                count = int(words[2]) if in_vertex else count
            elif words[:1] == ["property"] and in_vertex:
                if words[1] not in _TYPES:
                    raise ValueError(f"vertices hold a {words[1]}")
                fields.append((words[2], _TYPES[words[1]]))
        layout = np.dtype(fields)
        # A number of words takes a digit and a space. What announces more than the file could hold is not counted out.
        least = layout.itemsize if kind == "binary_little_endian" else 2 * len(fields)
        if not fields or not 0 <= count * least <= path.stat().st_size + 1:
            raise ValueError("the PLY holds fewer points than it says")
        if kind == "binary_little_endian":
            rows = np.frombuffer(file.read(layout.itemsize * count), layout)
        elif kind == "ascii":
            lines = [tuple(file.readline().split()[: len(fields)]) for _ in range(count)]
            try:
                rows = np.array(lines, dtype=layout)
            except OverflowError as error:
                raise ValueError("the PLY holds numbers beyond their type") from error
        else:
            raise ValueError(f"PLY kind '{kind}' is not read")
    if len(rows) != count or not {"x", "y", "z"} <= set(layout.names or ()):
        raise ValueError("the PLY holds fewer points than it says, or no positions")
    points = np.stack([rows["x"], rows["y"], rows["z"]], axis=1).astype(np.float64)
    if {"red", "green", "blue"} <= set(layout.names or ()):
        colors = np.stack([rows["red"], rows["green"], rows["blue"]], axis=1).astype(np.uint8)
    else:
        colors = np.full((count, 3), 128, np.uint8)
    finite = np.isfinite(points).all(axis=1)
    return points[finite], colors[finite]
