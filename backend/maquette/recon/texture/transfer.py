"""A textured mesh of fewer triangles: decimated, laid out anew, painted from the mesh it was made of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, UInt8
from numpy import ndarray
from scipy.spatial import cKDTree

from maquette.errors import BadInputError
from maquette.progress import Progress, silent
from maquette.recon.capture import Reason
from maquette.recon.mesh import cleaning
from maquette.recon.mesh.closest import Surface, closest, surface_of
from maquette.recon.mesh.holes import close_holes
from maquette.recon.mesh.mesh import Mesh, Texture
from maquette.recon.mesh.raster_shading import TextureWithoutUvsError
from maquette.recon.mesh.topology import areas, split_touching, without_bad_faces
from maquette.recon.texture.baking import TextureResult
from maquette.recon.texture.filling import NEUTRAL, fill_unseen, gutter_filled
from maquette.recon.texture.settings import TextureSettings
from maquette.recon.texture.texels import Texels, places_of, smooth_normals, texels_of
from maquette.recon.texture.unwrapping import cut_open, unwrap

FEWEST = 4
"""Triangles of the smallest closed mesh."""
REACH = 0.02
"""How far decimation may have moved the surface, in diagonals of its box: what lies further is another surface."""
_CRACK = 16.0
"""Largest hole that decimation is taken to have torn, in mean areas of its triangles."""
_CHUNK = 1 << 20


class BadTriangleCountError(BadInputError):
    """So few triangles are no mesh."""

    code = "bad_triangle_count"


def decimated(
    mesh: Mesh, triangles: int, progress: Progress = silent, *, size_px: int | None = None, unwrap_s: float = 120.0
) -> TextureResult:
    """``mesh`` with at most ``triangles`` faces and its texture, which gets sides of ``size_px`` (default: the same).

    Each texel has the colour of the nearest place of ``mesh`` that looks its way, bilinear; where there is none it is
    filled as baking fills what no photo shows. A normal map is not carried over: what it says is measured against the
    surface it was made for. A mesh without texture stays one. ``observed_share`` is that of ``mesh``.

    Stages: ``decimating``, ``unwrapping``, ``painting``. Memory: 100 bytes a face, 40 a texel of the surface. Raises
    ``bad_triangle_count`` below 4 triangles, ``bad_texture_settings`` or ``texture_without_uvs``.
    """
    if triangles < FEWEST:
        raise BadTriangleCountError(
            f"A mesh of {triangles} triangles was asked for.", suggestion=f"Ask for {FEWEST} or more."
        )
    if mesh.texture is not None and mesh.uvs is None:
        raise TextureWithoutUvsError(
            "The mesh has a texture and no texture coordinates.", suggestion="Give uvs, one for each vertex."
        )
    progress("decimating", 0.0, f"{len(mesh.faces)} triangles")
    began = time.monotonic()
    bare = _fewer(mesh, triangles)
    decimated_at = time.monotonic()
    details = {"triangles_before": len(mesh.faces), "triangles": len(bare.faces)}
    texture = mesh.texture
    if texture is None or mesh.uvs is None:
        return TextureResult(bare, "none", (), {**details, "seconds_decimating": decimated_at - began})
    settings = TextureSettings(size_px=size_px or _power_of_two(texture.color), unwrap_s=unwrap_s).checked()
    laid_out = unwrap(bare, settings, progress)
    if laid_out is None:
        return _with_vertex_colors(bare, _painted(mesh, mesh.uvs, texture.color), details, settings)
    painted = _painted(mesh, mesh.uvs, _at_most(texture.color, settings.size_px))
    texels = texels_of(laid_out.uvs, laid_out.faces, settings.size_px)
    colors, found = _carried(painted, bare, texels, progress)
    progress("painting", 0.9, "closing the gaps between charts")
    filled = fill_unseen(bare, texels, laid_out.chart, colors, found)
    carried = Texture(gutter_filled(texels, filled), observed_share=texture.observed_share)
    progress("painting", 1.0, f"{len(bare.faces)} triangles")
    return TextureResult(
        cut_open(bare, laid_out, carried),
        laid_out.method,
        laid_out.warnings,
        {
            **details,
            "size_px_before": int(texture.color.shape[0]),
            "size_px": settings.size_px,
            "carried_share": float(found.mean()) if len(found) else 0.0,
            "seconds_decimating": decimated_at - began,
            "seconds_painting": time.monotonic() - decimated_at,
        },
    )


def _fewer(mesh: Mesh, triangles: int) -> Mesh:
    """Without seams, decimated, with smooth normals and the vertex colours of the nearest vertices."""
    vertices, faces = _welded(mesh)
    vertices, faces = cleaning.decimated(vertices, faces, triangles)
    vertices, faces = split_touching(vertices, without_bad_faces(faces))
    if len(faces):
        faces, _ = close_holes(vertices, faces, _CRACK * float(areas(vertices, faces).mean()))
    vertices, faces, _ = cleaning.largest_parts(vertices, faces, 0.0)
    if not len(faces):
        raise BadTriangleCountError(
            f"{len(mesh.faces)} triangles made {triangles} leave no surface.", suggestion="Ask for more triangles."
        )
    colors = None
    if mesh.colors is not None:
        _, nearest = cKDTree(mesh.vertices).query(vertices, workers=-1)
        colors = mesh.colors[nearest]
    moved = vertices.astype(np.float32)
    return Mesh(moved, faces, cleaning.vertex_normals(moved, faces), colors)


def _welded(mesh: Mesh) -> tuple[Float64[ndarray, "w 3"], Int32[ndarray, "f 3"]]:
    """One vertex where copies stand at one place: decimation would move them apart and open the seam.

    Where sheets only touch, that would make edges of more than two faces; there copies are one only if their normals
    are the same too, as they are on both sides of a seam.
    """
    _, place = np.unique(mesh.vertices, axis=0, return_inverse=True)
    place = place.reshape(-1)
    faces = place[mesh.faces].astype(np.int32)
    count = int(place.max()) + 1
    fitting = np.bincount(without_bad_faces(faces).reshape(-1), minlength=count)
    touching = (np.bincount(faces.reshape(-1), minlength=count) != fitting)[place]
    _, normal = np.unique(smooth_normals(mesh), axis=0, return_inverse=True)
    keys = place * (int(normal.max()) + 2) + np.where(touching, normal.reshape(-1) + 1, 0)
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return split_touching(
        mesh.vertices[first].astype(np.float64), without_bad_faces(which[mesh.faces].astype(np.int32))
    )


def _power_of_two(color: UInt8[ndarray, "h w 3"]) -> int:
    """The sides of a texture as this package makes it, or the next smaller of another's."""
    return 1 << int(np.log2(max(color.shape[:2])))


@dataclass(frozen=True, eq=False)
class _Painted:
    """The mesh that colours come from."""

    surface: Surface
    corners: Float32[ndarray, "f 3 2"]
    """Texture coordinates of each face's corners."""
    color: UInt8[ndarray, "h w 3"]
    reach: float

    def at(
        self, points: Float32[ndarray, "n 3"], normals: Float32[ndarray, "n 3"]
    ) -> tuple[UInt8[ndarray, "n 3"], Bool[ndarray, " n"]]:
        """The colour of the nearest place that looks the way of each point, and where there is one."""
        face, shares = closest(self.surface, points, normals, self.reach)
        uvs = np.einsum("nk,nkc->nc", shares, self.corners[np.maximum(face, 0)])
        return sampled(self.color, uvs), face >= 0


def _painted(mesh: Mesh, uvs: Float32[ndarray, "v 2"], color: UInt8[ndarray, "h w 3"]) -> _Painted:
    low, high = mesh.bounds
    surface = surface_of(mesh.vertices, mesh.faces)
    reach = REACH * float(np.linalg.norm(high - low))
    return _Painted(surface, uvs[mesh.faces], color, reach)


def _carried(
    painted: _Painted, bare: Mesh, texels: Texels, progress: Progress
) -> tuple[UInt8[ndarray, "n 3"], Bool[ndarray, " n"]]:
    """The colours of the texels of ``bare``, and where there are any."""
    colors, found = np.zeros((len(texels.index), 3), np.uint8), np.zeros(len(texels.index), np.bool_)
    for some, part in _chunks(texels):
        progress("painting", 0.9 * some.start / max(len(texels.index), 1), "carrying colours over")
        places = places_of(bare, part)
        colors[some], found[some] = painted.at(places.points, places.normals)
    return colors, found


def _chunks(texels: Texels) -> Iterator[tuple[slice, Texels]]:
    for start in range(0, len(texels.index), _CHUNK):
        some = slice(start, min(start + _CHUNK, len(texels.index)))
        yield (
            some,
            replace(texels, index=texels.index[some], face=texels.face[some], barycentrics=texels.barycentrics[some]),
        )


def _at_most(color: UInt8[ndarray, "h w 3"], size_px: int) -> UInt8[ndarray, "_ _ 3"]:
    """The texture no finer than what is painted from it, which would only take every other texel."""
    if max(color.shape[:2]) <= size_px:
        return color
    return np.asarray(cv2.resize(color, (size_px, size_px), interpolation=cv2.INTER_AREA))


def sampled(image: UInt8[ndarray, "h w 3"], uvs: Float32[ndarray, "n 2"]) -> UInt8[ndarray, "n 3"]:
    """The bilinear colours at texture coordinates."""
    height, width = image.shape[:2]
    rows = -(-len(uvs) // _ROW)
    maps = np.zeros((2, rows * _ROW), np.float32)
    maps[0, : len(uvs)] = uvs[:, 0] * width - 0.5
    maps[1, : len(uvs)] = (1 - uvs[:, 1]) * height - 0.5
    x, y = maps.reshape(2, rows, _ROW)
    found = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape(-1, 3)[: len(uvs)])


_ROW = 1024
"""OpenCV's remap takes pictures of less than 32768 rows and columns: places are laid out in rows of so many."""


def _with_vertex_colors(
    bare: Mesh, painted: _Painted, details: dict[str, int], settings: TextureSettings
) -> TextureResult:
    """Colours by vertex: triangles are too many for the texture."""
    colors, found = painted.at(bare.vertices, smooth_normals(bare))
    own = np.full_like(colors, int(NEUTRAL)) if bare.colors is None else bare.colors
    warning = Reason(
        "texture_not_laid_out",
        f"{len(bare.faces)} triangles do not fit a texture of {settings.size_px} pixels: vertices have colours.",
        "Ask for a larger texture or a mesh of fewer triangles.",
    )
    mesh = replace(bare, colors=np.where(found[:, None], colors, own))
    return TextureResult(mesh, "vertex_colors", (warning,), {**details})
