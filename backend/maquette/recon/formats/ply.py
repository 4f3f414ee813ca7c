"""PLY as 3D Gaussian Splatting stores it (Kerbl et al. 2023): every parameter as it is optimised, float32.

Little-endian; ``x y z nx ny nz f_dc_0..2 f_rest_* opacity scale_0..2 rot_0..3``, normals zero. ``f_rest`` goes
channel by channel: all of red's higher coefficients, then green's, then blue's. Lossless.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Shaped
from numpy import ndarray

from maquette.recon.atomic import replacing
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.formats.format import CHUNK_ROWS, Format, check_read, check_writable
from maquette.recon.formats.ply_header import header_bytes, read_header
from maquette.recon.formats.streams import Readable, Writable
from maquette.recon.gaussians import Gaussians

_POSITION = ["x", "y", "z"]
_COLOUR = ["f_dc_0", "f_dc_1", "f_dc_2"]
_SCALE = ["scale_0", "scale_1", "scale_2"]
_ROTATION = ["rot_0", "rot_1", "rot_2", "rot_3"]


def write(gaussians: Gaussians, path: Path, *, provenance: Mapping[str, str]) -> None:
    """Store the model; each entry of ``provenance`` becomes one ``comment key: value`` line of plain ASCII."""
    check_writable(gaussians)
    with replacing(path) as file:
        write_to(file, gaussians, provenance)


def write_to(file: Writable, gaussians: Gaussians, provenance: Mapping[str, str]) -> None:
    """The same into an open file."""
    rest = gaussians.sh.shape[1] - 1
    names = [*_POSITION, "nx", "ny", "nz", *_COLOUR, *rest_names(3 * rest), "opacity", *_SCALE, *_ROTATION]
    file.write(header_bytes(provenance, [("vertex", len(gaussians), [f"float {name}" for name in names])]))
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
            header = read_gaussian_header(file, path.name)
            body = path.stat().st_size - file.tell()
            if body < header.size:
                raise BadModelFileError(
                    path.name, f"it ends early, {header.count} Gaussians need {header.size} bytes and {body} are there"
                )
            if body > header.size and not header.more_elements:
                raise BadModelFileError(path.name, f"{body - header.size} bytes too many follow its Gaussians")
            gaussians = read_rows(file, header, path.name)
    except OSError as error:
        raise BadModelFileError(path.name, f"the file cannot be opened ({error.strerror})") from error
    return check_read(gaussians, path.name)


@dataclass(frozen=True)
class Header:
    """What a PLY says of its Gaussians."""

    count: int
    row: np.dtype[np.void]
    more_elements: bool

    @property
    def rest(self) -> int:
        """Higher coefficients a channel."""
        names = self.row.names or ()
        return sum(name.startswith("f_rest_") for name in names) // 3

    @property
    def size(self) -> int:
        """Bytes of all rows."""
        return self.count * self.row.itemsize


def read_gaussian_header(file: Readable, name: str) -> Header:
    """Read a header and check that Gaussians follow it. Raises :class:`BadModelFileError`."""
    elements = read_header(file, name)
    if not elements or elements[0].name != "vertex":
        raise BadModelFileError(name, "its first element is not 'vertex'")
    vertex = elements[0]
    if vertex.count == 0:
        raise BadModelFileError(name, "it holds no Gaussians")
    if vertex.row is None:
        raise BadModelFileError(name, "its Gaussians hold lists")
    _check_properties(vertex.row, name)
    return Header(vertex.count, vertex.row, len(elements) > 1)


def _check_properties(row: np.dtype[np.void], name: str) -> None:
    kinds = {property_name: row[property_name].str for property_name in row.names or ()}
    rest = sum(property_name.startswith("f_rest_") for property_name in kinds)
    if rest not in (0, 9, 24, 45):
        raise BadModelFileError(name, f"{rest} f_rest properties make no spherical harmonics (0, 9, 24 or 45 do)")
    for needed in [*_POSITION, *_COLOUR, *rest_names(rest), "opacity", *_SCALE, *_ROTATION]:
        if needed not in kinds:
            raise BadModelFileError(name, f"the property '{needed}' is missing")
        if kinds[needed] not in ("<f4", "<f8"):
            raise BadModelFileError(name, f"the property '{needed}' is no float")


def read_rows(file: Readable, header: Header, name: str) -> Gaussians:
    """Read the Gaussians that follow a header; their size was checked. Raises :class:`BadModelFileError`."""
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
                higher = _columns(rows, rest_names(3 * rest)).reshape(stop - start, 3, rest)
                gaussians.sh[start:stop, 1:] = higher.transpose(0, 2, 1)
    return gaussians


def _columns(rows: Shaped[ndarray, " n"], names: list[str]) -> Shaped[ndarray, "n c"]:
    return np.stack([rows[name] for name in names], axis=1)


def rest_names(count: int) -> list[str]:
    """Names of the properties of higher harmonics."""
    return [f"f_rest_{i}" for i in range(count)]


FORMAT = Format(
    name="ply",
    extension=".ply",
    mime="application/octet-stream",
    description="Gaussians with all parameters, lossless; opens in every splat viewer and editor.",
    write=write,
    read=read,
    lossless=True,
    opens_in=("SuperSplat", "Blender with a splat add-on", "Unreal", "Unity"),
    optimizations=frozenset({"prune", "lower_sh"}),
)
