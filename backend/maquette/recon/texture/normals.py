"""A normal map: the directions that a finer surface has where a mesh of few triangles is smooth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, UInt8
from numpy import ndarray
from scipy.sparse import coo_matrix

from maquette.recon.mesh.cleaning import vertex_normals
from maquette.recon.mesh.closest import closest, surface_of
from maquette.recon.mesh.mesh import Mesh
from maquette.recon.texture.filling import gutter_filled
from maquette.recon.texture.tangents import Frames, frames_at, tangents_of
from maquette.recon.texture.texels import Texels, chunks_of, places_of

FLAT = (128, 128, 255)
"""The surface itself."""
REACH = 0.01
"""How far the finer surface may lie from the mesh, in diagonals of its box."""
TELLING_DEG = 3.0
"""Angle between the two surfaces' normals from which a light shows the difference."""
TELLING_SHARE = 0.05
"""Share of the texels that have to differ so, or the map says nothing and is left out."""
_SMOOTHINGS = 2
"""Rounds of averaging the finer surface's normals over neighbours: marching cubes leaves steps in them."""


@dataclass(frozen=True, eq=False)
class NormalMap:
    """The map and how much it says."""

    pixels: UInt8[ndarray, "h w 3"]
    """Tangent space, +y up; 128, 128, 255 is the surface itself."""
    mean_angle_deg: float
    """Between the normals of the finer surface and of the mesh, over all texels on triangles."""
    telling_share: float
    """Of those texels, where it is more than :data:`TELLING_DEG`."""
    found_share: float
    """Of those texels, where the finer surface was found."""

    @property
    def adds(self) -> bool:
        """Whether it shows anything that the mesh itself does not."""
        return self.telling_share >= TELLING_SHARE


def bake_normals(mesh: Mesh, texels: Texels, detailed: Mesh) -> NormalMap:
    """The normals of ``detailed`` at the texels of ``mesh``, which has uvs, in its frames of
    :mod:`~maquette.recon.texture.tangents`.

    Each texel takes that of the nearest place that looks its way; where there is none it is flat. Memory: 6 bytes a
    texel of the surface, 200 a face of ``detailed``. Raises ``texture_without_uvs``.
    """
    tangents = tangents_of(mesh)
    surface = surface_of(detailed.vertices, detailed.faces)
    fine = _averaged(vertex_normals(detailed.vertices, detailed.faces), detailed.faces)
    low, high = mesh.bounds
    reach = REACH * float(np.linalg.norm(high - low))
    pixels = np.empty((len(texels.index), 3), np.uint8)
    angles = telling = found = 0.0
    for some, part in chunks_of(texels):
        places = places_of(mesh, part)
        face, shares = closest(surface, places.points, places.normals, reach)
        there = face >= 0
        wanted = np.einsum("nk,nkc->nc", shares, fine[detailed.faces[np.maximum(face, 0)]])
        wanted = np.where(there[:, None], wanted, places.normals)
        wanted /= np.maximum(np.linalg.norm(wanted, axis=1, keepdims=True), 1e-12)
        angle = np.degrees(np.arccos(np.clip((wanted * places.normals).sum(axis=1), -1, 1)))
        angles, telling, found = angles + angle.sum(), telling + (angle > TELLING_DEG).sum(), found + there.sum()
        pixels[some] = encoded(frames_at(mesh, tangents, part.face, part.barycentrics), wanted)
    count = max(len(texels.index), 1)
    return NormalMap(
        gutter_filled(texels, pixels, FLAT), float(angles / count), float(telling / count), float(found / count)
    )


def encoded(frames: Frames, directions: Float32[ndarray, "n 3"]) -> UInt8[ndarray, "n 3"]:
    """Directions in the world as numbers of a normal map; those that point into the surface lie flat on it."""
    across, up = np.cross(frames.bitangents, frames.normals), np.cross(frames.normals, frames.tangents)
    out = np.cross(frames.tangents, frames.bitangents)
    # Rows of the inverse, but for a factor: the frame is not quite rectangular between corners
    told = np.stack([(side * directions).sum(axis=1) for side in (across, up, out)], axis=1)
    told[:, 2] = np.maximum(told[:, 2], 0)
    told /= np.maximum(np.linalg.norm(told, axis=1, keepdims=True), 1e-12)
    return np.rint((told + 1) * 127.5).astype(np.uint8)


def decoded(frames: Frames, pixels: UInt8[ndarray, "n 3"]) -> Float32[ndarray, "n 3"]:
    """Unit directions in the world that numbers of a normal map mean."""
    told = pixels.astype(np.float32) / np.float32(127.5) - 1
    mixed = told[:, :1] * frames.tangents + told[:, 1:2] * frames.bitangents + told[:, 2:] * frames.normals
    return np.asarray(mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-12), np.float32)


def _averaged(normals: Float32[ndarray, "v 3"], faces: Int32[ndarray, "f 3"]) -> Float32[ndarray, "v 3"]:
    a, b = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    size = (len(normals), len(normals))
    links = coo_matrix((np.ones(2 * len(a), np.float32), (np.r_[a, b], np.r_[b, a])), shape=size).tocsr()
    for _ in range(_SMOOTHINGS):
        total = 2 * normals + (links @ normals) / np.maximum(np.asarray(links.sum(axis=1)), 1)
        normals = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    return np.asarray(normals, np.float32)
