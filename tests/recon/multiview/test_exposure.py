"""Exposure is told from content: one number, robust to half of the picture being something else."""

from __future__ import annotations

import numpy as np
import pytest
from tests.recon.multiview.walls import HEIGHT, WIDTH, camera_at, look

from maquette.recon.multiview.exposure import exposure_gain


def picture_and_render() -> tuple[np.ndarray, np.ndarray]:
    picture, _ = look(camera_at())
    return picture, (picture / np.float32(255)).astype(np.float32)


@pytest.mark.parametrize("gain", [0.75, 1.0, 1.25])
def test_a_brighter_picture(gain: float) -> None:
    picture, render = picture_and_render()
    assert exposure_gain(np.rint(picture * np.float32(gain)).clip(0, 255).astype(np.uint8), render, limit=1.5) == (
        pytest.approx(gain, rel=0.01)
    )


def test_an_object_over_a_third_of_the_picture_changes_nothing() -> None:
    picture, render = picture_and_render()
    picture[:, :, : WIDTH // 3] = 230
    assert exposure_gain(picture, render, limit=1.5) == pytest.approx(1, abs=0.02)


def test_bounds_and_pictures_that_say_nothing() -> None:
    picture, render = picture_and_render()
    assert exposure_gain((picture * 0.3).astype(np.uint8), render, limit=1.5) == pytest.approx(1 / 1.5)
    assert exposure_gain(np.zeros_like(picture), render, limit=1.5) == 1.0, "black says nothing"
    nowhere = np.zeros((HEIGHT, WIDTH), bool)
    assert exposure_gain((picture * 0.8).astype(np.uint8), render, limit=1.5, known=nowhere) == 1.0


def test_a_colour_cast_is_no_exposure() -> None:
    picture, render = picture_and_render()
    cast = picture.copy()
    cast[2] = np.rint(cast[2] * 0.6)
    corrected = cast / 255 / exposure_gain(cast, render, limit=1.5)
    assert np.abs(corrected[2] - render[2]).mean() > 0.1
