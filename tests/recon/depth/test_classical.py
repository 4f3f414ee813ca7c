"""Depth without a network: as good as its points, kept within edges, and clear about what it is not."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.recon.depth.classical import BadOutlineError, errors_unseen, interpolated, relief
from maquette.recon.depth.errors import TooFewDepthPointsError
from maquette.recon.depth.sightings import Sightings

HEIGHT, WIDTH = 90, 120


def grid(step: int) -> np.ndarray:
    across = np.meshgrid(np.arange(step / 2, WIDTH, step), np.arange(step / 2, HEIGHT, step))
    return np.stack(across, axis=-1).reshape(-1, 2)


def test_a_slope_comes_back_from_points_on_it() -> None:
    xy = grid(15)
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    inverse = interpolated(image, Sightings(xy, 0.2 + xy[:, 0] / 200))
    truth = np.broadcast_to(0.2 + (np.arange(WIDTH) + 0.5) / 200, (HEIGHT, WIDTH))
    inner = np.s_[:, 10:-10]
    assert np.median(np.abs(inverse - truth)[inner] / truth[inner]) < 0.03
    assert inverse.dtype == np.float32


def test_depth_does_not_leak_across_an_edge() -> None:
    image = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    image[:, 60:] = 200
    xy = grid(30)
    inverse = interpolated(image, Sightings(xy, np.where(xy[:, 0] < 60, 1.0, 3.0)))
    np.testing.assert_allclose(inverse[:, 5:57], 1.0, atol=0.05)
    np.testing.assert_allclose(inverse[:, 63:-5], 3.0, atol=0.1)
    # The same points in an even picture run into each other.
    even = interpolated(np.full_like(image, 40), Sightings(xy, np.where(xy[:, 0] < 60, 1.0, 3.0)))
    assert 1.2 < even[45, 57] < 2.8


def test_a_point_that_contradicts_all_around_it_is_left_out() -> None:
    xy = grid(15)
    inverse = np.full(len(xy), 1.0)
    inverse[20] = 9.0
    found = interpolated(np.full((HEIGHT, WIDTH, 3), 90, np.uint8), Sightings(xy, inverse))
    np.testing.assert_allclose(found, 1.0, atol=1e-4)


def test_its_error_is_measured_at_points_that_it_was_not_told() -> None:
    xy = grid(15)
    image = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    smooth = errors_unseen(image, Sightings(xy, 0.2 + xy[:, 0] / 200))
    assert np.median(smooth) < 0.1
    rough = errors_unseen(image, Sightings(xy, np.random.default_rng(0).uniform(0.5, 1.5, len(xy))))
    assert np.median(rough) > 0.2


def test_nothing_is_nearer_or_farther_than_the_points() -> None:
    rng = np.random.default_rng(0)
    xy = rng.uniform((0, 0), (WIDTH, HEIGHT), (60, 2))
    image = rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    seen = Sightings(xy, rng.uniform(0.5, 0.9, 60))
    found = interpolated(image, seen)
    assert found.min() >= seen.inverse.min() - 1e-6
    assert found.max() <= seen.inverse.max() + 1e-6


def test_too_few_points_are_refused() -> None:
    xy = grid(30)[:3]
    with pytest.raises(TooFewDepthPointsError) as caught:
        interpolated(np.zeros((HEIGHT, WIDTH, 3), np.uint8), Sightings(xy, np.ones(3)))
    assert caught.value.details["found"] == 3


def test_an_outlined_disc_becomes_half_a_ball() -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    radius = np.hypot(x - 60, y - 45)
    found = relief(np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.where(radius < 35, 255, 0).astype(np.uint8))
    assert found[radius >= 36].max() == 0
    rim, top = found[45, 60 - 34], found[45, 60]
    assert top == pytest.approx(1.0, abs=0.01)
    halfway = (found[45, 60 - 17] - rim) / (top - rim)
    # sqrt(1 - (17/35)^2) of a ball's height
    assert halfway == pytest.approx(0.87, abs=0.06)
    assert rim < 0.75


def test_an_object_cut_off_by_the_picture_closes_at_its_edge() -> None:
    outline = np.zeros((HEIGHT, WIDTH), np.uint8)
    outline[40:] = 255
    found = relief(np.zeros((HEIGHT, WIDTH, 3), np.uint8), outline)
    assert found[-1, 60] < found[65, 60]
    assert np.isfinite(found).all()


def test_without_an_outline_lower_is_nearer_and_nothing_else() -> None:
    found = relief(np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))
    assert (np.diff(found, axis=0) > 0).all()
    assert (np.diff(found, axis=1) == 0).all()
    assert 0 < found.min() < found.max() < 1


@pytest.mark.parametrize("outline", [np.zeros((HEIGHT, WIDTH), np.uint8), np.full((5, 5), 255, np.uint8)])
def test_an_outline_of_nothing_or_of_another_size_is_refused(outline: np.ndarray) -> None:
    with pytest.raises(BadOutlineError):
        relief(np.zeros((HEIGHT, WIDTH, 3), np.uint8), outline)
