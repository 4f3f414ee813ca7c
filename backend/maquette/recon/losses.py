"""The photometric loss (1 - l) L1 + l (1 - SSIM) and its gradient in one go (Kerbl et al. 2023, equation 7).

SSIM is that of Wang et al. 2004 with an 11x11 Gaussian window, sigma 1.5, zero padded. Its gradient is analytic:
with the per-pixel partial derivatives P of SSIM to the windowed mean, second moment and cross moment, d/dx is
w*P_mean + 2 x (w*P_square) + y (w*P_cross), w* being the same window (it is symmetric).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8
from numba import prange
from numpy import ndarray

from maquette.recon.rasterize.compiled import parallel_kernel
from maquette.recon.rasterize.scratch import Scratch

DEFAULT_SSIM_WEIGHT = 0.2
REACH = 5
TAPS = 2 * REACH + 1
C1 = np.float32(0.01**2)
C2 = np.float32(0.03**2)
ZERO = np.float32(0.0)
ONE = np.float32(1.0)
TWO = np.float32(2.0)
TO_UNIT = np.float32(1.0 / 255.0)


def _window() -> Float32[ndarray, " 11"]:
    offsets = np.arange(-REACH, REACH + 1)
    weights = np.exp(-(offsets**2) / (2 * 1.5**2))
    return np.asarray(weights / weights.sum(), dtype=np.float32)


WINDOW = _window()


@dataclass(frozen=True, eq=False)
class Loss:
    """The loss, its two parts (mean L1 and mean SSIM) and its gradient to the rendered image."""

    value: float
    l1: float
    ssim: float
    gradient: Float32[ndarray, "3 h w"]


def photometric_loss(
    image: Float32[ndarray, "3 h w"],
    photo: UInt8[ndarray, "3 h w"],
    ssim_weight: float = DEFAULT_SSIM_WEIGHT,
    *,
    scratch: Scratch | None = None,
) -> Loss:
    """Compare a rendered image (sRGB 0 to 1, planes) with a photo (sRGB 0 to 255, planes).

    With ``scratch`` the gradient lives until the next loss made with it.
    """
    scratch = scratch or Scratch()
    channels, height, width = image.shape
    rows = channels * height
    moments = scratch.empty("loss_moments", (rows, 5, width + 2 * REACH))
    partials = scratch.empty("loss_partials", (rows, 3, width + 2 * REACH))
    sums = np.empty((rows, 2), np.float64)
    gradient = scratch.empty("loss_gradient", image.shape)
    blur_moments(image, photo, WINDOW, moments)
    compare(image, photo, moments, WINDOW, partials, sums)
    gather(image, photo, partials, WINDOW, np.float32(1.0 - ssim_weight), np.float32(ssim_weight), gradient)
    l1, ssim = (float(total) for total in sums.sum(axis=0) / image.size)
    return Loss((1.0 - ssim_weight) * l1 + ssim_weight * (1.0 - ssim), l1, ssim, gradient)


@parallel_kernel
def blur_moments(image: ndarray, photo: ndarray, window: ndarray, moments: ndarray) -> None:
    """Vertical window of x, y, x^2, y^2, xy into ``moments`` (c*h, 5, w + 10), zero padded at the sides."""
    channels, height, width = image.shape
    for row in prange(channels * height):
        channel, y = row // height, row % height
        out = moments[row]
        out[:] = ZERO
        size = np.uint64(width)
        pad = np.uint64(REACH)
        for tap in range(max(0, REACH - y), min(TAPS, height + REACH - y)):
            weight = window[tap]
            a_row = image[channel, y + tap - REACH]
            b_row = photo[channel, y + tap - REACH]
            m0, m1, m2, m3, m4 = out[0], out[1], out[2], out[3], out[4]
            for i in range(size):
                a = a_row[i]
                b = np.float32(b_row[i]) * TO_UNIT
                wa, wb = weight * a, weight * b
                m0[i + pad] += wa
                m1[i + pad] += wb
                m2[i + pad] += wa * a
                m3[i + pad] += wb * b
                m4[i + pad] += wa * b


@parallel_kernel
def compare(
    image: ndarray, photo: ndarray, moments: ndarray, window: ndarray, partials: ndarray, sums: ndarray
) -> None:
    """Horizontal window, then SSIM per pixel and its partial derivatives into ``partials`` (c*h, 3, w + 10)."""
    channels, height, width = image.shape
    w0, w1, w2, w3, w4, w5 = window[0], window[1], window[2], window[3], window[4], window[5]
    for row in prange(channels * height):
        channel, y = row // height, row % height
        blurred = np.empty((5, width), np.float32)
        size = np.uint64(width)
        for k in range(5):
            source, target = moments[row, k], blurred[k]
            for i in range(size):
                target[i] = (
                    w0 * (source[i] + source[i + np.uint64(10)])
                    + w1 * (source[i + np.uint64(1)] + source[i + np.uint64(9)])
                    + w2 * (source[i + np.uint64(2)] + source[i + np.uint64(8)])
                    + w3 * (source[i + np.uint64(3)] + source[i + np.uint64(7)])
                    + w4 * (source[i + np.uint64(4)] + source[i + np.uint64(6)])
                    + w5 * source[i + np.uint64(5)]
                )
        mean_a, mean_b, square_a, square_b, cross = blurred[0], blurred[1], blurred[2], blurred[3], blurred[4]
        out = partials[row]
        out[:] = ZERO
        p0, p1, p2 = out[0], out[1], out[2]
        a_row, b_row = image[channel, y], photo[channel, y]
        ssim_sum = ZERO
        l1_sum = ZERO
        pad = np.uint64(REACH)
        for i in range(size):
            ma, mb = mean_a[i], mean_b[i]
            var_a, var_b = square_a[i] - ma * ma, square_b[i] - mb * mb
            covariance = cross[i] - ma * mb
            top1, top2 = TWO * ma * mb + C1, TWO * covariance + C2
            low1, low2 = ma * ma + mb * mb + C1, var_a + var_b + C2
            inverse = ONE / (low1 * low2)
            value = top1 * top2 * inverse
            ssim_sum += value
            d_square = -value / low2
            d_cross = TWO * top1 * inverse
            d_mean = TWO * mb * top2 * inverse - TWO * ma * value / low1
            p0[i + pad] = d_mean - TWO * ma * d_square - mb * d_cross
            p1[i + pad] = d_square
            p2[i + pad] = d_cross
            l1_sum += abs(a_row[i] - np.float32(b_row[i]) * TO_UNIT)
        sums[row, 0] = l1_sum
        sums[row, 1] = ssim_sum


@parallel_kernel
def gather(
    image: ndarray,
    photo: ndarray,
    partials: ndarray,
    window: ndarray,
    l1_weight: float,
    ssim_weight: float,
    gradient: ndarray,
) -> None:
    """Window the partial derivatives and put the gradient of the mean loss together."""
    channels, height, width = image.shape
    scale = ONE / np.float32(channels * height * width)
    w0, w1, w2, w3, w4, w5 = window[0], window[1], window[2], window[3], window[4], window[5]
    for row in prange(channels * height):
        channel, y = row // height, row % height
        column = np.zeros((3, width + 2 * REACH), np.float32)
        blurred = np.empty((3, width), np.float32)
        padded = np.uint64(width + 2 * REACH)
        size = np.uint64(width)
        for tap in range(max(0, REACH - y), min(TAPS, height + REACH - y)):
            weight = window[tap]
            for k in range(3):
                source, target = partials[row + tap - REACH, k], column[k]
                for i in range(padded):
                    target[i] += weight * source[i]
        for k in range(3):
            source, target = column[k], blurred[k]
            for i in range(size):
                target[i] = (
                    w0 * (source[i] + source[i + np.uint64(10)])
                    + w1 * (source[i + np.uint64(1)] + source[i + np.uint64(9)])
                    + w2 * (source[i + np.uint64(2)] + source[i + np.uint64(8)])
                    + w3 * (source[i + np.uint64(3)] + source[i + np.uint64(7)])
                    + w4 * (source[i + np.uint64(4)] + source[i + np.uint64(6)])
                    + w5 * source[i + np.uint64(5)]
                )
        d_mean, d_square, d_cross = blurred[0], blurred[1], blurred[2]
        a_row, b_row, out = image[channel, y], photo[channel, y], gradient[channel, y]
        for i in range(size):
            a = a_row[i]
            b = np.float32(b_row[i]) * TO_UNIT
            difference = a - b
            sign = ONE if difference > ZERO else ZERO
            sign = sign - ONE if difference < ZERO else sign
            similar = d_mean[i] + TWO * a * d_square[i] + b * d_cross[i]
            out[i] = scale * (l1_weight * sign - ssim_weight * similar)
