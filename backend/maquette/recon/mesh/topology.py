"""How triangles hang together: edges, open borders, parts, and the vertices where sheets only touch."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int, Int32
from numpy import ndarray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def half_edges(faces: Int32[ndarray, "f 3"]) -> tuple[Int[ndarray, " h"], Int[ndarray, " h"]]:
    """Start and end vertex of the three directed edges of each face: edge k of face f is row 3 f + k."""
    return faces.reshape(-1), faces[:, [1, 2, 0]].reshape(-1)


def edge_counts(faces: Int32[ndarray, "f 3"]) -> tuple[Int[ndarray, " h"], Int[ndarray, " e"]]:
    """For each half edge which undirected edge it is, and how many half edges each of these has."""
    start, end = (side.astype(np.int64) for side in half_edges(faces))
    names = np.minimum(start, end) * (int(faces.max(initial=0)) + 1) + np.maximum(start, end)
    _, which, counts = np.unique(names, return_inverse=True, return_counts=True)
    return which, counts


def border(faces: Int32[ndarray, "f 3"]) -> Bool[ndarray, " h"]:
    """Which half edges have no other face at their edge."""
    which, counts = edge_counts(faces)
    return np.asarray(counts[which] == 1)


def parts(faces: Int32[ndarray, "f 3"], vertices: int) -> tuple[int, Int32[ndarray, " f"]]:
    """How many parts there are that share no vertex, and which one each face belongs to."""
    start, end = half_edges(faces)
    graph = coo_matrix((np.ones(len(start), np.bool_), (start, end)), shape=(vertices, vertices))
    _, label = connected_components(graph, directed=False)
    used, of_faces = np.unique(label[faces[:, 0]], return_inverse=True)
    return len(used), of_faces.astype(np.int32)


def areas(vertices: Float[ndarray, "v 3"], faces: Int32[ndarray, "f 3"]) -> Float[ndarray, " f"]:
    """Area of each face, squared units of the vertices."""
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2)


def volume(vertices: Float[ndarray, "v 3"], faces: Int32[ndarray, "f 3"]) -> float:
    """What closed faces enclose, cubic units; positive where they are counter-clockwise seen from outside."""
    middle = vertices.astype(np.float64).mean(axis=0)
    a, b, c = (vertices[faces[:, k]].astype(np.float64) - middle for k in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def compacted(
    vertices: Float[ndarray, "v 3"], faces: Int32[ndarray, "f 3"]
) -> tuple[Float[ndarray, "w 3"], Int32[ndarray, "f 3"]]:
    """The same faces without the vertices that none uses."""
    used, renamed = np.unique(faces, return_inverse=True)
    return vertices[used], renamed.reshape(faces.shape).astype(np.int32)


def without_bad_faces(faces: Int32[ndarray, "f 3"]) -> Int32[ndarray, "g 3"]:
    """The faces without those that name a vertex twice, repeat another, or meet more than one other at an edge.

    What is left has at every edge one face, or two that run along it in opposite directions.
    """
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    faces = faces[np.sort(first)]
    while len(faces):
        which, counts = edge_counts(faces)
        start, end = half_edges(faces)
        forward = np.bincount(which, weights=start < end, minlength=len(counts))
        bad = (counts > 2) | ((counts == 2) & (forward != 1))
        at = bad[which].reshape(-1, 3).any(axis=1)
        if not at.any():
            break
        faces = faces[~at]
    return faces


def split_touching(
    vertices: Float[ndarray, "v 3"], faces: Int32[ndarray, "f 3"]
) -> tuple[Float[ndarray, "w 3"], Int32[ndarray, "f 3"]]:
    """A vertex of its own for each fan of faces that only touches another there: then borders never cross.

    The corners of two faces are one vertex where the faces share an edge that ends there.
    """
    if len(faces) == 0:
        return vertices, faces
    which, counts = edge_counts(faces)
    order = np.argsort(which, kind="stable")
    shared = order[counts[which[order]] == 2].reshape(-1, 2)
    one, other = shared[:, 0], shared[:, 1]
    corner, following = np.arange(3 * len(faces)), np.arange(3 * len(faces)).reshape(-1, 3)[:, [1, 2, 0]].reshape(-1)
    # The two half edges run in opposite directions: the start of one is the end of the other
    pairs = np.concatenate(
        [np.stack([corner[one], following[other]], axis=1), np.stack([following[one], corner[other]], axis=1)]
    )
    size = len(corner)
    graph = coo_matrix((np.ones(len(pairs), np.bool_), (pairs[:, 0], pairs[:, 1])), shape=(size, size))
    _, fan = connected_components(graph, directed=False)
    _, first = np.unique(fan, return_index=True)
    return vertices[faces.reshape(-1)[first]], fan.reshape(-1, 3).astype(np.int32)
