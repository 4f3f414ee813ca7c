"""One colour from several photos: the best one's, unless the others or the model say otherwise."""

from __future__ import annotations

import numpy as np

from maquette.recon.texture.blending import blend
from maquette.recon.texture.observing import Samples


def samples(*given: tuple[float, int]) -> Samples:
    """One place: weights and grey levels."""
    colors = np.repeat(np.array([[level for _, level in given]], np.uint8)[..., None], 3, axis=2)
    return Samples(colors, np.array([[weight for weight, _ in given]], np.float32))


def grey(found: Samples, sharpness: float = 4.0, expected: int | None = None) -> int:
    prior = None if expected is None else np.full((1, 3), expected, np.uint8)
    return int(blend(found, sharpness, prior)[0][0, 0])


def test_the_best_photo_decides_the_more_the_sharper() -> None:
    two = samples((1.0, 100), (0.5, 110), (0.0, 0))
    assert grey(two, 1.0) == 102
    assert grey(two, 8.0) == 100
    assert grey(samples((1.0, 200), (0.9, 204), (0.8, 202)), expected=120) in (201, 202), "detail the model lacks stays"


def test_the_majority_outvotes_a_better_photo() -> None:
    assert abs(grey(samples((1.0, 250), (0.8, 100), (0.8, 102), (0.7, 98))) - 100) <= 2


def test_between_two_that_disagree_the_model_decides() -> None:
    two = samples((1.0, 40), (0.9, 160))
    assert grey(two) < 60
    assert grey(two, expected=155) > 140
    assert grey(samples((1.0, 40)), expected=155) == 40, "alone a photo is believed"


def test_what_no_photo_shows_is_said() -> None:
    colors, seen = blend(samples((0.0, 90), (0.0, 80)), 4.0)
    assert not seen.any()
    assert not colors.any()
