"""Texels as places on the surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int32, Int64, UInt8
from numpy import ndarray

from maquette.recon.mesh import raster_fill
from maquette.recon.mesh.cleaning import vertex_normals
from maquette.recon.mesh.mesh import Mesh
from maquette.recon.mesh.raster import fill_flat
from maquette.recon.rasterize.compiled import kernel


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
