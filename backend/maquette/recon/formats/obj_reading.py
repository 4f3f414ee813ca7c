"""Reads a zipped OBJ from anywhere: polygons, texture coordinates, normals, vertex colours and one texture."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float32, Float64, Int32
from numpy import ndarray

from maquette.recon.archive import ArchiveLimits
from maquette.recon.formats.checking import check_mesh_read, not_a_model, not_opened
from maquette.recon.formats.textures import decode
from maquette.recon.formats.zipped import unpacked
from maquette.recon.mesh import Mesh, Texture

_LIMITS = ArchiveLimits(files=64, file_bytes=1 << 28, total_bytes=1 << 29)
_MOST_LINE = 4096
_MOST_NUMBERS = 9 * 5_000_000
"""Three indices at three corners of five million triangles."""


def read(path: Path) -> Mesh:
    """Read the only OBJ of an archive. Vertices are split where their texture coordinates or normals differ.

    Raises :class:`~maquette.recon.formats.errors.BadModelFileError`.
    """
    with unpacked(path, _LIMITS) as files:
        models = [name for name in files if name.lower().endswith(".obj")]
        if len(models) != 1:
            raise not_a_model(path.name, f"it holds {len(models)} .obj files where one is read")
        try:
            lines = _parse(files[models[0]])
            mesh = _mesh_of(lines)
            maps = _maps(models[0], lines.libraries, files)
            images = {key: decode(file.read_bytes(), path.name) for key, file in maps.items()}
        except (ValueError, IndexError, OverflowError) as error:
            raise not_a_model(path.name, f"its lines are not understood ({error})"[:200]) from error
        except OSError as error:
            raise not_opened(path.name, error) from error
    if "map_Kd" in images and mesh.uvs is not None:
        texture = Texture(images["map_Kd"], images.get("norm"))
        mesh = Mesh(mesh.vertices, mesh.faces, mesh.normals, mesh.colors, mesh.uvs, texture)
    return check_mesh_read(mesh, path.name)


@dataclass
class _Lines:
    """What an OBJ says, counted from 0; ``corners`` holds vertex, texture coordinate and normal of each corner.

    Plain arrays: lists of Python's numbers would take thirty times the file.
    """

    width: int = 3
    places: array[float] = field(default_factory=lambda: array("d"))
    uvs: array[float] = field(default_factory=lambda: array("d"))
    normals: array[float] = field(default_factory=lambda: array("d"))
    corners: array[int] = field(default_factory=lambda: array("i"))
    libraries: list[str] = field(default_factory=list)


def _parse(file: Path) -> _Lines:
    lines = _Lines()
    with file.open("r", encoding="utf-8", errors="replace") as text:
        while line := text.readline(_MOST_LINE):
            key, *words = line.split() or [""]
            if key == "v":
                if not lines.places:
                    lines.width = len(words)
                lines.places.extend(_numbers(words, lines.width))
            elif key == "vt":
                lines.uvs.extend(_numbers(words[:2], 2))
            elif key == "vn":
                lines.normals.extend(_numbers(words, 3))
            elif key == "f":
                corners = [_corner(word, lines) for word in words]
                for i in range(1, len(corners) - 1):  # a polygon as a fan
                    for corner in (corners[0], corners[i], corners[i + 1]):
                        lines.corners.extend(corner)
                if len(lines.corners) > _MOST_NUMBERS:
                    raise ValueError("it has more faces than are read")
            elif key == "mtllib" and words:
                lines.libraries.append(" ".join(words))
    return lines


def _numbers(words: list[str], width: int) -> list[float]:
    if len(words) != width:
        raise ValueError(f"{len(words)} numbers where {width} should be")
    return [float(word) for word in words]


def _corner(word: str, lines: _Lines) -> tuple[int, int, int]:
    """Indices count from 1, or backwards from the latest where they are negative; -1 for what is not given."""
    numbers = [int(part) if part else 0 for part in word.split("/")]
    v, vt, vn = (*numbers, 0, 0)[:3]
    return (
        v - 1 if v >= 0 else len(lines.places) // lines.width + v,
        vt - 1 if vt >= 0 else len(lines.uvs) // 2 + vt,
        vn - 1 if vn >= 0 else len(lines.normals) // 3 + vn,
    )


def _mesh_of(lines: _Lines) -> Mesh:
    if lines.width not in (3, 4, 6):
        raise ValueError("vertices are not three numbers, or six with a colour")
    places = np.frombuffer(lines.places, np.float64).reshape(-1, lines.width)
    uvs = np.frombuffer(lines.uvs, np.float64).reshape(-1, 2)
    normals = np.frombuffer(lines.normals, np.float64).reshape(-1, 3)
    corners = np.frombuffer(lines.corners, np.int32).reshape(-1, 3)
    if len(corners) == 0:
        raise ValueError("there are no faces")
    for kind, rows in zip(corners.T, (places, uvs, normals), strict=True):
        if kind.min() < -1 or kind.max() >= len(rows):
            raise ValueError("a face names what is not there")
    if corners[:, 0].min() < 0:
        raise ValueError("a corner has no vertex")
    distinct, faces = np.unique(corners, axis=0, return_inverse=True)
    mine = places[distinct[:, 0]]
    colors = None
    if lines.width == 6:
        colors = np.rint(np.clip(np.nan_to_num(mine[:, 3:]), 0, 1) * 255).astype(np.uint8)
    return Mesh(
        vertices=_float32(mine[:, :3]),
        faces=faces.reshape(-1, 3).astype(np.int32),
        normals=_picked(normals, distinct[:, 2]),
        colors=colors,
        uvs=_picked(uvs, distinct[:, 1]),
    )


def _picked(rows: Float64[ndarray, "n c"], chosen: Int32[ndarray, " v"]) -> Float32[ndarray, "v c"] | None:
    """One row a vertex, or None where some vertex has none."""
    return None if chosen.min() < 0 else _float32(rows[chosen])


def _float32(values: Float64[ndarray, "n c"]) -> Float32[ndarray, "n c"]:
    with np.errstate(over="ignore"):  # what is too large becomes infinite and is refused as such
        single: Float32[ndarray, "n c"] = values.astype(np.float32)
    return single


def _maps(model: str, libraries: list[str], files: dict[str, Path]) -> dict[str, Path]:
    """Images named by the materials, if they are in the archive; the first of each kind."""
    maps: dict[str, Path] = {}
    for library in libraries:
        material = files.get(str(PurePosixPath(model).parent / library))
        if material is None:
            continue
        with material.open("r", encoding="utf-8", errors="replace") as text:
            while line := text.readline(_MOST_LINE):
                key, *words = line.split(maxsplit=1) or [""]
                image = files.get(str(PurePosixPath(model).parent / words[0].strip())) if words else None
                if key in ("map_Kd", "norm") and image is not None:
                    maps.setdefault(key, image)
    return maps
