"""PSNR and SSIM against scikit-image, and at their edges."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from maquette.recon.metrics import PSNR_CAP_DB, ImageSizesDifferError, psnr, ssim


def picture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Blobs with hard edges and a flat part: what real pictures are made of."""
    small = rng.integers(0, 256, (max(2, height // 8), max(2, width // 8), 3), dtype=np.uint8)
    image = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    image[: height // 3, : width // 3] = 250
    return image


def noisy(rng: np.random.Generator, image: np.ndarray, sigma: float) -> np.ndarray:
    return np.clip(image + rng.normal(0, sigma, image.shape), 0, 255).astype(np.uint8)


def reference_ssim(image: np.ndarray, reference: np.ndarray) -> float:
    return structural_similarity(
        image,
        reference,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
    )


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    height=st.integers(11, 80),
    width=st.integers(11, 80),
    sigma=st.sampled_from([0.3, 2.0, 20.0, 90.0]),
)
def test_agrees_with_scikit_image(seed: int, height: int, width: int, sigma: float) -> None:
    rng = np.random.default_rng(seed)
    reference = picture(rng, height, width)
    image = noisy(rng, reference, sigma)
    assert ssim(image, reference) == pytest.approx(reference_ssim(image, reference), abs=1e-4)
    if (image != reference).any():
        assert psnr(image, reference) == pytest.approx(
            min(PSNR_CAP_DB, peak_signal_noise_ratio(reference, image, data_range=255)), abs=1e-6
        )


def test_agrees_on_flat_pictures_where_rounding_is_largest() -> None:
    reference = np.full((40, 40, 3), 255, np.uint8)
    image = reference - np.uint8(1)
    assert ssim(image, reference) == pytest.approx(reference_ssim(image, reference), abs=1e-4)
    black = np.zeros_like(reference)
    assert ssim(black, reference) == pytest.approx(reference_ssim(black, reference), abs=1e-4)


def test_negative_similarity_is_kept() -> None:
    reference = picture(np.random.default_rng(1), 48, 48)
    assert ssim(255 - reference, reference) == pytest.approx(reference_ssim(255 - reference, reference), abs=1e-4)
    checks = ((np.indices((48, 48)).sum(axis=0) % 2) * 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    assert ssim(255 - checks, checks) < -0.9


def test_identical_pictures_are_capped_and_finite() -> None:
    image = picture(np.random.default_rng(2), 32, 32)
    assert psnr(image, image.copy()) == PSNR_CAP_DB
    assert math.isfinite(psnr(image, image))
    assert ssim(image, image.copy()) == pytest.approx(1.0, abs=1e-6)


def test_cap_also_holds_for_one_wrong_value_in_a_large_picture() -> None:
    image = np.zeros((1000, 1000, 3), np.uint8)
    other = image.copy()
    other[0, 0, 0] = 1
    assert psnr(image, other) == PSNR_CAP_DB


def test_known_psnr() -> None:
    image = np.full((16, 16, 3), 100, np.uint8)
    assert psnr(image, image + np.uint8(10)) == pytest.approx(20 * math.log10(255 / 10))
    assert psnr(np.zeros_like(image), np.full_like(image, 255)) == pytest.approx(0.0)


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (10, 40), (40, 10)])
def test_pictures_smaller_than_the_window_still_have_a_similarity(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert ssim(image, image) == pytest.approx(1.0, abs=1e-6)
    assert -1 <= ssim(255 - image, image) < 1


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_different_sizes_are_refused(measure) -> None:
    with pytest.raises(ImageSizesDifferError, match=r"20 x 16 pixels .* 16 x 20") as caught:
        measure(np.zeros((16, 20, 3), np.uint8), np.zeros((20, 16, 3), np.uint8))
    assert caught.value.as_dict()["code"] == "image_sizes_differ"


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_views_into_larger_arrays_are_measured_as_they_look(measure) -> None:
    rng = np.random.default_rng(4)
    canvas = rng.integers(0, 256, (40, 80, 3), dtype=np.uint8)
    left, right = canvas[:, :40], canvas[:, 40:]
    assert measure(left, right) == pytest.approx(measure(left.copy(), right.copy()))
    assert measure(left[::-1, ::-1], right[::-1, ::-1]) == pytest.approx(measure(left, right), abs=1e-5)


def weighted_definition(image: np.ndarray, reference: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """PSNR and SSIM by weights, pixel by pixel: statistics of what counts in each 11 x 11 window, and nothing else."""
    w = weights / 255.0
    error = (w[..., None] * (image.astype(float) - reference) ** 2).sum() / (3 * w.sum())
    offsets = np.arange(-5, 6)
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(line, line)
    total = counted = 0.0
    for y in range(5, image.shape[0] - 5):
        for x in range(5, image.shape[1] - 5):
            if w[y, x] == 0:
                continue
            around = np.s_[y - 5 : y + 6, x - 5 : x + 6]
            share = (window * w[around])[..., None]
            share = share / share.sum()
            a, b = image[around].astype(float), reference[around].astype(float)
            mean_a, mean_b = (share * a).sum(axis=(0, 1)), (share * b).sum(axis=(0, 1))
            var_a, var_b = (share * (a - mean_a) ** 2).sum(axis=(0, 1)), (share * (b - mean_b) ** 2).sum(axis=(0, 1))
            covariance = (share * (a - mean_a) * (b - mean_b)).sum(axis=(0, 1))
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            similar = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
            similar = similar / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
            total += w[y, x] * similar.mean()
            counted += w[y, x]
    return 10 * math.log10(255**2 / error), total / counted


def test_masked_metrics_are_their_definition() -> None:
    rng = np.random.default_rng(5)
    reference = picture(rng, 30, 37)
    image = noisy(rng, reference, 15)
    weights = rng.integers(0, 256, (30, 37), dtype=np.uint8)
    weights[8:20, 10:25] = 0
    wanted_psnr, wanted_ssim = weighted_definition(image, reference, weights)
    assert psnr(image, reference, weights) == pytest.approx(wanted_psnr, abs=1e-9)
    assert ssim(image, reference, weights) == pytest.approx(wanted_ssim, abs=1e-5)
    image[weights == 0] = 255 - image[weights == 0]
    assert psnr(image, reference, weights) == pytest.approx(wanted_psnr, abs=1e-9)
    assert ssim(image, reference, weights) == pytest.approx(wanted_ssim, abs=1e-5)


def test_a_white_mask_changes_nothing() -> None:
    rng = np.random.default_rng(6)
    reference = picture(rng, 25, 40)
    image = noisy(rng, reference, 9)
    for weight in (255, 17):
        weights = np.full((25, 40), weight, np.uint8)
        assert psnr(image, reference, weights) == pytest.approx(psnr(image, reference), abs=1e-9)
        assert ssim(image, reference, weights) == pytest.approx(ssim(image, reference), abs=1e-5)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), level=st.integers(1, 255), sigma=st.sampled_from([0.3, 5.0, 60.0]))
def test_masks_agree_with_scikit_image(seed: int, level: int, sigma: float) -> None:
    """It knows no masks: of one grey everywhere nothing changes, and PSNR is that of the pixels that count."""
    rng = np.random.default_rng(seed)
    reference = picture(rng, 40, 56)
    image = noisy(rng, reference, sigma)
    image[20, 28] = 255 - image[20, 28]
    even = np.full((40, 56), level, np.uint8)
    assert ssim(image, reference, even) == pytest.approx(reference_ssim(image, reference), abs=1e-4)
    wanted = peak_signal_noise_ratio(reference, image, data_range=255)
    assert psnr(image, reference, even) == pytest.approx(wanted, abs=1e-4)
    mask = np.zeros((40, 56), np.uint8)
    mask[9:30, 14:45] = level
    inside = peak_signal_noise_ratio(reference[9:30, 14:45], image[9:30, 14:45], data_range=255)
    assert psnr(image, reference, mask) == pytest.approx(inside, abs=1e-4)


def test_masks_at_their_edges() -> None:
    rng = np.random.default_rng(7)
    reference = picture(rng, 20, 20)
    image = noisy(rng, reference, 9)
    corner = np.zeros((20, 20), np.uint8)
    corner[:3, :3] = 255
    assert 0 < ssim(image, reference, corner) < 1, "only pixels at the edge count: they are measured all the same"
    image[:3, :3] = reference[:3, :3]
    assert psnr(image, reference, corner) == PSNR_CAP_DB
    assert ssim(image, reference, corner) == pytest.approx(1.0, abs=1e-6)
    with pytest.raises(ImageSizesDifferError):
        psnr(image, reference, corner[:-1])
