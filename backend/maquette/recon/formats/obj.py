"""Wavefront OBJ with its material and textures, zipped (Wavefront, "Object Files (.obj)", 1995).

Texture coordinates begin at the lower left of the image, as a :class:`Mesh` has them. Vertex colours, where there is no
texture, follow the position as three numbers, which most programs read though Wavefront never wrote it down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Num
from numpy import ndarray

from maquette.recon.formats.checking import check_mesh
from maquette.recon.formats.format import CHUNK_ROWS, Format
from maquette.recon.formats.obj_reading import read
from maquette.recon.formats.textures import SUFFIXES, TextureFormat, encode_color, encode_normals
from maquette.recon.formats.words import one_line
from maquette.recon.formats.zipped import entry, writing_zip
from maquette.recon.mesh import Mesh, Texture

_MATERIAL = "model"


def write(mesh: Mesh, path: Path, *, provenance: Mapping[str, str], texture_format: TextureFormat = "png") -> None:
    """Store ``mesh.obj`` and, of a textured mesh, ``material.mtl``, ``texture_color`` and ``texture_normal``.

    ``provenance`` heads the OBJ and the material as comments. Without a texture there is no material either: many
    programs would show its white instead of the colours of the vertices.
    """
    check_mesh(mesh)
    comments = "".join(f"# {one_line(key)}: {one_line(value)}\n" for key, value in provenance.items())
    images = _images(mesh.texture, texture_format)
    with writing_zip(path) as archive:
        with archive.open(entry("mesh.obj"), "w") as file:
            file.write((comments + ("mtllib material.mtl\n" if images else "") + "o model\n").encode("ascii"))
            for piece in _lines(mesh):
                file.write(piece.encode("ascii"))
        if images:
            archive.writestr(entry("material.mtl"), comments + _material(list(images)))
        for name, data in images.items():
            archive.writestr(entry(name, packed=False), data)


def _images(texture: Texture | None, texture_format: TextureFormat) -> dict[str, bytes]:
    if texture is None:
        return {}
    suffix = SUFFIXES[texture_format]
    images = {f"texture_color{suffix}": encode_color(texture.color, texture_format)}
    if texture.normal_map is not None:
        images[f"texture_normal{suffix}"] = encode_normals(texture.normal_map, texture_format)
    return images


def _material(images: list[str]) -> str:
    """White, for the texture is multiplied by it; without shine (``illum 1``)."""
    lines = [f"newmtl {_MATERIAL}", "Ka 1 1 1", "Kd 1 1 1", "Ks 0 0 0", "d 1", "illum 1"]
    lines.append(f"map_Kd {images[0]}")
    # `norm` is the key of the PBR extension, which Blender and others read as tangent space
    lines += [f"norm {name}" for name in images[1:]]
    return "\n".join(lines) + "\n"


def _lines(mesh: Mesh) -> Iterator[str]:
    """The file's body, some thousand lines at a time. Nine digits give every float32 back."""
    places = mesh.vertices
    if mesh.texture is None and mesh.colors is not None:
        colored = np.concatenate([places.astype(np.float64), mesh.colors / 255.0], axis=1)
        yield from _rows("v %.9g %.9g %.9g %.6g %.6g %.6g\n", colored)
    else:
        yield from _rows("v %.9g %.9g %.9g\n", places)
    if mesh.uvs is not None:
        yield from _rows("vt %.9g %.9g\n", mesh.uvs)
    if mesh.normals is not None:
        yield from _rows("vn %.6g %.6g %.6g\n", mesh.normals)
    if mesh.texture is not None:
        yield f"usemtl {_MATERIAL}\n"
    yield "s 1\n"
    corner = {(False, False): "%d", (True, False): "%d/%d", (False, True): "%d//%d", (True, True): "%d/%d/%d"}
    pattern = corner[mesh.uvs is not None, mesh.normals is not None]
    yield from _rows(f"f {pattern} {pattern} {pattern}\n", np.repeat(mesh.faces + 1, pattern.count("d"), axis=1))


def _rows(pattern: str, rows: Num[ndarray, "n c"]) -> Iterator[str]:
    for start in range(0, len(rows), CHUNK_ROWS):
        part = rows[start : start + CHUNK_ROWS]
        yield (pattern * len(part)) % tuple(part.ravel().tolist())


FORMAT = Format(
    name="obj",
    extension=".obj.zip",
    mime="application/zip",
    description="Textured mesh with its material and images in a ZIP; opens in nearly every 3D program.",
    write=write,
    read=read,
    kind="mesh",
    up_axis="y",
    opens_in=("Blender", "Maya", "3ds Max", "Cinema 4D", "MeshLab", "ZBrush"),
    optimizations=frozenset({"decimate", "compress_texture"}),
    compressed={"jpeg": partial(write, texture_format="jpeg")},
)
