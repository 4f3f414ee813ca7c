"""The frame in which a normal map's numbers are meant: at each place the texture's directions on the surface.

As MikkTSpace has it (Mikkelsen 2008, "Simulation of Wrinkled Surfaces Revisited"), which is what glTF 2.0 has readers
compute where a file gives no tangents: each face's direction of growing u, laid into the plane of a corner's normal,
weighted by the face's angle there; between corners tangent and normal are mixed and not made unit length again, and
the bitangent is normal x tangent. No chart of ours is mirrored, so its sign is always plus.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int32
from numpy import ndarray

from maquette.recon.mesh.mesh import Mesh
from maquette.recon.mesh.raster_shading import TextureWithoutUvsError
from maquette.recon.texture.texels import interpolate, smooth_normals


@dataclass(frozen=True, eq=False)
class Frames:
    """Three directions at each place, as they are mixed between corners."""

    tangents: Float32[ndarray, "n 3"]
    bitangents: Float32[ndarray, "n 3"]
    normals: Float32[ndarray, "n 3"]


def frames_at(
    mesh: Mesh, tangents: Float32[ndarray, "v 3"], face: Int32[ndarray, " n"], barycentrics: Float32[ndarray, "n 3"]
) -> Frames:
    """The frames at places on faces of ``mesh``."""
    along, out = np.empty((len(face), 3), np.float32), np.empty((len(face), 3), np.float32)
    interpolate(tangents, mesh.faces, face, barycentrics, along)
    interpolate(smooth_normals(mesh), mesh.faces, face, barycentrics, out)
    return Frames(along, np.cross(out, along).astype(np.float32), out)


def tangents_of(mesh: Mesh) -> Float32[ndarray, "v 3"]:
    """Unit tangents of the vertices of ``mesh``, which stand twice along seams. Raises ``texture_without_uvs``."""
    if mesh.uvs is None:
        raise TextureWithoutUvsError(
            "Tangents were asked of a mesh without texture coordinates.", suggestion="Give uvs, one for each vertex."
        )
    normals = smooth_normals(mesh).astype(np.float64)
    corners, flat = mesh.vertices.astype(np.float64)[mesh.faces], mesh.uvs.astype(np.float64)[mesh.faces]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    (du1, dv1), (du2, dv2) = (flat[:, k].T - flat[:, 0].T for k in (1, 2))
    turned = np.sign(du1 * dv2 - du2 * dv1)
    along = _unit(turned[:, None] * (dv2[:, None] * first - dv1[:, None] * second))
    total = np.zeros((len(mesh.vertices), 3))
    for corner in range(3):
        vertex = mesh.faces[:, corner]
        normal = normals[vertex]
        ahead, behind = (
            _unit(_across(corners[:, (corner + step) % 3] - corners[:, corner], normal)) for step in (1, 2)
        )
        angle = np.arccos(np.clip((ahead * behind).sum(axis=1), -1, 1))
        part = angle[:, None] * _unit(_across(along, normal))
        for axis in range(3):
            total[:, axis] += np.bincount(vertex, part[:, axis], minlength=len(total))
    # Where faces cancel out or have no area, any direction across the normal is as good as another
    helper = np.where(np.abs(normals[:, :1]) < 0.8, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    lost = np.linalg.norm(total, axis=1, keepdims=True) < 1e-9
    return _unit(np.where(lost, np.cross(normals, helper), total)).astype(np.float32)


def _across(vectors: Float64[ndarray, "n 3"], normals: Float64[ndarray, "n 3"]) -> Float64[ndarray, "n 3"]:
    """What of the vectors lies in the plane of unit normals."""
    inside: Float64[ndarray, "n 3"] = vectors - (vectors * normals).sum(axis=1, keepdims=True) * normals
    return inside


def _unit(vectors: Float64[ndarray, "n 3"]) -> Float64[ndarray, "n 3"]:
    unit: Float64[ndarray, "n 3"] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-300)
    return unit
