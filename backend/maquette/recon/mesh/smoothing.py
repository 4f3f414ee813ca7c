"""Bumps taken off a surface that views disagree about, without shrinking it (Taubin 1995, lambda | mu)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int32
from numpy import ndarray
from scipy.sparse import coo_matrix, diags_array

from maquette.recon.mesh.topology import border, half_edges

INWARDS, OUTWARDS = 0.5, -0.53
"""Taubin's lambda and mu: the second, larger step undoes the shrinking of the first for all but small bumps."""
ROUNDS_FOR_NOISE = 8.0
"""Rounds for a disagreement of one voxel."""
MOST_ROUNDS = 16


def rounds_for(disagreement: float, voxel: float) -> int:
    """How many rounds a surface needs whose views disagree by so much (same unit as ``voxel``): none, no smoothing."""
    return min(MOST_ROUNDS, round(ROUNDS_FOR_NOISE * disagreement / voxel))


def smoothed(vertices: Float64[ndarray, "v 3"], faces: Int32[ndarray, "f 3"], rounds: int) -> Float64[ndarray, "v 3"]:
    """The vertices after ``rounds`` steps in and out. Those on open borders only follow their neighbours along it."""
    if rounds == 0 or len(faces) == 0:
        return vertices
    start, end = half_edges(faces)
    open_edges = border(faces)
    at_border = np.zeros(len(vertices), np.bool_)
    at_border[start[open_edges]] = at_border[end[open_edges]] = True
    follows = ~at_border[start] | open_edges
    led = ~at_border[end] | open_edges
    rows = np.concatenate([start[follows], end[led]])
    columns = np.concatenate([end[follows], start[led]])
    size = (len(vertices), len(vertices))
    neighbours = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=size).tocsr()
    neighbours.data[:] = 1  # both faces of an edge name it
    count = np.asarray(neighbours.sum(axis=1)).reshape(-1)
    mean = diags_array(1 / np.maximum(count, 1)) @ neighbours
    alone = (count == 0)[:, None]
    for _ in range(rounds):
        for step in (INWARDS, OUTWARDS):
            vertices = np.where(alone, vertices, vertices + step * (mean @ vertices - vertices))
    return vertices
