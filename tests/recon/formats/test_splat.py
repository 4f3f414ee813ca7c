"""`.splat`: the bytes, as another program would read them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from maquette.recon.formats import splat
from maquette.recon.formats.errors import BadModelFileError
from maquette.recon.gaussians import SH_C0, Gaussians


def test_bytes_of_one_gaussian(tmp_path: Path) -> None:
    """The layout, spelled out by hand."""
    model = Gaussians(
        means=np.array([[1, 2, 3]], np.float32),
        log_scales=np.log(np.array([[0.5, 0.25, 2.0]], np.float32)),
        quaternions=np.array([[0, 0, -2, 0]], np.float32),
        opacity_logits=np.array([0], np.float32),
        sh=np.array([[[0.5 / SH_C0, -9, 0]]], np.float32),
    )
    splat.write(model, tmp_path / "model.splat", provenance={})
    data = (tmp_path / "model.splat").read_bytes()
    assert len(data) == 32
    assert struct.unpack("<6f", data[:24]) == pytest.approx((1, 2, 3, 0.5, 0.25, 2.0), rel=1e-6)
    assert tuple(data[24:28]) == (255, 0, 128, 128)
    assert tuple(data[28:]) == (128, 128, 0, 128)


def test_most_important_first(random_model, tmp_path: Path) -> None:
    model = random_model(200)
    splat.write(model, tmp_path / "model.splat", provenance={})
    back = splat.read(tmp_path / "model.splat")
    importance = np.exp(back.log_scales.astype(float).sum(axis=1)) / (1 + np.exp(-back.opacity_logits.astype(float)))
    assert (np.diff(importance) <= importance[:-1] * 0.5 + 1e-12).all()  # opacity is only 8 bits
    true = np.exp(model.log_scales.astype(float).sum(axis=1)) / (1 + np.exp(-model.opacity_logits.astype(float)))
    np.testing.assert_array_equal(back.means, model.means[np.argsort(-true, kind="stable")])


def test_precision_is_half_a_step_of_eight_bits(random_model, tmp_path: Path) -> None:
    model = random_model(500, degree=0)
    splat.write(model, tmp_path / "model.splat", provenance={})
    back = splat.read(tmp_path / "model.splat")
    model = model.subset(splat.by_importance(model))
    sigmoid = [1 / (1 + np.exp(-m.opacity_logits.astype(float))) for m in (back, model)]
    np.testing.assert_allclose(*sigmoid, atol=0.5 / 255 + 1e-6)
    colours = [np.clip(SH_C0 * m.sh[:, 0] + 0.5, 0, 1) for m in (back, model)]
    np.testing.assert_allclose(*colours, atol=0.5 / 255 + 1e-6)
    rotations = [m.quaternions / np.linalg.norm(m.quaternions, axis=1, keepdims=True) for m in (back, model)]
    assert (np.abs((rotations[0] * rotations[1]).sum(axis=1)) > np.cos(np.radians(1.0))).all()


def test_fully_clear_and_fully_solid_stay_finite(random_model, tmp_path: Path) -> None:
    model = random_model(2)
    model.opacity_logits[:] = (-80, 80)
    splat.write(model, tmp_path / "model.splat", provenance={})
    assert np.isfinite(splat.read(tmp_path / "model.splat").opacity_logits).all()


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [(0, np.nan, "not finite"), (4, np.inf, "not finite"), (12, 0.0, "no size"), (16, -1.0, "no size")],
)
def test_impossible_numbers_are_refused(place: int, value: float, words: str, random_model, tmp_path: Path) -> None:
    path = tmp_path / "model.splat"
    splat.write(random_model(1), path, provenance={})
    data = bytearray(path.read_bytes())
    data[place : place + 4] = struct.pack("<f", value)
    path.write_bytes(data)
    with pytest.raises(BadModelFileError, match=words):
        splat.read(path)


def test_a_rotation_of_zero_is_refused(random_model, tmp_path: Path) -> None:
    path = tmp_path / "model.splat"
    splat.write(random_model(1), path, provenance={})
    path.write_bytes(path.read_bytes()[:28] + bytes([128] * 4))
    with pytest.raises(BadModelFileError, match="rotation of Gaussian 0"):
        splat.read(path)
