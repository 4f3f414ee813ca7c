"""The classical method brings blurred and noisy pictures nearer to the clean one, and adds nothing of its own."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.recon.enhance.conftest import drawing

from maquette.recon.enhance import EnhanceParameters, EnhanceRequest, enhance
from maquette.recon.enhance.classical import noise_level
from maquette.recon.metrics import psnr, ssim


def spoilt(clean: np.ndarray, blur_px: float, noise: float) -> np.ndarray:
    soft = cv2.GaussianBlur(clean.astype(np.float32), (0, 0), blur_px) if blur_px else clean.astype(np.float32)
    noisy = soft + np.random.default_rng(1).normal(0, noise, soft.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("blur_px", "noise", "gain_db", "gain_ssim"),
    # Half of what was measured on this drawing.
    [
        (0.8, 0.0, 2.0, 0.01), (1.2, 0.0, 0.7, 0.01), (0.8, 3.0, 2.0, 0.05), (0.8, 6.0, 2.0, 0.1),
        (1.2, 8.0, 1.2, 0.15), (0.0, 8.0, 2.5, 0.15),
    ],
)  # fmt: skip
def test_blur_and_noise_are_reduced(blur_px: float, noise: float, gain_db: float, gain_ssim: float) -> None:
    clean = drawing(240, 320)
    render = spoilt(clean, blur_px, noise)
    enhanced = enhance(EnhanceRequest(render), "classical").image
    assert psnr(enhanced, clean) > psnr(render, clean) + gain_db
    assert ssim(enhanced, clean) > ssim(render, clean) + gain_ssim


def test_a_real_photo_gains_too(captures: Path) -> None:
    photo = cv2.cvtColor(cv2.imread(str(sorted((captures / "fox").rglob("*.jpg"))[0])), cv2.COLOR_BGR2RGB)
    clean = cv2.resize(photo, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    for blur_px, noise in ((0.8, 0.0), (0.8, 6.0), (1.2, 8.0)):
        render = spoilt(clean, blur_px, noise)
        assert psnr(enhance(EnhanceRequest(render), "classical").image, clean) > psnr(render, clean) + 0.5


def test_nothing_appears_that_was_not_there() -> None:
    render = spoilt(drawing(120, 160), 1.0, 0.0)
    enhanced = enhance(
        EnhanceRequest(render, parameters=EnhanceParameters(blur_px=5.0, iterations=50, noise=0.0)), "classical"
    ).image
    window = np.ones((5, 5), np.uint8)
    assert (enhanced >= cv2.erode(render, window)).all() and (enhanced <= cv2.dilate(render, window)).all()
    assert (enhanced != render).any()
    flat = np.full((40, 50, 3), (10, 130, 255), np.uint8)
    assert (enhance(EnhanceRequest(flat), "classical").image == flat).all()


def test_parameters_are_used_and_recorded() -> None:
    render = spoilt(drawing(60, 80), 0.8, 5)
    still = EnhanceParameters(noise=0.0, blur_px=0.0)
    assert (enhance(EnhanceRequest(render, parameters=still), "classical").image == render).all()
    full = enhance(EnhanceRequest(render), "classical")
    half = enhance(EnhanceRequest(render, parameters=EnhanceParameters(strength=0.5)), "classical")
    change = np.abs(full.image.astype(int) - render).mean()
    assert np.abs(half.image.astype(int) - render).mean() == pytest.approx(change / 2, rel=0.1)
    assert half.record.strength == 0.5 and half.record.model is None and half.record.seed is None
    assert full.record.settings["noise"] == pytest.approx(5, rel=0.2)


@pytest.mark.parametrize("noise", [0.0, 2.0, 5.0, 12.0])
def test_the_noise_is_measured(noise: float) -> None:
    assert noise_level(spoilt(drawing(240, 320), 0.8, noise)) == pytest.approx(noise, rel=0.1, abs=0.4)


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (5, 3), (97, 61)])
def test_any_size_comes_back_as_it_was(size: tuple[int, int]) -> None:
    render = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    enhanced = enhance(EnhanceRequest(render), "classical")
    assert enhanced.image.shape == render.shape and enhanced.image.dtype == np.uint8
