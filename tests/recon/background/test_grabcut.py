"""Without a network colours tell object and background apart, and the result says so."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maquette.recon.background import Removed, open_remover, remove_background
from maquette.recon.background.errors import ObjectNotFoundError


def studio(height: int = 360, width: int = 480, *, cluttered: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A frame with slats before a backdrop that grows darker to one side, its shadow below; and its true mask."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:height, 0:width]
    backdrop = np.stack([235 - 30 * x / width, 238 - 30 * x / width, 240 - 25 * y / height], axis=-1)
    if cluttered:
        backdrop = cv2.resize(rng.uniform(120, 255, (9, 12, 3)), (width, height), interpolation=cv2.INTER_NEAREST)
    mask = np.zeros((height, width), np.uint8)
    cv2.rectangle(mask, (160, 80), (320, 270), 255, -1)
    for top in range(95, 250, 30):
        cv2.rectangle(mask, (180, top), (300, top + 16), 0, -1)
    if not cluttered:
        shadow = cv2.GaussianBlur(np.where((y - 285) ** 2 / 20**2 + (x - 240) ** 2 / 100**2 < 1, 1.0, 0.0), (0, 0), 12)
        backdrop = backdrop * (1 - 0.25 * shadow[..., None])
    wood = np.array([95, 45, 25]) + rng.normal(0, 6, (height, width, 3))
    pixels = np.where(mask[..., None] > 0, wood, backdrop + rng.normal(0, 2, (height, width, 3)))
    return np.clip(pixels, 0, 255).astype(np.uint8), mask


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    a, b = one >= 128, other >= 128
    return float((a & b).sum() / (a | b).sum())


def test_an_object_before_a_plain_backdrop_keeps_its_holes_and_loses_its_shadow() -> None:
    pixels, truth = studio()
    removed = remove_background(pixels)
    assert overlap(removed.mask, truth) > 0.97
    assert (removed.method, removed.degraded) == ("grabcut", True)
    assert removed.confidence > 0.9
    assert (removed.mask[290:, :] == 0).all(), "the shadow is no part of it"


def test_clutter_is_trusted_less() -> None:
    plain, cluttered = (remove_background(studio(cluttered=clutter)[0]) for clutter in (False, True))
    assert cluttered.confidence < plain.confidence


def test_large_photos_keep_fine_edges_and_the_mask_is_the_same_each_time() -> None:
    small, truth = studio()
    pixels = cv2.resize(small, (1440, 1080), interpolation=cv2.INTER_CUBIC)
    wanted = cv2.resize(truth, (1440, 1080), interpolation=cv2.INTER_LINEAR)
    remove = open_remover()
    first = remove(pixels)
    # Chance that others used in between must not show.
    cv2.setRNGSeed(77)
    remove(small)
    assert np.array_equal(first.mask, remove(pixels).mask)
    assert overlap(first.mask, wanted) > 0.97


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_empty_picture_has_no_object(level: int) -> None:
    with pytest.raises(ObjectNotFoundError) as caught:
        remove_background(np.full((300, 300, 3), level, np.uint8))
    assert caught.value.code == "object_not_found" and caught.value.suggestion


def test_transparency_of_the_photo_is_the_mask() -> None:
    pixels, truth = studio()
    removed = remove_background(pixels, alpha=truth)
    assert np.array_equal(removed.mask, truth)
    assert (removed.method, removed.degraded, removed.confidence) == ("alpha", False, 1.0)
    with pytest.raises(ObjectNotFoundError, match="no background"):
        remove_background(pixels, alpha=np.full(truth.shape, 255, np.uint8))


def test_a_bit_of_the_room_in_the_colours_of_the_object_is_left_out() -> None:
    pixels, truth = studio()
    pixels[20:32, 400:430] = (95, 45, 25)
    removed = remove_background(pixels)
    assert (removed.mask[:50, 380:] == 0).all() and overlap(removed.mask, truth) > 0.97


def test_the_object_over_grey() -> None:
    pixels = np.full((2, 3, 3), 200, np.uint8)
    mask = np.array([[0, 255, 51]] * 2, np.uint8)
    by_colour, own = Removed(mask, "grabcut", True, 1.0), Removed(mask, "alpha", False, 1.0)
    assert by_colour.over(pixels, 100)[0, :, 0].tolist() == [100, 200, 120]
    assert by_colour.over(pixels)[0, :, 0].tolist() == [0, 200, 40]
    # Read over black already, as photos with transparency are.
    assert np.array_equal(own.over(by_colour.over(pixels), 100), by_colour.over(pixels, 100))
