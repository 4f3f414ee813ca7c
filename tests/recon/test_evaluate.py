"""Evaluation compares what a viewer would see: 8 bit, clipped, at the size of training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from maquette.recon.cameras import Camera
from maquette.recon.evaluate import compare, evaluate, to_8_bit
from maquette.recon.gaussians import Gaussians
from maquette.recon.photos import TooSmallError, UnreadablePhotoError, halved, load_photo, training_size
from maquette.recon.scene import Scene, View

EMPTY = Gaussians(
    np.zeros((0, 3), np.float32),
    np.zeros((0, 3), np.float32),
    np.zeros((0, 4), np.float32),
    np.zeros(0, np.float32),
    np.zeros((0, 1, 3), np.float32),
)


def scene(folder: Path, value: int, size: tuple[int, int] = (64, 40)) -> Scene:
    path = folder / "a.png"
    cv2.imwrite(str(path), np.full((size[1], size[0], 3), value, np.uint8))
    camera = Camera(size[0], size[1], 60.0, 60.0, size[0] / 2, size[1] / 2, np.eye(4))
    return Scene((View("a.png", camera, path),), np.zeros((0, 3)), np.zeros((0, 3), np.uint8))


def test_psnr_of_a_known_difference(tmp_path: Path) -> None:
    found = evaluate(EMPTY, scene(tmp_path, 128), [0], background=(138 / 255,) * 3)
    assert found[0].psnr == pytest.approx(20 * np.log10(255 / 10), abs=1e-6)
    assert (found[0].view_index, found[0].name) == (0, "a.png")


def test_rendering_is_rounded_and_clipped_first() -> None:
    planes = np.array([-0.4, 0.4999 / 255, 0.5001 / 255, 1.7], np.float32).reshape(1, 2, 2).repeat(3, axis=0)
    assert to_8_bit(planes)[..., 0].ravel().tolist() == [0, 0, 1, 255]


def test_photos_shrink_by_area(tmp_path: Path) -> None:
    view = scene(tmp_path, 0).views[0]
    pixels = np.zeros((40, 64, 3), np.uint8)
    pixels[:, 1::2] = (0, 100, 200)
    cv2.imwrite(str(view.image_path), pixels)
    photo = load_photo(view, 2.0)
    assert photo.pixels.shape == (3, 20, 32)
    assert photo.camera.fx == 30.0
    assert photo.pixels[:, 5, 5].tolist() == [100, 50, 0], "planes are red, green, blue"
    assert halved(photo).pixels.shape == (3, 10, 16)


def test_training_size() -> None:
    camera = Camera(1080, 1920, 1.0, 1.0, 0.0, 0.0, np.eye(4))
    assert training_size(camera, 4.0) == (270, 480)
    assert training_size(camera, 1.0, 480) == (270, 480)
    assert training_size(camera, 8.0, 480) == (135, 240)
    with pytest.raises(TooSmallError):
        training_size(camera, 1000.0)


def test_photos_of_another_size_or_broken_are_refused(tmp_path: Path) -> None:
    view = scene(tmp_path, 5).views[0]
    cv2.imwrite(str(view.image_path), np.zeros((41, 64, 3), np.uint8))
    with pytest.raises(UnreadablePhotoError, match="64 x 41"):
        load_photo(view, 1.0)
    view.image_path.write_bytes(b"no image")
    with pytest.raises(UnreadablePhotoError):
        load_photo(view, 1.0)


def test_a_mask_decides_what_is_measured(tmp_path: Path) -> None:
    flat = scene(tmp_path, 128)
    picture = np.full((40, 64, 3), 128, np.uint8)
    picture[:, 32:] = 30
    cv2.imwrite(str(flat.views[0].image_path), picture)
    mask = np.zeros((40, 64), np.uint8)
    mask[:, :32] = 200
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    masked = Scene((replace(flat.views[0], mask_path=tmp_path / "mask.png"),), flat.points, flat.colors)
    for downscale in (1.0, 2.0):
        found = evaluate(EMPTY, masked, [0], downscale=downscale, background=(138 / 255,) * 3)
        assert found[0].psnr == pytest.approx(20 * np.log10(255 / 10), abs=1e-6)
        assert found[0].ssim > 0.99
    assert evaluate(EMPTY, flat, [0], background=(138 / 255,) * 3)[0].psnr < 11
    (shown,) = compare(EMPTY, masked, [0])
    np.testing.assert_array_equal(shown.weights, mask)
