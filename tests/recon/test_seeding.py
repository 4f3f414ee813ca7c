"""Seeds where no sparse point is: between points at their depth, elsewhere behind everything, nowhere under a mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import Float
from numpy import ndarray

from maquette.recon import seeding
from maquette.recon.cameras import Camera
from maquette.recon.photos import Photo
from maquette.recon.seeding import BEHIND, CELLS_WITH_DEPTH, MOST, MOST_WITH_DEPTH, most_seeds, seed_uncovered

WIDTH, HEIGHT = 80, 60


def photo(color: tuple[int, int, int] = (10, 200, 30), x: float = 0.0) -> Photo:
    pose = np.eye(4)
    pose[0, 3] = -x
    camera = Camera(WIDTH, HEIGHT, 70.0, 70.0, WIDTH / 2, HEIGHT / 2, pose)
    pixels = np.broadcast_to(np.array(color, np.uint8)[:, None, None], (3, HEIGHT, WIDTH))
    return Photo(camera, np.ascontiguousarray(pixels))


def ring(depth: float, radius_px: float = 14.0, count: int = 40) -> Float[ndarray, "n 3"]:
    """Points around the middle of the image, at one depth."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([radius_px * np.cos(angle), radius_px * np.sin(angle), np.full(count, 70.0)], 1) * depth / 70.0


def pixels_of(places: Float[ndarray, "n 3"]) -> Float[ndarray, "n 2"]:
    return places[:, :2] / places[:, 2:] * 70.0 + [WIDTH / 2, HEIGHT / 2]


def test_what_points_surround_lies_between_them_and_all_else_behind() -> None:
    places, colors = seed_uncovered([photo()], ring(5.0), np.random.default_rng(0))
    off_centre = np.linalg.norm(pixels_of(places) - [WIDTH / 2, HEIGHT / 2], axis=1)
    inner = places[off_centre < 8]
    assert len(inner) >= 9
    np.testing.assert_allclose(inner[:, 2], 5.0, rtol=1e-6)
    outer = places[off_centre > 22]
    assert len(outer) > 100
    far = BEHIND * np.quantile(np.linalg.norm(ring(5.0), axis=1), 0.95)
    np.testing.assert_allclose(np.linalg.norm(outer, axis=1), far, rtol=1e-6)
    assert (colors == [10, 200, 30]).all()


def test_what_one_camera_puts_behind_everything_hangs_in_front_of_no_other() -> None:
    photos = [photo(x=0.0), photo(x=40.0)]
    places, _ = seed_uncovered(photos, ring(5.0), np.random.default_rng(0))
    far = places[np.linalg.norm(places, axis=1) > 10]
    assert len(far) > 300
    for one in photos:
        assert np.linalg.norm(far - one.camera.centre, axis=1).min() > 35


def test_every_cell_is_covered_by_a_point_or_a_seed() -> None:
    points = ring(5.0)
    places, _ = seed_uncovered([photo()], points, np.random.default_rng(0))
    cells = {tuple(cell) for cell in np.floor(pixels_of(np.concatenate([points, places])) / 4).astype(int)}
    assert cells == {(x, y) for x in range(20) for y in range(15)}


def test_seeds_of_a_moved_camera_lie_on_its_rays() -> None:
    aside = np.array([3.0, 0.0, 0.0])
    places, _ = seed_uncovered([photo(x=3.0)], ring(5.0) + aside, np.random.default_rng(0))
    seen = pixels_of(places - aside)
    np.testing.assert_allclose(seen % 4, 2.0, atol=1e-6)


def test_what_shows_only_the_background_needs_no_seed() -> None:
    white = photo(color=(255, 254, 255))
    places, _ = seed_uncovered([white], ring(5.0), np.random.default_rng(0), background=(1.0, 1.0, 1.0))
    assert len(places) == 0
    assert len(seed_uncovered([white], ring(5.0), np.random.default_rng(0))[0]) > 200


def test_a_mask_leaves_its_cells_out() -> None:
    weights = np.full((HEIGHT, WIDTH), 255, np.uint8)
    weights[:, : WIDTH // 2] = 0
    places, _ = seed_uncovered([replace(photo(), weights=weights)], ring(5.0), np.random.default_rng(0))
    assert len(places) > 0
    assert (pixels_of(places)[:, 0] > WIDTH / 2).all()


@pytest.mark.parametrize("points", [np.empty((0, 3)), ring(-5.0)])
def test_without_a_point_in_sight_there_is_nothing_between(points: Float[ndarray, "n 3"]) -> None:
    places, colors = seed_uncovered([photo()], points, np.random.default_rng(0))
    assert len(places) == len(colors) == (0 if len(points) == 0 else 300)
    assert np.isfinite(places).all()


def test_many_photos_give_no_more_than_the_most_and_the_same_each_time() -> None:
    photos = [photo(x=0.01 * number) for number in range(20)]
    runs = [seed_uncovered(photos, ring(5.0), np.random.default_rng(4))[0] for _ in range(2)]
    assert len(runs[0]) == MOST
    assert len(seed_uncovered(photos, ring(5.0), np.random.default_rng(4), most=7)[0]) == 7
    np.testing.assert_array_equal(*runs)


def test_a_dense_cloud_says_the_same_by_a_part_of_its_points(monkeypatch: pytest.MonkeyPatch) -> None:
    points = ring(5.0, count=400)
    whole, _ = seed_uncovered([photo()], points, np.random.default_rng(0))
    monkeypatch.setattr(seeding, "LOOKED_AT", 40)
    part, _ = seed_uncovered([photo()], points, np.random.default_rng(0))
    assert len(part) == len(whole)
    np.testing.assert_allclose(part[:, 2].min(), whole[:, 2].min(), rtol=1e-6)


def with_depth(known: slice, inverse: float) -> Photo:
    plane = np.zeros((HEIGHT, WIDTH), np.float32)
    plane[:, known] = inverse
    return replace(photo(), inverse_depth=plane)


def test_a_known_depth_goes_before_points_around_and_before_behind_everything() -> None:
    places, _ = seed_uncovered([with_depth(slice(0, 60), 1 / 7)], ring(5.0), np.random.default_rng(0))
    column = pixels_of(places)[:, 0]
    np.testing.assert_allclose(places[column < 59, 2], 7.0, rtol=1e-5)
    # Where it is not known, what no points surround still lies behind.
    far = BEHIND * np.quantile(np.linalg.norm(ring(5.0), axis=1), 0.95)
    np.testing.assert_allclose(np.linalg.norm(places[column > 64], axis=1), far, rtol=1e-6)


def test_a_known_depth_is_sown_more_densely() -> None:
    dense, _ = seed_uncovered([with_depth(slice(0, WIDTH), 1 / 7)], ring(5.0), np.random.default_rng(0))
    across = len(np.unique(np.round(pixels_of(dense)[:, 0], 3)))
    assert across == CELLS_WITH_DEPTH
    assert (most_seeds([photo()]), most_seeds([photo(), with_depth(slice(0, 1), 1.0)])) == (MOST, MOST_WITH_DEPTH)


def test_points_surround_as_far_with_a_depth_as_without() -> None:
    """A finer grid must not shorten the reach of the points where the depth is unknown."""
    places, _ = seed_uncovered([with_depth(slice(0, 4), 1 / 7)], ring(5.0), np.random.default_rng(0))
    off_centre = np.linalg.norm(pixels_of(places) - [WIDTH / 2, HEIGHT / 2], axis=1)
    np.testing.assert_allclose(places[off_centre < 8, 2], 5.0, rtol=1e-6)
