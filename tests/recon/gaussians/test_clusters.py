"""Clusters against their definition, point by point."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.recon.gaussians.clusters import dbscan


def defined(points: np.ndarray, weights: np.ndarray, reach: float, min_weight: int) -> np.ndarray:
    """As Ester et al. write it: from each core point not yet seen, walk to all that can be reached."""
    near = np.linalg.norm(points[:, None] - points[None], axis=2) <= reach
    core = near @ weights >= min_weight
    labels = np.full(len(points), -1)
    for seed in np.flatnonzero(core):
        if labels[seed] >= 0:
            continue
        cluster, waiting = labels.max() + 1, [seed]
        labels[seed] = cluster
        while waiting:
            for found in np.flatnonzero(near[waiting.pop()] & (labels < 0)):
                labels[found] = cluster
                if core[found]:
                    waiting.append(found)
    return labels


@pytest.mark.parametrize("seed", range(40))
def test_clusters_are_those_of_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 150))
    # Every other one on a grid, where many distances are the reach exactly and points lie on each other.
    points = rng.uniform(0, 1, (count, 3)) if seed % 2 else rng.integers(0, 5, (count, 3)).astype(float)
    weights = rng.integers(1, 5, count)
    reach, min_weight = float(rng.choice([0.1, 0.2, 0.3, 1.0])), int(rng.integers(1, 14))
    found = dbscan(points, weights, reach=reach, min_weight=min_weight)
    np.testing.assert_array_equal(found, defined(points, weights, reach, min_weight))


def test_where_nothing_is_dense_nothing_is_in_a_cluster() -> None:
    points = np.arange(12.0).reshape(4, 3)
    assert (dbscan(points, np.ones(4, np.int64), reach=0.5, min_weight=2) == -1).all()
