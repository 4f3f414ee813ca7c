"""Scale and shift found among wrong points, and every depth that cannot be aligned refused with its reason."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.recon.cameras import Camera
from maquette.recon.depth.align import LEAST_POINTS, align, sampled
from maquette.recon.depth.confidence import confidence_map
from maquette.recon.depth.errors import DepthNotAlignedError
from maquette.recon.depth.sightings import Sightings, sight

HEIGHT, WIDTH = 60, 80


def plane() -> np.ndarray:
    """A relative inverse depth, 1 to 5 from left to right."""
    return np.ascontiguousarray(np.broadcast_to(np.linspace(1, 5, WIDTH, dtype=np.float32), (HEIGHT, WIDTH)))


def points_of(relative: np.ndarray, scale: float, shift: float, count: int = 200, seed: int = 1) -> Sightings:
    rng = np.random.default_rng(seed)
    xy = rng.uniform((0.5, 0.5), (WIDTH - 0.5, HEIGHT - 0.5), (count, 2))
    return Sightings(xy, scale * sampled(relative, xy) + shift)


def wrong(seen: Sightings, share: float, seed: int = 2) -> Sightings:
    """Part of the points somewhere else between a third and three times as far."""
    rng = np.random.default_rng(seed)
    lost = rng.random(len(seen)) < share
    factor = np.where(lost, np.exp(rng.uniform(np.log(1 / 3), np.log(3), len(seen))), 1.0)
    return Sightings(seen.xy, seen.inverse * factor)


def refused(relative: np.ndarray, seen: Sightings) -> str:
    with pytest.raises(DepthNotAlignedError) as caught:
        align(relative, seen)
    assert caught.value.code == "depth_not_aligned"
    return caught.value.message


def test_values_are_read_between_pixel_centres() -> None:
    at = np.asarray([[0.5, 0.5], [1.0, 0.5], [79.5, 59.5], [0.0, 0.0]])
    step = 4 / (WIDTH - 1)
    np.testing.assert_allclose(sampled(plane(), at), [1.0, 1 + step / 2, 5.0, 1.0], atol=1e-5)


def test_more_points_than_an_image_may_have_rows_are_read() -> None:
    at = np.tile([[40.0, 30.0]], (70_000, 1))
    assert sampled(plane(), at).shape == (70_000,)


def test_scale_and_shift_are_found() -> None:
    found = align(plane(), points_of(plane(), 0.25, 0.1))
    assert (found.scale, found.shift) == (pytest.approx(0.25, rel=1e-4), pytest.approx(0.1, rel=1e-3))
    assert found.residual < 1e-5
    assert (found.inlier_share, found.points) == (1.0, 200)
    np.testing.assert_allclose(found.inverse(plane()), 0.25 * plane() + 0.1, rtol=1e-4)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.45])
def test_wrong_points_do_not_move_it(share: float) -> None:
    found = align(plane(), wrong(points_of(plane(), 2.0, -1.0), share))
    assert found.scale == pytest.approx(2.0, rel=0.02)
    assert found.shift == pytest.approx(-1.0, abs=0.05)
    assert found.inlier_share < 1.0


def test_the_same_points_give_the_same_numbers() -> None:
    seen = wrong(points_of(plane(), 2.0, -1.0), 0.3)
    assert align(plane(), seen) == align(plane(), seen)


def test_depth_behind_infinity_is_unknown() -> None:
    found = align(plane(), points_of(plane(), 1.0, -0.5))
    below = np.full((2, 2), 0.2, np.float32)
    np.testing.assert_array_equal(found.inverse(below), 0)


def test_too_few_points_are_refused() -> None:
    assert f"{LEAST_POINTS} are needed" in refused(plane(), points_of(plane(), 1.0, 0.0, count=LEAST_POINTS - 1))
    assert "shows 0 sparse points" in refused(plane(), Sightings(np.empty((0, 2)), np.empty(0)))


def test_points_of_one_depth_are_refused() -> None:
    seen = points_of(plane(), 1.0, 0.0)
    assert "equally far" in refused(plane(), Sightings(seen.xy, np.full(len(seen), 0.5)))


def test_a_depth_without_any_relief_is_refused() -> None:
    assert "the same at all" in refused(np.ones((HEIGHT, WIDTH), np.float32), points_of(plane(), 1.0, 0.0))


def test_near_and_far_exchanged_are_refused() -> None:
    refused(-plane(), points_of(plane(), 1.0, 0.0))


def test_a_depth_of_something_else_is_refused() -> None:
    noise = np.random.default_rng(3).random((HEIGHT, WIDTH)).astype(np.float32)
    assert "agree" in refused(noise, points_of(plane(), 1.0, 0.0))


def camera() -> Camera:
    return Camera(fx=50.0, fy=50.0, cx=40.0, cy=30.0, width=WIDTH, height=HEIGHT, camera_from_world=np.eye(4))


def test_points_beside_behind_and_hidden_are_not_seen() -> None:
    points = np.asarray(
        [[0, 0, 2], [0, 0, 9], [0.01, 0, 2.3], [0, 0, -2], [5, 0, 2], [0.5, 0.3, 4], [np.nan, 0, 1]], float
    )
    seen = sight(camera(), points)
    np.testing.assert_allclose(1 / seen.inverse, [2, 2.3, 4])
    np.testing.assert_allclose(seen.xy[0], [40, 30])


def test_a_view_of_nothing_has_no_sightings() -> None:
    assert len(sight(camera(), np.asarray([[0.0, 0.0, -1.0]]))) == 0


def test_confidence_is_high_at_points_that_agree_and_low_elsewhere() -> None:
    inverse = plane()
    seen = points_of(inverse, 1.0, 0.0)
    left = seen.xy[:, 0] < WIDTH / 3
    right = seen.xy[:, 0] > 2 * WIDTH / 3
    seen = Sightings(
        seen.xy[left | right], np.where(right, 2.0, 1.0)[left | right] * seen.inverse[left | right]
    )  # right: twice as near as the depth says
    confidence = confidence_map(inverse, seen)
    assert confidence.dtype == np.float32
    assert confidence[:, : WIDTH // 4].mean() > 0.8
    assert confidence[:, -WIDTH // 4 :].mean() < 0.1
    middle = confidence[:, WIDTH // 2 - 2 : WIDTH // 2 + 2].mean()
    assert 0.1 < middle < 0.5


def test_confidence_falls_at_jumps_and_is_none_where_there_is_no_depth() -> None:
    inverse = np.ones((HEIGHT, WIDTH), np.float32)
    inverse[:, 40:] = 3.0
    inverse[:10] = 0.0
    xy = np.stack(np.meshgrid(np.arange(2.5, WIDTH, 5), np.arange(12.5, HEIGHT, 5)), axis=-1).reshape(-1, 2)
    confidence = confidence_map(inverse, Sightings(xy, np.where(xy[:, 0] < 40, 1.0, 3.0)))
    assert confidence[:10].max() == 0
    assert confidence[30, 40] < 0.6 * confidence[30, 20]


def test_without_points_nothing_is_trusted() -> None:
    assert confidence_map(plane(), Sightings(np.empty((0, 2)), np.empty(0))).max() == 0
