"""PLY as 3D Gaussian Splatting stores it (Kerbl et al. 2023): every parameter as it is optimised, float32.

Little-endian; ``x y z nx ny nz f_dc_0..2 f_rest_* opacity scale_0..2 rot_0..3``, normals zero. ``f_rest`` goes
channel by channel: all of red's higher coefficients, then green's, then blue's. Lossless.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray

from maquette.recon.atomic import replacing
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.formats.format import CHUNK_ROWS, Format, check_read, check_writable
from maquette.recon.formats.words import one_line
from maquette.recon.gaussians import Gaussians

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
_POSITION = ["x", "y", "z"]
_COLOUR = ["f_dc_0", "f_dc_1", "f_dc_2"]
_SCALE = ["scale_0", "scale_1", "scale_2"]
_ROTATION = ["rot_0", "rot_1", "rot_2", "rot_3"]


def write(gaussians: Gaussians, path: Path, *, provenance: Mapping[str, str]) -> None:
    """Store the model; each entry of ``provenance`` becomes one ``comment key: value`` line of plain ASCII."""
    check_writable(gaussians)
    rest = gaussians.sh.shape[1] - 1
    names = [*_POSITION, "nx", "ny", "nz", *_COLOUR, *_rest_names(3 * rest), "opacity", *_SCALE, *_ROTATION]
    lines = ["ply", "format binary_little_endian 1.0"]
    lines += [f"comment {one_line(key)}: {one_line(value)}" for key, value in provenance.items()]
    lines += [f"element vertex {len(gaussians)}", *(f"property float {name}" for name in names), "end_header"]
    with replacing(path) as file:
        file.write(("\n".join(lines) + "\n").encode("ascii"))
        for start in range(0, len(gaussians), CHUNK_ROWS):
            part = gaussians.subset(np.arange(start, min(start + CHUNK_ROWS, len(gaussians))))
            rows = np.concatenate(
                [
                    part.means,
                    np.zeros_like(part.means),
                    part.sh[:, 0],
                    part.sh[:, 1:].transpose(0, 2, 1).reshape(len(part), 3 * rest),
                    part.opacity_logits[:, None],
                    part.log_scales,
                    part.quaternions,
                ],
                axis=1,
                dtype="<f4",
            )
            file.write(rows.tobytes())


def read(path: Path) -> Gaussians:
    """Read a 3DGS PLY from anywhere: harmonics of degree 0 to 3, properties in any order, others ignored.

    Raises :class:`BadModelFileError`. Memory for the body is asked for only after its size was found in the file.
    """
    try:
        with path.open("rb") as file:
            header = _read_header(file, path.name)
            body = path.stat().st_size - file.tell()
            needed = header.count * header.row.itemsize
            if body < needed:
                raise BadModelFileError(
                    path.name, f"it ends early, {header.count} Gaussians need {needed} bytes and {body} are there"
                )
            if body > needed and not header.more_elements:
                raise BadModelFileError(path.name, f"{body - needed} bytes too many follow its Gaussians")
            gaussians = _read_rows(file, header, path.name)
    except OSError as error:
        raise BadModelFileError(path.name, f"the file cannot be opened ({error.strerror})") from error
    return check_read(gaussians, path.name)


@dataclass(frozen=True)
class _Header:
    count: int
    row: np.dtype[np.void]
    more_elements: bool

    @property
    def rest(self) -> int:
        """Higher coefficients a channel."""
        names = self.row.names or ()
        return sum(name.startswith("f_rest_") for name in names) // 3


def _read_header(file: BinaryIO, name: str) -> _Header:
    if file.readline(16).rstrip(b"\r\n") != b"ply":
        raise BadModelFileError(name, "it is no PLY file")
    if file.readline(64).split() != [b"format", b"binary_little_endian", b"1.0"]:
        raise BadModelFileError(name, "only binary little-endian PLY 1.0 is read")
    elements: list[tuple[str, int]] = []
    properties: list[tuple[str, str]] = []
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
                elements.append((element, int(count)))
            case ["property", kind, property_name] if elements and kind in _TYPES:
                if len(elements) == 1:
                    properties.append((property_name, _TYPES[kind]))
            case ["property", "list", *_] if len(elements) > 1:
                continue
            case _:
                raise BadModelFileError(name, f"its header has a line that is not understood, {_quoted(line)}")
    if not elements or elements[0][0] != "vertex":
        raise BadModelFileError(name, "its first element is not 'vertex'")
    if elements[0][1] == 0:
        raise BadModelFileError(name, "it holds no Gaussians")
    _check_properties(properties, name)
    return _Header(elements[0][1], np.dtype(properties), len(elements) > 1)


def _check_properties(properties: list[tuple[str, str]], name: str) -> None:
    kinds = dict(properties)
    if len(kinds) < len(properties):
        raise BadModelFileError(name, "a property is declared twice")
    rest = sum(property_name.startswith("f_rest_") for property_name in kinds)
    if rest not in (0, 9, 24, 45):
        raise BadModelFileError(name, f"{rest} f_rest properties make no spherical harmonics (0, 9, 24 or 45 do)")
    for needed in [*_POSITION, *_COLOUR, *_rest_names(rest), "opacity", *_SCALE, *_ROTATION]:
        if needed not in kinds:
            raise BadModelFileError(name, f"the property '{needed}' is missing")
        if kinds[needed] not in ("<f4", "<f8"):
            raise BadModelFileError(name, f"the property '{needed}' is no float")


def _read_rows(file: BinaryIO, header: _Header, name: str) -> Gaussians:
    n, rest = header.count, header.rest
    gaussians = Gaussians(
        means=np.empty((n, 3), np.float32),
        log_scales=np.empty((n, 3), np.float32),
        quaternions=np.empty((n, 4), np.float32),
        opacity_logits=np.empty(n, np.float32),
        sh=np.empty((n, 1 + rest, 3), np.float32),
    )
    for start in range(0, n, CHUNK_ROWS):
        stop = min(start + CHUNK_ROWS, n)
        data = file.read((stop - start) * header.row.itemsize)
        if len(data) < (stop - start) * header.row.itemsize:
            raise BadModelFileError(name, "it ends early")
        rows = np.frombuffer(data, header.row)
        with np.errstate(over="ignore"):  # a double too large for float32 becomes infinite and is refused as such
            gaussians.means[start:stop] = _columns(rows, _POSITION)
            gaussians.log_scales[start:stop] = _columns(rows, _SCALE)
            gaussians.quaternions[start:stop] = _columns(rows, _ROTATION)
            gaussians.opacity_logits[start:stop] = rows["opacity"]
            gaussians.sh[start:stop, 0] = _columns(rows, _COLOUR)
            if rest:
                higher = _columns(rows, _rest_names(3 * rest)).reshape(stop - start, 3, rest)
                gaussians.sh[start:stop, 1:] = higher.transpose(0, 2, 1)
    return gaussians


def _columns(rows: Shaped[ndarray, " n"], names: list[str]) -> Shaped[ndarray, "n c"]:
    return np.stack([rows[name] for name in names], axis=1)


def _rest_names(count: int) -> list[str]:
    return [f"f_rest_{i}" for i in range(count)]


def _quoted(line: bytes) -> str:
    return repr(line[:60].decode("ascii", "replace").strip())


FORMAT = Format(
    name="ply",
    extension=".ply",
    mime="application/octet-stream",
    description="Gaussians with all parameters, lossless; opens in every splat viewer and editor.",
    write=write,
    read=read,
    opens_in=("SuperSplat", "Blender with a splat add-on", "Unreal", "Unity"),
    optimizations=frozenset({"prune", "lower_sh"}),
)
