"""A placed view's depth from photo to file: by a network that agrees with the points, else by the points, and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

from tests.recon.depth.networks import weighing

from maquette.recon.cameras import Camera
from maquette.recon.depth.errors import DepthNotAlignedError, TooFewDepthPointsError
from maquette.recon.depth.estimator import DepthEstimator
from maquette.recon.depth.maps import read_depth_map
from maquette.recon.depth.priors import read_depth_prior
from maquette.recon.depth.views import network_depth, view_depth, write_depth_prior, write_view_depth
from maquette.recon.weights import LocalModel

WIDTH, HEIGHT = 112, 112
CAMERA = Camera(WIDTH, HEIGHT, 100.0, 100.0, WIDTH / 2, HEIGHT / 2, np.eye(4))


def photo() -> np.ndarray:
    """Brighter to the right."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:] = np.linspace(20, 240, WIDTH).astype(np.uint8)[:, None]
    return image


def truth() -> np.ndarray:
    """Inverse depth: linear in brightness, as the test's network has it."""
    return (0.1 + 0.4 * photo()[..., 0] / 255).astype(np.float32)


def points(count: int = 60, seed: int = 0) -> np.ndarray:
    """On the surface that :func:`truth` describes."""
    rng = np.random.default_rng(seed)
    column, row = rng.integers(4, WIDTH - 4, count), rng.integers(4, HEIGHT - 4, count)
    depth = 1 / truth()[row, column]
    rays = np.stack([(column + 0.5 - CAMERA.cx) / CAMERA.fx, (row + 0.5 - CAMERA.cy) / CAMERA.fy, np.ones(count)], 1)
    return rays * depth[:, None]


def estimator(folder: Path, sign: float = 1.0) -> DepthEstimator:
    weighing(folder / "m.onnx", (sign, 0.0, 0.0), bias=7.0, size=(112, 112))
    return DepthEstimator(LocalModel("depth-anything-v2-small", folder, "r1", "none"), "m.onnx", threads=1)


def test_a_network_that_agrees_gives_depth_in_world_units(tmp_path: Path) -> None:
    found = view_depth(photo(), CAMERA, points(), estimator(tmp_path))
    assert (found.method, found.degraded, found.passed_over) == ("depth-anything-v2-small", False, None)
    np.testing.assert_allclose(found.inverse, truth(), rtol=0.02)
    details = found.details()
    # x = (c - .485)/.229 + 7 and 1/z = .1 + .4 c, so the scale is .4 * .229
    assert details["scale"] == pytest.approx(0.4 * 0.229, rel=0.02)
    assert details["shift"] == pytest.approx(0.1 + 0.4 * (0.485 - 7 * 0.229), rel=0.05)
    assert details["residual"] < 0.01
    assert (details["points"], details["revision"], details["input_width"]) == (60, "r1", 112)
    assert 0.5 < details["confidence"] <= 1


def test_a_network_that_contradicts_the_points_is_passed_over_by_name(tmp_path: Path) -> None:
    found = view_depth(photo(), CAMERA, points(), estimator(tmp_path, sign=-1.0))
    assert (found.method, found.degraded) == ("classical_interpolated", True)
    assert found.details()["passed_over"]["code"] == "depth_not_aligned"
    error = np.abs(found.inverse - truth()) / truth()
    assert np.median(error) < 0.1


def test_without_a_network_the_points_are_interpolated() -> None:
    found = view_depth(photo(), CAMERA, points())
    assert (found.method, found.degraded, found.passed_over) == ("classical_interpolated", True, None)
    assert "scale" not in found.details()


def test_without_a_network_and_points_there_is_no_depth() -> None:
    with pytest.raises(TooFewDepthPointsError):
        view_depth(photo(), CAMERA, points(3))


def test_the_files_hold_what_was_found(tmp_path: Path) -> None:
    found = view_depth(photo(), CAMERA, points(), estimator(tmp_path))
    record = write_view_depth(found, tmp_path / "0003")
    assert record.heatmap_path.is_file()
    assert record.depth_min == pytest.approx(1 / found.inverse.max(), rel=1e-5)
    assert record.depth_max == pytest.approx(1 / found.inverse.min(), rel=1e-5)
    np.testing.assert_allclose(read_depth_map(record.depth_path), 1 / found.inverse, atol=1e-3)


def test_a_network_alone_is_believed_or_refused(tmp_path: Path) -> None:
    assert network_depth(photo(), CAMERA, points(), estimator(tmp_path)).method == "depth-anything-v2-small"
    with pytest.raises(DepthNotAlignedError):
        network_depth(photo(), CAMERA, points(), estimator(tmp_path, sign=-1.0))
    with pytest.raises(DepthNotAlignedError) as refused:
        network_depth(photo(), CAMERA, points(5), estimator(tmp_path))
    assert refused.value.details["points"] == 5


def test_what_is_cut_out_has_no_depth_and_counts_for_no_confidence(tmp_path: Path) -> None:
    found = view_depth(photo(), CAMERA, points(), estimator(tmp_path))
    found.confidence[:, 56:] = 0.0
    left = np.zeros((HEIGHT, WIDTH), np.bool_)
    left[:, :56] = True
    small = found.shown(left).resized(WIDTH // 2, HEIGHT // 2)
    assert (small.inverse[:, 28:] == 0).all() and (small.inverse[:, :28] > 0).all()
    np.testing.assert_allclose(small.inverse[:, :28], truth()[::2, :56:2], rtol=0.03)
    assert small.mean_confidence == pytest.approx(found.confidence[:, :56].mean(), rel=1e-3)
    assert (small.details()["width"], small.details()["height"]) == (WIDTH // 2, HEIGHT // 2)


def test_a_prior_holds_only_what_is_trusted(tmp_path: Path) -> None:
    found = view_depth(photo(), CAMERA, points(), estimator(tmp_path))
    found.confidence[:, :20] = 0.0
    path = tmp_path / "depths" / "a.npy"
    assert write_depth_prior(found, path)
    back = read_depth_prior(path, "a", WIDTH, HEIGHT)
    assert (back[:, :20] == 0).all()
    np.testing.assert_allclose(back[:, 20:], found.inverse[:, 20:], rtol=1e-5)


def test_a_depth_trusted_nowhere_is_no_prior(tmp_path: Path) -> None:
    found = view_depth(photo(), CAMERA, points(), estimator(tmp_path))
    found.confidence[:] = 0.0
    assert not write_depth_prior(found, tmp_path / "a.npy")
    assert not (tmp_path / "a.npy").exists()
