"""Groups of points that lie close together: DBSCAN (Ester et al. 1996, section 4), with weights."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree


def dbscan(
    points: Float[ndarray, "n 3"], weights: Int[ndarray, " n"], *, reach: float, min_weight: int
) -> Int[ndarray, " n"]:
    """The cluster of each point, counted from 0 in the order of their first core points; -1: in none.

    A core point has ``min_weight`` within ``reach``, its own included. Core points within ``reach`` of each other
    share a cluster; of those that another point can be reached from, it belongs to the first. Every pair within
    ``reach`` is listed: 16 bytes each.
    """
    n = len(points)
    pairs = cKDTree(points).query_pairs(reach, output_type="ndarray")
    one, other = pairs[:, 0], pairs[:, 1]
    around = weights + np.bincount(one, weights[other], n) + np.bincount(other, weights[one], n)
    core = around >= min_weight

    both = core[one] & core[other]
    graph = coo_array((np.ones(int(both.sum()), np.bool_), (one[both], other[both])), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    _, first, cluster_of = np.unique(component[core], return_index=True, return_inverse=True)
    labels = np.full(n, -1)
    labels[core] = np.argsort(np.argsort(first))[cluster_of]

    edges = np.concatenate([pairs, pairs[:, ::-1]])
    edges = edges[core[edges[:, 0]] & ~core[edges[:, 1]]]
    nearest = np.full(n, n)
    np.minimum.at(nearest, edges[:, 1], labels[edges[:, 0]])
    return np.where(nearest < n, nearest, labels)
