"""Texels as places on the surface."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int32, Int64, UInt8
from numpy import ndarray

from maquette.recon.mesh import raster_fill
from maquette.recon.mesh.cleaning import vertex_normals
from maquette.recon.mesh.mesh import Mesh
from maquette.recon.mesh.raster import fill_flat
from maquette.recon.rasterize.compiled import kernel

_CHUNK = 1 << 20
_ROW = 1024
"""OpenCV's remap takes pictures of less than 32768 rows and columns: places are laid out in rows of so many."""


@dataclass(frozen=True, eq=False)
class Places:
    """Where on a mesh something is to be painted: points and normals in world units, 24 bytes each."""

    points: Float32[ndarray, "n 3"]
    normals: Float32[ndarray, "n 3"]
    """Unit length, outwards."""
    spacing: float
    """Typical distance of two neighbours, world units: what a photo's pixels are held against."""


@dataclass(frozen=True, eq=False)
class Texels:
    """The texels whose middles lie on triangles."""

    size_px: int
    index: Int64[ndarray, " n"]
    """Row by row from the top of the texture."""
    face: Int32[ndarray, " n"]
    barycentrics: Float32[ndarray, "n 3"]


def texels_of(uvs: Float32[ndarray, "m 2"], faces: Int32[ndarray, "f 3"], size_px: int) -> Texels:
    """Rasterise faces in the texture; where two overlap the first has the texel."""
    filled = fill_flat(pixels_of(uvs, size_px), faces, size_px, size_px)
    index = np.flatnonzero(filled.face >= 0)
    barycentrics = np.empty((size_px, size_px, 3), np.float32)
    raster_fill.resolve(filled.planes, filled.face, barycentrics)
    return Texels(size_px, index, filled.face.ravel()[index], barycentrics.reshape(-1, 3)[index])


def chunks_of(texels: Texels) -> Iterator[tuple[slice, Texels]]:
    """The texels a million at a time, and which they are."""
    for start in range(0, len(texels.index), _CHUNK):
        some = slice(start, min(start + _CHUNK, len(texels.index)))
        part = replace(texels, index=texels.index[some], face=texels.face[some], barycentrics=texels.barycentrics[some])
        yield some, part


def pixels_of(uvs: Float32[ndarray, "m 2"], size_px: int) -> Float[ndarray, "m 2"]:
    """Texture coordinates (v up) in pixels of the image (y down)."""
    pixels: Float[ndarray, "m 2"] = np.stack([uvs[:, 0] * size_px, (1 - uvs[:, 1]) * size_px], axis=1)
    return pixels


def places_of(mesh: Mesh, texels: Texels) -> Places:
    """Points and smooth normals of texels; ``mesh`` has the faces the texels name, before seams were cut."""
    normals = smooth_normals(mesh)
    points, turned = np.empty((len(texels.index), 3), np.float32), np.empty((len(texels.index), 3), np.float32)
    interpolate(mesh.vertices, mesh.faces, texels.face, texels.barycentrics, points)
    interpolate(normals, mesh.faces, texels.face, texels.barycentrics, turned)
    turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12)
    return Places(points, turned, float(np.sqrt(face_areas(mesh).sum() / max(len(points), 1))))


def colors_at(mesh: Mesh, texels: Texels) -> UInt8[ndarray, "n 3"] | None:
    """The mesh's own vertex colours at texels, where it has some."""
    if mesh.colors is None:
        return None
    mixed = np.empty((len(texels.index), 3), np.float32)
    interpolate(mesh.colors.astype(np.float32), mesh.faces, texels.face, texels.barycentrics, mixed)
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


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


def smooth_normals(mesh: Mesh) -> Float32[ndarray, "v 3"]:
    """The mesh's own, else what its faces say."""
    return vertex_normals(mesh.vertices, mesh.faces) if mesh.normals is None else mesh.normals


def face_areas(mesh: Mesh) -> Float[ndarray, " f"]:
    """World units squared."""
    a, b, c = (mesh.vertices[mesh.faces[:, corner]].astype(np.float64) for corner in range(3))
    areas: Float[ndarray, " f"] = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    return areas


@kernel
def interpolate(values: ndarray, faces: ndarray, face: ndarray, barycentrics: ndarray, out: ndarray) -> None:
    """Values (v, 3) of vertices at places given by face and barycentrics."""
    for i in range(face.shape[0]):
        a, b, c = faces[face[i], 0], faces[face[i], 1], faces[face[i], 2]
        p, q, r = barycentrics[i, 0], barycentrics[i, 1], barycentrics[i, 2]
        for k in range(3):
            out[i, k] = p * values[a, k] + q * values[b, k] + r * values[c, k]
