"""Comparison pictures: every pixel in its place, labels that can be read, files whole or absent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maquette.recon.gaussians.previews import below_each_other, side_by_side, write_picture


def plain(height: int, width: int, grey: int) -> np.ndarray:
    return np.full((height, width, 3), grey, np.uint8)


def test_pictures_stand_beside_each_other_untouched() -> None:
    rng = np.random.default_rng(0)
    left, right = (rng.integers(0, 256, (40, 60, 3), dtype=np.uint8) for _ in range(2))
    sheet = side_by_side([left, right], ["", ""])
    assert sheet.shape == (40, 124, 3)
    np.testing.assert_array_equal(sheet[:, :60], left)
    np.testing.assert_array_equal(sheet[:, 64:], right)


def test_labels_are_bright_on_dark_and_only_in_their_corner() -> None:
    image = plain(300, 400, 200)
    sheet = side_by_side([image, image], ["photo", "v0 27.3 dB"])
    assert (image == 200).all()
    corner = sheet[:60, :150]
    assert corner.max() > 240
    assert corner.min() < 80
    assert (sheet[60:, :400] == 200).all()
    assert sheet[:60, 404:554].max() > 240


def test_other_sizes_are_brought_to_the_height_of_the_first() -> None:
    assert side_by_side([plain(40, 60, 0), plain(80, 20, 9), plain(20, 10, 9)], ["", "a", "é"]).shape == (40, 98, 3)


def test_a_label_wider_than_its_picture_is_no_error() -> None:
    assert side_by_side([plain(8, 8, 90)], ["a very long label"]).shape == (8, 8, 3)


def test_rows_make_a_sheet() -> None:
    sheet = below_each_other([plain(10, 30, 1), plain(20, 20, 2)])
    assert sheet.shape == (34, 30, 3)
    assert (sheet[14:, :20] == 2).all()
    assert (sheet[14:, 20:] == 255).all()


def test_lists_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="1 pictures with 2 labels"):
        side_by_side([plain(4, 4, 0)], ["a", "b"])
    with pytest.raises(ValueError, match="0 pictures"):
        side_by_side([], [])
    with pytest.raises(ValueError, match="row"):
        below_each_other([])


@pytest.mark.parametrize(("suffix", "kind"), [(".png", "PNG"), (".jpg", "JPEG"), (".JPEG", "JPEG"), (".webp", "WEBP")])
def test_pictures_are_written_by_suffix(suffix: str, kind: str, tmp_path: Path) -> None:
    pixels = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[None, :, None], (32, 1, 3))
    path = tmp_path / "new" / f"preview{suffix}"
    write_picture(pixels, path)
    with Image.open(path) as image:
        assert (image.format, image.size) == (kind, (64, 32))
        assert np.abs(np.asarray(image.convert("RGB")).astype(int) - pixels).mean() < 3
    assert list(path.parent.iterdir()) == [path]


def test_an_unknown_suffix_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.bmp"):
        write_picture(plain(4, 4, 0), tmp_path / "x.bmp")
    assert list(tmp_path.iterdir()) == []
