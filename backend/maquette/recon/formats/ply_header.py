"""The header of a PLY file (Turk 1994, "The PLY Polygon File Format"), binary little-endian, elements without lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.formats.streams import Readable
from maquette.recon.formats.words import one_line

_MAX_HEADER_BYTES = 65_536
_TYPES = {
    "char": "i1",
    "int8": "i1",
    "uchar": "u1",
    "uint8": "u1",
    "short": "<i2",
    "int16": "<i2",
    "ushort": "<u2",
    "uint16": "<u2",
    "int": "<i4",
    "int32": "<i4",
    "uint": "<u4",
    "uint32": "<u4",
    "float": "<f4",
    "float32": "<f4",
    "double": "<f8",
    "float64": "<f8",
}


@dataclass(frozen=True)
class Element:
    """One table of the file: its name, its number of rows, and the layout of a row (None where rows hold lists)."""

    name: str
    count: int
    row: np.dtype[np.void] | None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the properties, in order."""
        return (self.row.names or ()) if self.row is not None else ()

    @property
    def size(self) -> int:
        """Bytes of all rows; of those without lists only."""
        return self.count * self.row.itemsize if self.row is not None else 0


def header_bytes(provenance: Mapping[str, str], elements: Iterable[tuple[str, int, Iterable[str]]]) -> bytes:
    """A header: each entry of ``provenance`` as one comment of plain ASCII, then elements as (name, count,
    properties), each property its type and name, as ``float x``.
    """
    lines = ["ply", "format binary_little_endian 1.0"]
    lines += [f"comment {one_line(key)}: {one_line(value)}" for key, value in provenance.items()]
    for name, count, properties in elements:
        lines += [f"element {name} {count}", *(f"property {words}" for words in properties)]
    return ("\n".join([*lines, "end_header"]) + "\n").encode("ascii")


def read_header(file: Readable, name: str) -> list[Element]:
    """The elements in order; ``file`` stands at the first row after. Raises :class:`BadModelFileError`.

    Only the first element has to be free of lists. ``name`` is the file's, for errors.
    """
    if file.readline(16).rstrip(b"\r\n") != b"ply":
        raise BadModelFileError(name, "it is no PLY file")
    if file.readline(64).split() != [b"format", b"binary_little_endian", b"1.0"]:
        raise BadModelFileError(name, "only binary little-endian PLY 1.0 is read")
    elements: list[tuple[str, int, list[tuple[str, str]] | None]] = []
    left = _MAX_HEADER_BYTES
    while True:
        line = file.readline(left)
        left -= len(line)
        if not line.endswith(b"\n"):
            raise BadModelFileError(name, "its header has no end")
        match line.decode("ascii", "replace").split():
            case ["end_header"]:
                break
            case [] | ["comment" | "obj_info", *_]:
                continue
            case ["element", element, count] if re.fullmatch(r"\d{1,12}", count, re.ASCII):
                elements.append((element, int(count), []))
            case ["property", kind, property_name] if elements and kind in _TYPES:
                properties = elements[-1][2]
                if properties is not None:
                    properties.append((property_name, _TYPES[kind]))
            case ["property", "list", *_] if len(elements) > 1:
                elements[-1] = (*elements[-1][:2], None)
            case _:
                raise BadModelFileError(name, f"its header has a line that is not understood, {_quoted(line)}")
    return [Element(element, count, _layout(properties, name)) for element, count, properties in elements]


def _layout(properties: list[tuple[str, str]] | None, name: str) -> np.dtype[np.void] | None:
    if properties is None:
        return None
    if len({property_name for property_name, _ in properties}) < len(properties):
        raise BadModelFileError(name, "a property is declared twice")
    return np.dtype(properties)


def _quoted(line: bytes) -> str:
    return repr(line[:60].decode("ascii", "replace").strip())
