"""Depth maps: what is written is what was given, and damaged files are refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from maquette.recon.depth.maps import SCALE_KEY, BadDepthMapError, heatmap, read_depth_map, write_depth_map


def ramp(height: int = 20, width: int = 30) -> np.ndarray:
    return np.linspace(0.5, 12.0, height * width, dtype=np.float32).reshape(height, width)


def test_depth_comes_back_within_half_a_step(tmp_path: Path) -> None:
    depth = ramp()
    record = write_depth_map(depth, np.ones_like(depth), tmp_path / "deep" / "photo.01")
    assert record.depth_path.name == "photo.01.png"
    assert record.heatmap_path.name == "photo.01_heatmap.png"
    assert record.units_per_step == pytest.approx(12 / 65535)
    np.testing.assert_allclose(read_depth_map(record.depth_path), depth, atol=12 / 131070 * 1.01)
    assert (record.depth_min, record.depth_max) == (0.5, 12.0)
    assert record.depth_mean == pytest.approx(depth.mean())
    assert record.coverage == 1.0


def test_another_reader_finds_the_same_sixteen_bits(tmp_path: Path) -> None:
    depth = ramp()
    record = write_depth_map(depth, np.ones_like(depth), tmp_path / "v")
    steps = cv2.imread(str(record.depth_path), cv2.IMREAD_UNCHANGED)
    assert steps.dtype == np.uint16
    np.testing.assert_array_equal(steps, np.rint(depth.astype(float) / record.units_per_step))


def test_what_is_not_covered_has_no_depth_and_does_not_count(tmp_path: Path) -> None:
    depth, alpha = ramp(), np.ones((20, 30), np.float32)
    alpha[:, :15] = 0.49
    alpha[0, 20] = 0.5
    depth[1, 20:25] = (np.nan, np.inf, 0.0, -1.0, 1e30)
    alpha[1, 24] = 0.0
    record = write_depth_map(depth, alpha, tmp_path / "v")
    back = read_depth_map(record.depth_path)
    assert (back[:, :15] == 0).all()
    assert (back[1, 20:25] == 0).all()
    assert back[0, 20] > 0
    assert record.coverage == pytest.approx((300 - 5) / 600)
    assert record.depth_max == 12.0
    colours = np.asarray(Image.open(record.heatmap_path))
    assert (colours[:, :15] == colours[0, 0]).all()
    assert (colours[5, 15:] != colours[0, 0]).any(axis=-1).all()


def test_the_nearest_never_becomes_nothing(tmp_path: Path) -> None:
    depth = np.array([[1e-4, 1000.0]], np.float32)
    record = write_depth_map(depth, np.ones_like(depth), tmp_path / "v")
    assert (read_depth_map(record.depth_path) > 0).all()


def test_a_view_of_nothing(tmp_path: Path) -> None:
    depth = np.zeros((4, 6), np.float32)
    record = write_depth_map(depth, np.zeros_like(depth), tmp_path / "v")
    assert record.coverage == 0.0
    assert record.depth_min is record.depth_max is record.depth_mean is record.units_per_step is None
    np.testing.assert_array_equal(read_depth_map(record.depth_path), depth)
    assert np.asarray(Image.open(record.heatmap_path)).shape == (4, 6, 3)


def test_near_is_red_and_far_is_blue_and_flat_is_one_colour() -> None:
    depth = ramp()
    colours = heatmap(depth, np.ones(depth.shape, bool)).astype(int)
    red, blue = colours[..., 0], colours[..., 2]
    assert (red[0] > 2 * blue[0]).all()
    assert (blue[-1] > 1.2 * red[-1]).all()
    flat = heatmap(np.full((3, 3), 2.0, np.float32), np.ones((3, 3), bool))
    assert (flat == flat[0, 0]).all()


def test_one_stray_pixel_does_not_flatten_the_picture() -> None:
    depth = ramp(40, 50)
    usual = heatmap(depth, np.ones(depth.shape, bool))
    depth[0, 0] = 1e6
    assert np.abs(heatmap(depth, np.ones(depth.shape, bool))[5:].astype(int) - usual[5:]).mean() < 3


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    good = write_depth_map(ramp(), np.ones((20, 30), np.float32), tmp_path / "good").depth_path.read_bytes()
    for data in (b"", b"no picture", good[:200], good[: len(good) // 2]):
        path.write_bytes(data)
        with pytest.raises(BadDepthMapError, match=r"'x\.png'"):
            read_depth_map(path)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)
    with pytest.raises(BadDepthMapError, match="16-bit"):
        read_depth_map(path)
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(path)
    with pytest.raises(BadDepthMapError, match="scale"):
        read_depth_map(path)
    path.write_bytes(good.replace(SCALE_KEY.encode(), b"x" * len(SCALE_KEY)))
    with pytest.raises(BadDepthMapError):
        read_depth_map(path)
