"""Known floaters are found, nothing else is, and dense models cost no more than sparse ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from maquette.recon.gaussians import Gaussians, floaters
from maquette.recon.gaussians.clusters import dbscan
from maquette.recon.gaussians.floaters import filter_floaters


def model(points: np.ndarray) -> Gaussians:
    n = len(points)
    return Gaussians(
        means=points.astype(np.float32),
        log_scales=np.zeros((n, 3), np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (n, 1)),
        opacity_logits=np.zeros(n, np.float32),
        sh=np.zeros((n, 1, 3), np.float32),
    )


def shell(rng: np.random.Generator, count: int) -> np.ndarray:
    """Points on the unit sphere: a surface, as models are."""
    points = rng.normal(size=(count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def blob(rng: np.random.Generator, count: int, centre: tuple[float, float, float]) -> np.ndarray:
    return np.array(centre) + 0.05 * rng.normal(size=(count, 3))


def test_known_floaters_are_removed_and_the_surface_stays() -> None:
    rng = np.random.default_rng(0)
    alone = 1.8 * shell(rng, 40)
    small, large = blob(rng, 30, (3, 0, 0)), blob(rng, 300, (0, 3, 0))
    points = np.concatenate([shell(rng, 5000), alone, small, large])
    result = filter_floaters(model(points))
    surface, lonely, few, many = np.split(result.keep, [5000, 5040, 5070])
    assert surface.mean() > 0.995
    assert not lonely.any()
    assert not few.any()
    assert many.mean() > 0.95
    assert result.removed_as_outliers >= 40
    assert result.removed_as_clusters >= 30
    assert result.removed_as_outliers + result.removed_as_clusters == (~result.keep).sum()
    assert result.as_dict()["kept"] == result.keep.sum()


@pytest.mark.parametrize(("share", "kept"), [(0.01, False), (0.002, True)])
def test_the_share_decides_which_clusters_stay(share: float, kept: bool) -> None:
    rng = np.random.default_rng(1)
    points = np.concatenate([shell(rng, 5000), blob(rng, 30, (3, 0, 0))])
    result = filter_floaters(model(points), min_cluster_share=share)
    assert (result.keep[5000:].mean() > 0.8) == kept
    assert result.keep[:5000].mean() > 0.96  # 2 sigma cut into any spread, even where nothing floats


def test_one_centre_far_away_hides_no_cluster() -> None:
    """It alone makes mean and deviation huge; the groups must still be told apart."""
    rng = np.random.default_rng(2)
    points = np.concatenate([shell(rng, 5000), blob(rng, 30, (3, 0, 0)), [[1e6, 0, 0]]])
    result = filter_floaters(model(points))
    assert result.removed_as_outliers == 1
    assert not result.keep[5000:].any()
    assert result.keep[:5000].mean() > 0.96  # 2 sigma cut into any spread, even where nothing floats


def test_scale_order_and_place_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    points = np.concatenate([shell(rng, 2000), 2 * shell(rng, 20)])
    keep = filter_floaters(model(points)).keep
    order = rng.permutation(len(points))
    np.testing.assert_array_equal(filter_floaters(model(points[order])).keep, keep[order])
    np.testing.assert_array_equal(filter_floaters(model(points * 1024)).keep, keep)


@pytest.mark.parametrize("count", [0, 1, 20])
def test_too_few_to_judge_are_all_kept(count: int) -> None:
    result = filter_floaters(model(np.random.default_rng(4).normal(size=(count, 3))))
    assert result.keep.all()
    assert result.keep.shape == (count,)
    assert (result.removed_as_outliers, result.removed_as_clusters) == (0, 0)
    assert result.outlier_distance is None


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((500, 3)),
        np.repeat(np.arange(20.0)[:, None], 25, axis=0) * [1, 0, 0],
        np.stack(np.meshgrid(*[np.arange(6.0)] * 3), axis=-1).reshape(-1, 3),
        np.arange(21.0)[:, None] * [1, 1, 0],
        np.random.default_rng(5).standard_cauchy((400, 3)),
        10.0 ** np.arange(38)[:, None] * [1, 0, 0],
    ],
    ids=["one place", "20 places", "lattice", "21 in a row", "heavy tails", "every scale"],
)
def test_never_everything_is_dropped(points: np.ndarray) -> None:
    result = filter_floaters(model(points))
    assert result.keep.any()
    assert result.keep.sum() + result.removed_as_outliers + result.removed_as_clusters == len(points)


def test_only_small_clusters_are_all_kept() -> None:
    """200 groups of half a percent each: the rule would leave nothing, so it does not apply."""
    rng = np.random.default_rng(6)
    corners = rng.uniform(-100, 100, (200, 3))
    points = (corners[:, None] + 0.01 * rng.normal(size=(200, 25, 3))).reshape(-1, 3)
    result = filter_floaters(model(points))
    assert result.removed_as_clusters == 0
    assert result.keep.mean() > 0.9


def dense(count: int) -> np.ndarray:
    """Nine in ten centres in one tiny corner: each within reach of all the others."""
    rng = np.random.default_rng(7)
    return np.concatenate([shell(rng, count // 10), 1e-4 * rng.normal(size=(count - count // 10, 3))])


@pytest.mark.parametrize("count", [4000, 16_000])
def test_dbscan_lists_few_pairs_however_dense_the_model(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All pairs of 16 000 centres in one corner would be 200 million; memory and time go with that number."""
    pairs: list[int] = []

    def counting(points: np.ndarray, weights: np.ndarray, *, reach: float, min_weight: int) -> np.ndarray:
        tree = cKDTree(points)
        pairs.append(int(tree.count_neighbors(tree, reach)))
        return dbscan(points, weights, reach=reach, min_weight=min_weight)

    monkeypatch.setattr(floaters, "dbscan", counting)
    filter_floaters(model(dense(count)))
    assert 0 < pairs[0] < 60 * count


def test_a_heap_of_equal_centres_is_no_burden(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a plain tree every query would walk through the heap: 10^10 steps here."""
    asked: list[int] = []

    class CountingTree(cKDTree):
        def query(self, x: np.ndarray, *args: object, **kwargs: object) -> tuple[np.ndarray, np.ndarray]:
            asked.append(len(x))
            return super().query(x, *args, **kwargs)

    monkeypatch.setattr(floaters, "cKDTree", CountingTree)
    rng = np.random.default_rng(8)
    points = np.concatenate([shell(rng, 1000), np.zeros((100_000, 3))])
    assert filter_floaters(model(points)).keep.any()
    assert sum(asked) == 1001
