"""A mesh cut by a plane: triangles across it are cut, those behind it go (Sutherland and Hodgman 1974)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from numpy import ndarray

from maquette.recon.mesh import Mesh


def clip(mesh: Mesh, normal: Float[ndarray, 3], height: float) -> Mesh:
    """What of ``mesh`` lies where ``normal . x >= height``. The cut stays open, and vertices on it are shared.

    Normals, colours and texture coordinates are interpolated along the cut edges. Vertices that no face uses any
    more are gone.
    """
    beyond = mesh.vertices.astype(np.float64) @ normal - height
    inside = beyond >= 0
    count = inside[mesh.faces].sum(axis=1)
    if (count == 3).all():
        return mesh
    # Each face that is cut is turned until its corner that is alone on its side comes first; the order stays.
    one, two = mesh.faces[count == 1], mesh.faces[count == 2]
    one, two = _alone_first(one, inside[one]), _alone_first(two, ~inside[two])
    edges = np.concatenate([one[:, [0, 1]], one[:, [0, 2]], two[:, [0, 1]], two[:, [0, 2]]])
    cut, cut_of = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    first, second, third, fourth = np.split(len(beyond) + cut_of.reshape(-1), np.cumsum([len(one), len(one), len(two)]))
    faces = np.concatenate(
        [
            mesh.faces[count == 3],
            np.column_stack([one[:, 0], first, second]),
            np.column_stack([third, two[:, 1], two[:, 2]]),
            np.column_stack([third, two[:, 2], fourth]),
        ]
    )
    share = beyond[cut[:, 0]] / (beyond[cut[:, 0]] - beyond[cut[:, 1]])
    corners = np.concatenate([mesh.vertices, _between(mesh.vertices, cut, share)])[faces]
    # Corners on the plane leave faces without area.
    flat = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) == 0
    used, faces_of_used = np.unique(faces[~flat], return_inverse=True)

    def carried(values: Shaped[ndarray, "v c"]) -> Shaped[ndarray, "u c"]:
        return np.asarray(np.concatenate([values, _between(values, cut, share)])[used])

    return Mesh(
        vertices=carried(mesh.vertices),
        faces=faces_of_used.reshape(-1, 3).astype(np.int32),
        normals=None if mesh.normals is None else _unit(carried(mesh.normals)),
        colors=None if mesh.colors is None else carried(mesh.colors),
        uvs=None if mesh.uvs is None else carried(mesh.uvs),
        texture=mesh.texture,
    )


def _between(
    values: Shaped[ndarray, "v c"], edges: Int[ndarray, "e 2"], share: Float[ndarray, " e"]
) -> Shaped[ndarray, "e c"]:
    """Values on ``edges``, ``share`` of the way along, of the same type."""
    between = values[edges[:, 0]] * (1 - share)[:, None] + values[edges[:, 1]] * share[:, None]
    return np.asarray(np.rint(between) if values.dtype == np.uint8 else between, dtype=values.dtype)


def _alone_first(faces: Int[ndarray, "f 3"], alone: Bool[ndarray, "f 3"]) -> Int[ndarray, "f 3"]:
    turns = (np.argmax(alone, axis=1)[:, None] + np.arange(3)) % 3
    return np.take_along_axis(faces, turns, axis=1)


def _unit(normals: Float[ndarray, "n 3"]) -> Float[ndarray, "n 3"]:
    lengths = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return np.asarray(normals / lengths, dtype=normals.dtype)
