"""The heatmap of errors: its numbers, its order, its fixed scale."""

import numpy as np
import pytest

from maquette.recon.heatmap import ERROR_FULL, error_heatmap, pixel_error
from maquette.recon.metrics import ImageSizesDifferError, psnr


def pictures(seed=0, height=12, width=9):
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(2))


def test_its_mean_square_is_the_error_behind_psnr():
    image, photo = pictures()
    error = pixel_error(image, photo)
    assert error.shape == (12, 9)
    assert -10 * np.log10(np.mean(error.astype(np.float64) ** 2)) == pytest.approx(psnr(image, photo), abs=1e-5)


def test_a_pixel_by_hand():
    photo = np.zeros((1, 2, 3), np.uint8)
    image = photo.copy()
    image[0, 1] = (255, 0, 51)
    assert pixel_error(image, photo)[0].tolist() == pytest.approx([0, np.sqrt((1 + 0.04) / 3)])


def test_black_without_error_and_lighter_with_each_step():
    steps = np.linspace(0, ERROR_FULL, 64, dtype=np.float32)[None]
    lightness = error_heatmap(steps)[0].astype(float) @ [0.2126, 0.7152, 0.0722]
    assert lightness[0] < 3 and lightness[-1] > 200
    assert (np.diff(lightness) > 0).all()


def test_the_scale_is_fixed_and_clips():
    small = error_heatmap(np.array([[0.05]], np.float32))
    beside_a_large_one = error_heatmap(np.array([[0.05, 1.0]], np.float32))
    assert (small[0, 0] == beside_a_large_one[0, 0]).all()
    full = error_heatmap(np.array([[ERROR_FULL, 1.0]], np.float32))
    assert (full[0, 0] == full[0, 1]).all()


def test_pictures_of_two_sizes():
    [image, photo] = pictures()
    with pytest.raises(ImageSizesDifferError):
        pixel_error(image, photo[:-1])
