"""The GLB container: one JSON and one binary chunk in a file (glTF 2.0 specification, section 4.4)."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray

from maquette.recon.atomic import replacing
from maquette.recon.formats.checking import not_a_model, not_opened

ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
FLOAT, UINT16, UINT32 = 5126, 5123, 5125
COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", UINT16: "<u2", UINT32: "<u4", FLOAT: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}

_MAGIC, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
_MOST_JSON_BYTES = 16 << 20


Pieces = Callable[[], Iterator[Shaped[ndarray, "n c"]]]
"""Makes an array a piece at a time, for what should not be in memory twice."""


class Body:
    """The binary chunk while it is put together. Every part begins at a multiple of 4 bytes and is one buffer view."""

    def __init__(self) -> None:
        self.parts: list[bytes | memoryview | Pieces] = []
        self.views: list[dict[str, int]] = []
        self.accessors: list[dict[str, Any]] = []
        self.size = 0

    def add(self, data: bytes | memoryview, target: int | None = None) -> int:
        """Append bytes; answers the index of their buffer view."""
        view = {"buffer": 0, "byteOffset": self.size, "byteLength": len(data)}
        self.views.append(view if target is None else {**view, "target": target})
        padding = -len(data) % 4
        self.parts += [data, bytes(padding)]
        self.size += len(data) + padding
        return len(self.views) - 1

    def add_array(self, array: Shaped[ndarray, " *shape"], component: int, target: int, **more: Any) -> int:
        """Append numbers, one row a vertex or one a corner; answers the index of their accessor.

        ``more`` goes into the accessor: ``min``, ``max``, ``normalized``.
        """
        packed = np.ascontiguousarray(array, COMPONENTS[component])
        width = 1 if array.ndim == 1 else array.shape[1]
        kind = next(name for name, known in WIDTHS.items() if known == width)
        view = self.add(packed.data.cast("B"), target)
        self.accessors.append(
            {"bufferView": view, "componentType": component, "count": len(packed), "type": kind, **more}
        )
        return len(self.accessors) - 1

    def add_pieces(self, pieces: Pieces, count: int, component: int, kind: str, target: int, **more: Any) -> int:
        """Append ``count`` rows, which fill whole words of 4 bytes, and are made only when they are written."""
        size = count * WIDTHS[kind] * np.dtype(COMPONENTS[component]).itemsize
        self.views.append({"buffer": 0, "byteOffset": self.size, "byteLength": size, "target": target})
        self.accessors.append(
            {"bufferView": len(self.views) - 1, "componentType": component, "count": count, "type": kind, **more}
        )
        self.parts.append(pieces)
        self.size += size
        return len(self.accessors) - 1


def write_glb(gltf: dict[str, Any], body: Body, path: Path) -> None:
    """Write ``gltf``, completed by the buffer, views and accessors of ``body``, whole or not at all."""
    complete = {
        **gltf,
        "accessors": body.accessors,
        "bufferViews": body.views,
        "buffers": [{"byteLength": body.size}],
    }
    text = json.dumps(complete, separators=(",", ":"), allow_nan=False).encode("ascii")
    text += b" " * (-len(text) % 4)
    with replacing(path) as file:
        file.write(struct.pack("<III", _MAGIC, 2, 12 + 8 + len(text) + 8 + body.size))
        file.write(struct.pack("<II", len(text), _JSON) + text)
        file.write(struct.pack("<II", body.size, _BIN))
        for part in body.parts:
            if callable(part):
                for piece in part():
                    file.write(piece.tobytes())
            else:
                file.write(part)


def read_glb(path: Path) -> tuple[dict[str, Any], memoryview]:
    """The JSON and the binary chunk. Raises :class:`~maquette.recon.formats.errors.BadModelFileError`."""
    name = path.name
    try:
        with path.open("rb") as file:
            start = file.read(20)
            if len(start) < 20:
                raise not_a_model(name, "it is no GLB file, or it ends early")
            magic, version, total, json_size, kind = struct.unpack("<IIIII", start)
            if (magic, version, kind) != (_MAGIC, 2, _JSON):
                raise not_a_model(name, "it is no GLB file of version 2")
            if total != path.stat().st_size:
                raise not_a_model(name, f"it should have {total} bytes and has {path.stat().st_size}")
            if json_size > min(total - 20, _MOST_JSON_BYTES):
                raise not_a_model(name, "its description is longer than it may be")
            text = file.read(json_size)
            rest = memoryview(file.read())
    except OSError as error:
        raise not_opened(name, error) from error
    body = memoryview(b"")
    if len(rest) >= 8:
        size, kind = struct.unpack("<II", rest[:8])
        if kind != _BIN or size > len(rest) - 8:
            raise not_a_model(name, "its binary part is cut or missing")
        body = rest[8 : 8 + size]
    try:
        gltf = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise not_a_model(name, "its description is no JSON") from error
    if not isinstance(gltf, dict):
        raise not_a_model(name, "its description is no JSON object")
    return gltf, body


def view_of(gltf: dict[str, Any], body: memoryview, index: int) -> memoryview:
    """The bytes of a buffer view. Raises ValueError, KeyError, IndexError or TypeError where they are not there."""
    view = gltf["bufferViews"][index]
    start, size = int(view.get("byteOffset", 0)), int(view["byteLength"])
    if view["buffer"] != 0 or start < 0 or size < 0 or start + size > len(body):
        raise ValueError("a buffer view lies outside the file")
    return body[start : start + size]


def array_of(gltf: dict[str, Any], body: memoryview, index: int) -> Shaped[ndarray, "n c"]:
    """The numbers of an accessor, one row each. Raises as :func:`view_of`; nothing is copied."""
    accessor = gltf["accessors"][index]
    if "sparse" in accessor:
        raise ValueError("sparse accessors are not read")
    kind, width = np.dtype(COMPONENTS[accessor["componentType"]]), WIDTHS[accessor["type"]]
    data = view_of(gltf, body, accessor["bufferView"])
    count, offset = int(accessor["count"]), int(accessor.get("byteOffset", 0))
    stride = int(gltf["bufferViews"][accessor["bufferView"]].get("byteStride", kind.itemsize * width))
    if count < 1 or offset < 0 or stride < kind.itemsize * width:
        raise ValueError("an accessor is laid out as none can be")
    if offset + (count - 1) * stride + kind.itemsize * width > len(data):
        raise ValueError("an accessor reaches past its buffer view")
    return np.ndarray((count, width), kind, data, offset, (stride, kind.itemsize))
