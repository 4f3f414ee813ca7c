"""SPZ version 3, Niantic's packed Gaussians (github.com/nianticlabs/spz, "File Format"): about a tenth of a PLY.

One gzip stream: a header of 16 bytes, then attribute by attribute: positions as 24-bit fixed point, opacities and
colours in 8 bits, logarithms of scales in steps of 1/16, rotations as the smallest three of their components in 10
bits each, higher harmonics in [-1, 1] in 5 bits (degree 1) and 4 bits (above). Lossy; no room for words.

The specification's frame is RUB: x right, **y up**, z back, as OpenGL and three.js have it. Files do not say whether
they keep to it: SuperSplat takes SPZ for the frame of a PLY, y down, and shows such a file on its head.

Ours, as libraries that write it (gsply, Niantic's own) fix the position's step at 1/4096 of a unit, which is a
quarter of a millimetre in metres and next to nothing left of a model that is one unit wide.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.recon.atomic import replacing
from maquette.recon.formats.activations import logits_of, opacity_bytes, to_byte
from maquette.recon.formats.bombs import check_ratio
from maquette.recon.formats.errors import BadModelFileError, ModelOutOfRangeError
from maquette.recon.formats.format import CHUNK_ROWS, Format, check_read, check_writable
from maquette.recon.formats.morton import morton_order
from maquette.recon.formats.smallest_three import join, split
from maquette.recon.formats.streams import Readable, Writable
from maquette.recon.gaussians import Gaussians

_HEADER = struct.Struct("<IIIBBBB")
_MAGIC = 0x5053474E
_VERSION = 3
_GZIP_LEVEL = 6
_FIXED_POINT_LIMIT = 2**23 - 1
_MAX_FRACTION_BITS = 23
_STEPS_ACROSS = 2**17
"""Wanted of the box around the model's middle nine tenths: finer than a pixel shows, and coarse enough to compress."""
_COLOR_SCALE = 0.15
"""Of a degree-0 coefficient: colours somewhat outside 0 to 1 fit in the byte, as higher harmonics may need."""
_XYZW = [1, 2, 3, 0]
_WXYZ = [3, 0, 1, 2]
_ROTATION_LEVELS = 511
_BYTES_BEFORE_HARMONICS = 9 + 1 + 3 + 3 + 4


def write(gaussians: Gaussians, path: Path, *, provenance: Mapping[str, str]) -> None:
    """Store the model; the format has no room for words, so ``provenance`` is not in the file.

    Standard deviations outside exp(-10) to exp(5.94) units become these. Raises :class:`ModelOutOfRangeError` for
    positions beyond eight million units.
    """
    check_writable(gaussians)
    with replacing(path) as file:
        write_to(file, gaussians)


def write_to(file: Writable, gaussians: Gaussians) -> None:
    """The same into an open file; the Gaussians were checked."""
    bits = _fraction_bits(gaussians.means)
    order = morton_order(gaussians.means)  # neighbours look alike, which gzip makes use of
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_GZIP_LEVEL, fileobj=file, mtime=0) as packed:
        packed.write(_HEADER.pack(_MAGIC, _VERSION, len(gaussians), gaussians.sh_degree, bits, 0, 0))
        for section in _sections(bits):
            _write_section(packed, section, gaussians, order)


Section = Callable[[Gaussians], UInt8[ndarray, "n b"]]


def _sections(bits: int) -> Iterator[Section]:
    yield lambda part: _fixed_point(part.means, bits)
    yield lambda part: opacity_bytes(part.opacity_logits)[:, None]
    yield lambda part: to_byte((part.sh[:, 0] * np.float32(_COLOR_SCALE) + np.float32(0.5)) * 255)
    yield lambda part: to_byte((part.log_scales + 10) * 16)
    yield lambda part: _pack_rotations(part.quaternions)
    yield lambda part: _pack_harmonics(part.sh[:, 1:])


def _write_section(file: Writable, section: Section, gaussians: Gaussians, order: ndarray) -> None:
    for start in range(0, len(order), CHUNK_ROWS):
        file.write(section(gaussians.subset(order[start : start + CHUNK_ROWS])).tobytes())


def _fraction_bits(means: Float32[ndarray, "n 3"]) -> int:
    """How many of a position's 24 bits stand behind the point: all that the model's size needs and leaves."""
    reach = float(np.abs(means).max())
    if reach >= _FIXED_POINT_LIMIT:
        raise ModelOutOfRangeError("spz", "positions reach past eight million units")
    low, high = np.quantile(means, (0.05, 0.95), axis=0)
    across = max(float((high - low).max()), 1e-6)
    wanted = np.ceil(np.log2(_STEPS_ACROSS / across))
    fits = np.floor(np.log2(_FIXED_POINT_LIMIT / max(reach, 1e-6)))
    return int(np.clip(min(wanted, fits), 0, _MAX_FRACTION_BITS))


def _fixed_point(means: Float32[ndarray, "n 3"], bits: int) -> UInt8[ndarray, "n 9"]:
    fixed = np.rint(means.astype(np.float64) * 2**bits).astype("<i4")
    packed: UInt8[ndarray, "n 9"] = fixed[..., None].view(np.uint8)[..., :3].reshape(len(means), 9)
    return packed


def _pack_rotations(quaternions: Float32[ndarray, "n 4"]) -> UInt8[ndarray, "n 4"]:
    largest, others = split(quaternions[:, _XYZW])
    level = np.rint(np.abs(others) * np.float32(np.sqrt(2) * _ROTATION_LEVELS)).astype(np.uint32)
    component = np.minimum(level, _ROTATION_LEVELS) | (others < 0).astype(np.uint32) << 9
    word = largest.astype(np.uint32) << 30 | component[:, 0] << 20 | component[:, 1] << 10 | component[:, 2]
    packed: UInt8[ndarray, "n 4"] = word.astype("<u4")[:, None].view(np.uint8)
    return packed


def _pack_harmonics(higher: Float32[ndarray, "n k 3"]) -> UInt8[ndarray, "n b"]:
    step = np.full((higher.shape[1], 1), 16, np.float32)
    step[:3] = 8
    level = np.rint((np.clip(higher, -1, 1) * 128 + 128) / step) * step
    packed: UInt8[ndarray, "n b"] = np.clip(level, 0, 255).astype(np.uint8).reshape(len(higher), -1)
    return packed


def read(path: Path) -> Gaussians:
    """Read an SPZ of version 3 from anywhere, in the file's order. Raises :class:`BadModelFileError`."""
    try:
        with path.open("rb") as file:
            return read_from(file, path.stat().st_size, path.name)
    except OSError as error:
        raise BadModelFileError(path.name, f"the file cannot be opened ({error.strerror})") from error


def read_from(packed: BufferedIOBase, size: int, name: str) -> Gaussians:
    """The same from an open file of ``size`` bytes."""
    try:
        with gzip.GzipFile(fileobj=packed, mode="rb") as file:
            count, degree, bits = _read_header(file, name)
            rest = (degree + 1) ** 2 - 1
            check_ratio(count * (_BYTES_BEFORE_HARMONICS + 3 * rest), size, name)
            gaussians = _read_sections(file, count, rest, bits, name)
            if file.read(1):  # reaches the end, where gzip compares its checksum
                raise BadModelFileError(name, "more bytes follow its Gaussians")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadModelFileError(name, "it is no SPZ of version 3, or a damaged one") from error
    return check_read(gaussians, name)


def _read_header(file: Readable, name: str) -> tuple[int, int, int]:
    data = file.read(_HEADER.size)
    if len(data) < _HEADER.size:
        raise BadModelFileError(name, "it ends early")
    magic, version, count, degree, bits, _flags, _reserved = _HEADER.unpack(data)
    if magic != _MAGIC or version != _VERSION:
        raise BadModelFileError(name, "it is no SPZ of version 3")
    if count == 0:
        raise BadModelFileError(name, "it holds no Gaussians")
    if degree > 3 or bits > _MAX_FRACTION_BITS:
        raise BadModelFileError(name, f"it has harmonics of degree {degree} and {bits} bits behind the point")
    return count, degree, bits


def _read_sections(file: Readable, count: int, rest: int, bits: int, name: str) -> Gaussians:
    gaussians = Gaussians(
        means=np.empty((count, 3), np.float32),
        log_scales=np.empty((count, 3), np.float32),
        quaternions=np.empty((count, 4), np.float32),
        opacity_logits=np.empty(count, np.float32),
        sh=np.empty((count, 1 + rest, 3), np.float32),
    )

    def section(width: int) -> Iterator[tuple[slice, UInt8[ndarray, "n w"]]]:
        for start in range(0, count, CHUNK_ROWS):
            rows = slice(start, min(start + CHUNK_ROWS, count))
            size = (rows.stop - start) * width
            data = file.read(size)
            if len(data) < size:
                raise BadModelFileError(name, "it ends early")
            yield rows, np.frombuffer(data, np.uint8).reshape(-1, width)

    for rows, data in section(9):
        gaussians.means[rows] = _from_fixed_point(data, bits)
    for rows, data in section(1):
        gaussians.opacity_logits[rows] = logits_of(data[:, 0])
    for rows, data in section(3):
        gaussians.sh[rows, 0] = (data / np.float32(255) - np.float32(0.5)) / np.float32(_COLOR_SCALE)
    for rows, data in section(3):
        gaussians.log_scales[rows] = data / np.float32(16) - np.float32(10)
    for rows, data in section(4):
        gaussians.quaternions[rows] = _unpack_rotations(data)
    for rows, data in section(3 * rest) if rest else ():
        gaussians.sh[rows, 1:] = (data.reshape(-1, rest, 3).astype(np.float32) - 128) / np.float32(128)
    return gaussians


def _from_fixed_point(packed: UInt8[ndarray, "n 9"], bits: int) -> Float32[ndarray, "n 3"]:
    words = np.zeros((len(packed), 3, 4), np.uint8)
    words[..., 1:] = packed.reshape(-1, 3, 3)  # in the upper bytes, where the sign is the sign
    means: Float32[ndarray, "n 3"] = (words.view("<i4")[..., 0] / np.float64(2 ** (bits + 8))).astype(np.float32)
    return means


def _unpack_rotations(packed: UInt8[ndarray, "n 4"]) -> Float32[ndarray, "n 4"]:
    word = np.ascontiguousarray(packed).view("<u4")[:, 0]
    component = np.stack([word >> 20, word >> 10, word], axis=1) & 1023
    sign = np.where(component & 512, np.float32(-1), np.float32(1))
    others = sign * (component & 511).astype(np.float32) / np.float32(np.sqrt(2) * _ROTATION_LEVELS)
    return join((word >> 30).astype(np.int64), others)[:, _WXYZ]


FORMAT = Format(
    name="spz",
    extension=".spz",
    mime="application/octet-stream",
    description="Niantic's packed Gaussians for the web and phones, about a tenth of a PLY; slightly lossy.",
    write=write,
    read=read,
    up_axis="y",
    opens_in=("Scaniverse", "Spark (three.js)", "Niantic's SPZ tools", "Babylon.js"),
    optimizations=frozenset({"prune", "lower_sh"}),
    keeps_provenance=False,
)
