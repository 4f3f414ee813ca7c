"""A textured mesh of fewer triangles: decimated, laid out anew, painted from the mesh it was made of."""

from __future__ import annotations

import time
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
from maquette.recon.texture.normals import FLAT, decoded, encoded
from maquette.recon.texture.settings import TextureSettings
from maquette.recon.texture.tangents import frames_at, tangents_of
from maquette.recon.texture.texels import Places, Texels, chunks_of, places_of, sampled, smooth_normals, texels_of
from maquette.recon.texture.unwrapping import cut_open, unwrap

FEWEST = 4
"""Triangles of the smallest closed mesh."""
REACH = 0.02
"""How far decimation may have moved the surface, in diagonals of its box: what lies further is another surface."""
_CRACK = 16.0
"""Largest hole that decimation is taken to have torn, in mean areas of its triangles."""


class BadTriangleCountError(BadInputError):
    """So few triangles are no mesh."""

    code = "bad_triangle_count"


def decimated(
    mesh: Mesh, triangles: int, progress: Progress = silent, *, size_px: int | None = None, unwrap_s: float = 120.0
) -> TextureResult:
    """``mesh`` with at most ``triangles`` faces and its texture, which gets sides of ``size_px`` (default: the same).

    Each texel has the colour of the nearest place of ``mesh`` that looks its way, bilinear; where there is none it is
    filled as baking fills what no photo shows. A normal map is carried over as the directions that it means. A mesh
    without texture stays one. ``observed_share`` is that of ``mesh``.

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
        whole = _painted(mesh, mesh.uvs, replace(texture, normal_map=None), max(texture.color.shape))
        return _with_vertex_colors(bare, whole, details, settings)
    painted = _painted(mesh, mesh.uvs, texture, settings.size_px)
    texels = texels_of(laid_out.uvs, laid_out.faces, settings.size_px)
    small = cut_open(bare, laid_out)
    colors, normals, found = _carried(painted, small, texels, progress)
    progress("painting", 0.9, "closing the gaps between charts")
    filled = fill_unseen(bare, texels, laid_out.chart, colors, found)
    normal_map = None if normals is None else gutter_filled(texels, normals, FLAT)
    carried = Texture(gutter_filled(texels, filled), normal_map, texture.observed_share)
    progress("painting", 1.0, f"{len(bare.faces)} triangles")
    return TextureResult(
        replace(small, texture=carried),
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
    kept, large, _ = cleaning.largest_parts(vertices, faces, 0.0)
    if len(large):  # else all of it is small, and meant
        vertices, faces = kept, large
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

    mesh: Mesh
    surface: Surface
    corners: Float32[ndarray, "f 3 2"]
    """Texture coordinates of each face's corners."""
    color: UInt8[ndarray, "h w 3"]
    normals: tuple[UInt8[ndarray, "_ _ 3"], Float32[ndarray, "v 3"]] | None
    """The normal map and the tangents of its vertices, where there is one."""
    reach: float

    def at(self, places: Places) -> tuple[Int32[ndarray, " n"], Float32[ndarray, "n 3"], Float32[ndarray, "n 2"]]:
        """The nearest place that looks the way of each: its face (-1: none), barycentrics, texture coordinates."""
        face, shares = closest(self.surface, places.points, places.normals, self.reach)
        return face, shares, np.einsum("nk,nkc->nc", shares, self.corners[np.maximum(face, 0)])


def _painted(mesh: Mesh, uvs: Float32[ndarray, "v 2"], texture: Texture, size_px: int) -> _Painted:
    low, high = mesh.bounds
    surface = surface_of(mesh.vertices, mesh.faces)
    reach = REACH * float(np.linalg.norm(high - low))
    normals = None if texture.normal_map is None else (texture.normal_map, tangents_of(mesh))
    return _Painted(mesh, surface, uvs[mesh.faces], _at_most(texture.color, size_px), normals, reach)


def _carried(
    painted: _Painted, small: Mesh, texels: Texels, progress: Progress
) -> tuple[UInt8[ndarray, "n 3"], UInt8[ndarray, "n 3"] | None, Bool[ndarray, " n"]]:
    """Colours and numbers of a normal map for the texels of ``small``, and where there are any."""
    count = len(texels.index)
    colors, found = np.zeros((count, 3), np.uint8), np.zeros(count, np.bool_)
    normals = None if painted.normals is None else np.zeros((count, 3), np.uint8)
    tangents = None if normals is None else tangents_of(small)
    for some, part in chunks_of(texels):
        progress("painting", 0.9 * some.start / max(count, 1), "carrying colours over")
        places = places_of(small, part)
        face, shares, uvs = painted.at(places)
        colors[some], found[some] = sampled(painted.color, uvs), face >= 0
        if normals is not None and tangents is not None and painted.normals is not None:
            normal_map, of_mesh = painted.normals
            there = frames_at(painted.mesh, of_mesh, np.maximum(face, 0), shares)
            meant = decoded(there, sampled(normal_map, uvs))
            meant = np.where(found[some, None], meant, places.normals)
            normals[some] = encoded(frames_at(small, tangents, part.face, part.barycentrics), meant)
    return colors, normals, found


def _at_most(color: UInt8[ndarray, "h w 3"], size_px: int) -> UInt8[ndarray, "_ _ 3"]:
    """The texture no finer than what is painted from it, which would only take every other texel."""
    if max(color.shape[:2]) <= size_px:
        return color
    return np.asarray(cv2.resize(color, (size_px, size_px), interpolation=cv2.INTER_AREA))


def _with_vertex_colors(
    bare: Mesh, painted: _Painted, details: dict[str, int], settings: TextureSettings
) -> TextureResult:
    """Colours by vertex: triangles are too many for the texture."""
    face, _, uvs = painted.at(Places(bare.vertices, smooth_normals(bare), 0.0))
    colors, found = sampled(painted.color, uvs), face >= 0
    own = np.full_like(colors, int(NEUTRAL)) if bare.colors is None else bare.colors
    warning = Reason(
        "texture_not_laid_out",
        f"{len(bare.faces)} triangles do not fit a texture of {settings.size_px} pixels: vertices have colours.",
        "Ask for a larger texture or a mesh of fewer triangles.",
    )
    mesh = replace(bare, colors=np.where(found[:, None], colors, own))
    return TextureResult(mesh, "vertex_colors", (warning,), {**details})
