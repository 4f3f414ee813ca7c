"""PlayCanvas' packed PLY, as SuperSplat and its tools store it: a quarter of a PLY, less with harmonics.

Gaussians in chunks of 256 neighbours. Element ``chunk``: bounds of positions, logarithms of scales and colours, 18
floats. Element ``vertex``: four words of 32 bits, within the bounds of its chunk; from the top bit: positions and
scales 11-10-11; rotations 2 bits for the place of the largest component (of wxyz) and 10 each for the others; colour
and opacity 8-8-8-8. Element ``sh``: higher harmonics, -4 to 4 in a byte each, all of red first. Lossy.

Ours: gsply, the only library that writes it, holds the whole model several times over and leaves no room for comments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Float64, Int, Shaped, UInt8, UInt32
from numpy import ndarray

from maquette.recon.atomic import replacing
from maquette.recon.formats.activations import logits_of, opacity_bytes, to_byte
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.formats.format import CHUNK_ROWS, Format, check_read, check_writable
from maquette.recon.formats.morton import morton_order
from maquette.recon.formats.ply import rest_names
from maquette.recon.formats.ply_header import Element, header_bytes, read_header
from maquette.recon.formats.smallest_three import join, split
from maquette.recon.formats.streams import Readable
from maquette.recon.gaussians import SH_C0, Gaussians

_CHUNK = 256
_AXES = ("x", "y", "z")
_CHUNK_NAMES = [
    *(f"{end}_{axis}" for end in ("min", "max") for axis in _AXES),
    *(f"{end}_scale_{axis}" for end in ("min", "max") for axis in _AXES),
    *(f"{end}_{channel}" for end in ("min", "max") for channel in "rgb"),
]
_VERTEX_NAMES = ["packed_position", "packed_rotation", "packed_scale", "packed_color"]
_ROTATION_SPAN = np.float32(np.sqrt(2))
_SH_SPAN = 8


def write(gaussians: Gaussians, path: Path, *, provenance: Mapping[str, str]) -> None:
    """Store the model, neighbours together; ``provenance`` becomes comments. Harmonics beyond ±4 become ±4."""
    check_writable(gaussians)
    order = morton_order(gaussians.means)
    rest = 3 * (gaussians.sh.shape[1] - 1)
    elements: list[tuple[str, int, list[str]]] = [
        ("chunk", -(-len(order) // _CHUNK), [f"float {name}" for name in _CHUNK_NAMES]),
        ("vertex", len(order), [f"uint {name}" for name in _VERTEX_NAMES]),
    ]
    if rest:
        elements.append(("sh", len(order), [f"uchar {name}" for name in rest_names(rest)]))
    with replacing(path) as file:
        file.write(header_bytes(provenance, elements))
        bounds = [_bounds(part) for part in _parts(gaussians, order)]
        file.write(np.concatenate(bounds).astype("<f4").tobytes())
        for part, of_part in zip(_parts(gaussians, order), bounds, strict=True):
            file.write(_pack(part, of_part).tobytes())
        for part in _parts(gaussians, order) if rest else ():
            higher = part.sh[:, 1:].transpose(0, 2, 1).reshape(len(part), rest)
            level = np.floor((higher / np.float32(_SH_SPAN) + np.float32(0.5)) * 256)
            file.write(to_byte(level).tobytes())


def _parts(gaussians: Gaussians, order: Int[ndarray, " n"]) -> Iterator[Gaussians]:
    """Whole chunks, many at a time."""
    for start in range(0, len(order), CHUNK_ROWS):
        yield gaussians.subset(order[start : start + CHUNK_ROWS])


def _columns(part: Gaussians) -> Float32[ndarray, "n 9"]:
    """What lies within a chunk's bounds: positions, logarithms of scales, colours."""
    color = part.sh[:, 0] * np.float32(SH_C0) + np.float32(0.5)
    return np.concatenate([part.means, part.log_scales, color], axis=1)


def _bounds(part: Gaussians) -> Float32[ndarray, "c 18"]:
    """Of each chunk, in the order of :data:`_CHUNK_NAMES`."""
    columns = _columns(part)
    starts = np.arange(0, len(columns), _CHUNK)
    low, high = np.minimum.reduceat(columns, starts), np.maximum.reduceat(columns, starts)
    three = [ends[:, i : i + 3] for i in (0, 3, 6) for ends in (low, high)]
    return np.concatenate(three, axis=1)


def _of_rows(bounds: Float32[ndarray, "c 18"], count: int) -> tuple[Float64[ndarray, "n 9"], Float64[ndarray, "n 9"]]:
    """Lower and upper bounds of the columns of each row."""
    rows = bounds.astype(np.float64)[np.arange(count) // _CHUNK].reshape(count, 3, 2, 3)
    return rows[:, :, 0].reshape(count, 9), rows[:, :, 1].reshape(count, 9)


def _pack(part: Gaussians, bounds: Float32[ndarray, "c 18"]) -> UInt32[ndarray, "n 4"]:
    low, high = _of_rows(bounds, len(part))
    share = (_columns(part) - low) / np.where(high > low, high - low, 1)
    largest, others = split(part.quaternions)
    rotation = _levels(others / _ROTATION_SPAN + np.float32(0.5), 10, 10, 10)
    words = np.empty((len(part), 4), "<u4")
    words[:, 0] = _shifted(_levels(share[:, :3], 11, 10, 11), 21, 11, 0)
    words[:, 1] = largest.astype(np.uint32) << 30 | _shifted(rotation, 20, 10, 0)
    words[:, 2] = _shifted(_levels(share[:, 3:6], 11, 10, 11), 21, 11, 0)
    words[:, 3] = _shifted(_levels(share[:, 6:], 8, 8, 8), 24, 16, 8) | opacity_bytes(part.opacity_logits)
    return words


def _levels(share: Float[ndarray, "n 3"], *bits: int) -> UInt32[ndarray, "n 3"]:
    tops = np.array([2**b - 1 for b in bits])
    levels: UInt32[ndarray, "n 3"] = np.clip(np.rint(share * tops), 0, tops).astype(np.uint32)
    return levels


def _shifted(levels: UInt32[ndarray, "n 3"], *shifts: int) -> UInt32[ndarray, " n"]:
    word: UInt32[ndarray, " n"] = levels[:, 0] << shifts[0] | levels[:, 1] << shifts[1] | levels[:, 2] << shifts[2]
    return word


def read(path: Path) -> Gaussians:
    """Read a packed PLY from anywhere, in the file's order. Raises :class:`BadModelFileError`.

    Older ones, whose chunks have no bounds of colours, are read as well.
    """
    try:
        with path.open("rb") as file:
            elements = read_header(file, path.name)
            _check_elements(elements, path.name)
            body = path.stat().st_size - file.tell()
            needed = sum(element.size for element in elements)
            if body != needed:
                raise BadModelFileError(path.name, f"its elements need {needed} bytes and {body} are there")
            gaussians = _read_rows(file, elements, path.name)
    except OSError as error:
        raise BadModelFileError(path.name, f"the file cannot be opened ({error.strerror})") from error
    return check_read(gaussians, path.name)


def _check_elements(elements: list[Element], name: str) -> None:
    kinds = [element.name for element in elements]
    if kinds not in (["chunk", "vertex"], ["chunk", "vertex", "sh"]):
        raise BadModelFileError(name, "it is no packed PLY, which has the elements 'chunk', 'vertex' and perhaps 'sh'")
    chunk, vertex = elements[:2]
    if chunk.names not in (tuple(_CHUNK_NAMES), tuple(_CHUNK_NAMES[:12])) or not _all_of(chunk, "<f4"):
        raise BadModelFileError(name, "its chunks do not have the bounds that packed PLY has")
    if vertex.names != tuple(_VERTEX_NAMES) or not _all_of(vertex, "<u4"):
        raise BadModelFileError(name, "its Gaussians are not packed into four words")
    if vertex.count == 0 or chunk.count != -(-vertex.count // _CHUNK):
        raise BadModelFileError(name, f"{chunk.count} chunks do not fit {vertex.count} Gaussians")
    for sh in elements[2:]:
        complete = sh.names in [tuple(rest_names(3 * rest)) for rest in (3, 8, 15)]
        if sh.count != vertex.count or not complete or not _all_of(sh, "|u1"):
            raise BadModelFileError(name, "its harmonics do not fit its Gaussians")


def _all_of(element: Element, kind: str) -> bool:
    return element.row is not None and all(element.row[name].str == kind for name in element.names)


def _read_rows(file: Readable, elements: list[Element], name: str) -> Gaussians:
    chunk, vertex = elements[:2]
    bounds = np.zeros((chunk.count, 18), np.float32)
    bounds[:, 15:] = 1  # of colours, where the file has none
    bounds[:, : len(chunk.names)] = _rows(file, chunk.count, "<f4", len(chunk.names), name)
    if not np.isfinite(bounds).all():
        raise BadModelFileError(name, "it holds numbers that are not finite")
    rest = len(elements[2].names) // 3 if len(elements) > 2 else 0
    gaussians = Gaussians(
        means=np.empty((vertex.count, 3), np.float32),
        log_scales=np.empty((vertex.count, 3), np.float32),
        quaternions=np.empty((vertex.count, 4), np.float32),
        opacity_logits=np.empty(vertex.count, np.float32),
        sh=np.empty((vertex.count, 1 + rest, 3), np.float32),
    )
    for start in range(0, vertex.count, CHUNK_ROWS):
        stop = min(start + CHUNK_ROWS, vertex.count)
        words = _rows(file, stop - start, "<u4", 4, name)
        _unpack(words, bounds[start // _CHUNK :], gaussians, slice(start, stop))
    for start in range(0, vertex.count, CHUNK_ROWS) if rest else ():
        stop = min(start + CHUNK_ROWS, vertex.count)
        level = _rows(file, stop - start, "u1", 3 * rest, name)
        gaussians.sh[start:stop, 1:] = _harmonics(level).reshape(-1, 3, rest).transpose(0, 2, 1)
    return gaussians


def _rows(file: Readable, count: int, kind: str, width: int, name: str) -> Shaped[ndarray, "n w"]:
    size = count * width * np.dtype(kind).itemsize
    data = file.read(size)
    if len(data) < size:
        raise BadModelFileError(name, "it ends early")
    return np.frombuffer(data, kind).reshape(count, width)


def _unpack(words: UInt32[ndarray, "n 4"], bounds: Float32[ndarray, "c 18"], into: Gaussians, rows: slice) -> None:
    low, high = _of_rows(bounds, len(words))
    color = _shares(words[:, 3], (24, 8), (16, 8), (8, 8))
    share = np.concatenate(
        [
            _shares(words[:, 0], (21, 11), (11, 10), (0, 11)),
            _shares(words[:, 2], (21, 11), (11, 10), (0, 11)),
            color,
        ],
        axis=1,
    )
    columns = low * (1 - share) + high * share
    others = (_shares(words[:, 1], (20, 10), (10, 10), (0, 10)) - 0.5).astype(np.float32) * _ROTATION_SPAN
    into.means[rows] = columns[:, :3]
    into.log_scales[rows] = columns[:, 3:6]
    into.sh[rows, 0] = (columns[:, 6:] - 0.5) / SH_C0
    into.quaternions[rows] = join((words[:, 1] >> 30).astype(np.int64), others)
    into.opacity_logits[rows] = logits_of((words[:, 3] & 255).astype(np.uint8))


def _shares(words: UInt32[ndarray, " n"], *places: tuple[int, int]) -> Float64[ndarray, "n 3"]:
    """Parts of the words, each given by its lowest bit and its number of bits, 0 to 1."""
    return np.stack([(words >> shift & (2**bits - 1)) / (2**bits - 1) for shift, bits in places], axis=1)


def _harmonics(level: UInt8[ndarray, "n b"]) -> Float32[ndarray, "n b"]:
    """The middle of each level, and the very ends for the first and the last."""
    share = (level.astype(np.float32) + np.float32(0.5)) / 256
    share[level == 0], share[level == 255] = 0, 1
    return (share - np.float32(0.5)) * np.float32(_SH_SPAN)


FORMAT = Format(
    name="compressed.ply",
    extension=".compressed.ply",
    mime="application/octet-stream",
    description="PlayCanvas' packed PLY, a quarter of the size or less; slightly lossy.",
    write=write,
    read=read,
    opens_in=("SuperSplat", "PlayCanvas", "Spark (three.js)"),
    optimizations=frozenset({"prune", "lower_sh"}),
)
