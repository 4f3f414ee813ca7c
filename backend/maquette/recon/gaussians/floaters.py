"""Find floaters: Gaussians that hang alone in space, or in small groups away from everything else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.spatial import cKDTree

from maquette.recon.gaussians import Gaussians
from maquette.recon.gaussians.clusters import dbscan

_QUERY_ROWS = 65_536


@dataclass(frozen=True, eq=False)
class FloaterFilter:
    """Which Gaussians to keep, how many each rule removed, and the distances (world units) that decided.

    A distance is None where its rule did not apply.
    """

    keep: Bool[ndarray, " n"]
    removed_as_outliers: int
    removed_as_clusters: int
    outlier_distance: float | None
    cluster_distance: float | None

    def as_dict(self) -> dict[str, int | float | None]:
        """The counts and distances, for a record."""
        return {
            "kept": int(self.keep.sum()),
            "removed_as_outliers": self.removed_as_outliers,
            "removed_as_clusters": self.removed_as_clusters,
            "outlier_distance": self.outlier_distance,
            "cluster_distance": self.cluster_distance,
        }


def filter_floaters(
    gaussians: Gaussians, *, k: int = 20, sigmas: float = 2.0, min_cluster_share: float = 0.01
) -> FloaterFilter:
    """Two rules, one after the other, on the centres; together O(n log n) in time and O(n) in memory.

    1. Outliers: the mean distance to the ``k`` nearest neighbours elsewhere is more than ``sigmas`` standard
       deviations above the mean of all (Rusu et al. 2008, section 3.1). Even where nothing floats this takes the
       few per cent that lie most sparsely.
    2. Clusters: of what is left, DBSCAN (Ester et al. 1996) groups that hold under ``min_cluster_share`` of the
       points, and points in no group.

    Fewer than ``k + 1`` different centres say nothing about distances: all are kept. So they are by a rule that would
    leave none. Centres must be finite numbers.
    """
    n = len(gaussians)
    keep = np.ones(n, dtype=bool)
    points = gaussians.means.astype(np.float64)
    # A tree cannot part equal points: a heap of them would cost every query a walk through all of it.
    places, place_of, _ = _distinct(points)
    if len(places) <= k:
        return FloaterFilter(keep, 0, 0, None, None)
    distances = _neighbour_distances(places, k)[place_of]
    outlier_distance = _far(distances, sigmas)
    keep = distances <= outlier_distance
    outliers = n - int(keep.sum())

    # Two neighbours belong together at any distance that rule 1 let pass. Twice the survivors' own spread is the
    # most, though: one centre a thousand scenes away lets anything pass, and would join everything into one group.
    survivors = distances[keep]
    reach = min(float(survivors.max()), 2 * _far(survivors, sigmas))
    clusters = 0
    in_large = _in_large_cluster(points[keep], reach, max(2, k // 2), min_cluster_share)
    if in_large.any():
        clusters = int((~in_large).sum())
        keep[keep] = in_large
    return FloaterFilter(keep, outliers, clusters, outlier_distance, reach)


def _neighbour_distances(places: Float[ndarray, "m 3"], k: int) -> Float[ndarray, " m"]:
    """Mean distance of each place to its ``k`` nearest others, some rows at a time."""
    tree = cKDTree(places)
    means = np.empty(len(places))
    for start in range(0, len(places), _QUERY_ROWS):
        rows = slice(start, start + _QUERY_ROWS)
        found, _ = tree.query(places[rows], k=k + 1, workers=-1)
        means[rows] = found[:, 1:].mean(axis=1)  # the nearest is the place itself
    return means


def _far(distances: Float[ndarray, " n"], sigmas: float) -> float:
    """Mean plus ``sigmas`` standard deviations; a hair more, so that equal distances are never beyond themselves."""
    return float((distances.mean() + sigmas * distances.std()) * (1 + 1e-9))


def _in_large_cluster(
    points: Float[ndarray, "n 3"], reach: float, min_points: int, min_share: float
) -> Bool[ndarray, " n"]:
    """Whether each point belongs to a DBSCAN cluster that holds at least ``min_share`` of all points.

    DBSCAN lists every pair within ``reach``, which is quadratic where points are dense. So it is run on the
    occupied cells of a grid half a ``reach`` wide, each standing at the mean of its points and weighing as many: a
    cell has a few dozen neighbours at most, however many points there are.
    """
    # Whole numbers kept as float64: a far-off point cannot overflow them.
    _, cell_of, weights = _distinct(np.floor(points / (reach / 2)))
    centres = np.stack([np.bincount(cell_of, points[:, axis]) for axis in range(3)], axis=1) / weights[:, None]
    labels = dbscan(centres, weights, reach=reach, min_weight=min_points)
    sizes = np.bincount(labels + 1, weights, minlength=2)
    large = sizes >= min_share * len(points)
    large[0] = False  # label -1: in no cluster
    of_points: Bool[ndarray, " n"] = large[labels + 1][cell_of]
    return of_points


def _distinct(rows: Float[ndarray, "n 3"]) -> tuple[Float[ndarray, "m 3"], Int[ndarray, " n"], Int[ndarray, " m"]]:
    """The different rows, which of them each row is, and how often each occurs."""
    order = np.lexsort(rows.T)
    ordered = rows[order]
    first = np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)])[: len(rows)]
    which = np.empty(len(rows), dtype=np.int64)
    which[order] = np.cumsum(first) - 1
    return ordered[first], which, np.bincount(which)
