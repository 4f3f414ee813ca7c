"""The photometric loss where pixels count by weights w from 0 to 1: masks, and photos that are trusted in part.

Of N pixels, with the SSIM of :mod:`maquette.recon.losses` but windowed means of what counts alone,

    loss = sum of w [(1 - l) |x - y| + l (1 - SSIM)] / N,    mean(f) = s (g * w f) / (g * w),

g being the 11x11 window, zero padded, and s = g * 1 the share of it inside the image. What a mask leaves out thus
neither enters its neighbours' windows nor pays; a weight that is the same everywhere scales the plain loss, 1 is the
plain loss; and a pixel that counts has the same gradient whatever share of the photo is masked (the sum is divided by
all pixels), so thresholds on gradients mean the same with and without masks.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8
from numba import prange
from numpy import ndarray

from maquette.recon.losses import C1, C2, ONE, REACH, TAPS, TO_UNIT, TWO, WINDOW, ZERO, Loss, gather
from maquette.recon.rasterize.compiled import parallel_kernel
from maquette.recon.rasterize.scratch import Scratch

MOMENTS = 6


def weighted_photometric_loss(
    image: Float32[ndarray, "3 h w"],
    photo: UInt8[ndarray, "3 h w"],
    weights: UInt8[ndarray, "h w"],
    ssim_weight: float,
    *,
    scratch: Scratch,
) -> Loss:
    """As :func:`maquette.recon.losses.photometric_loss`, pixels counting by ``weights`` (0 to 255).

    The two parts ``l1`` and ``ssim`` are means over the weights, ``value`` and ``gradient`` over all pixels.
    """
    channels, height, width = image.shape
    rows = channels * height
    moments = scratch.empty("loss_moments", (rows, MOMENTS, width + 2 * REACH))
    partials = scratch.empty("loss_partials", (rows, 3, width + 2 * REACH))
    sums = np.empty((rows, 2), np.float64)
    gradient = scratch.empty("loss_gradient", image.shape)
    blur_weighted_moments(image, photo, weights, WINDOW, moments)
    compare_weighted(
        image, photo, weights, moments, WINDOW, window_shares(height), window_shares(width), partials, sums
    )
    gather(image, photo, partials, WINDOW, np.float32(1.0 - ssim_weight), np.float32(ssim_weight), gradient)
    weigh(gradient, weights)
    total_l1, total_ssim = (float(total) for total in sums.sum(axis=0))
    counted = channels * float(weights.sum(dtype=np.int64)) / 255.0
    value = ((1.0 - ssim_weight) * total_l1 + ssim_weight * (counted - total_ssim)) / image.size
    if counted == 0:
        return Loss(value, 0.0, 1.0, gradient)
    return Loss(value, total_l1 / counted, total_ssim / counted, gradient)


def window_shares(length: int) -> Float32[ndarray, " length"]:
    """Of the one-dimensional window around each of ``length`` pixels, the share that lies inside."""
    shares: Float32[ndarray, " length"] = np.convolve(np.ones(length, np.float32), WINDOW)[REACH : REACH + length]
    return shares


@parallel_kernel
def blur_weighted_moments(image: ndarray, photo: ndarray, weights: ndarray, window: ndarray, moments: ndarray) -> None:
    """Vertical window of w times x, y, x^2, y^2, xy and 1 into ``moments`` (c*h, 6, w + 10), zero padded."""
    channels, height, width = image.shape
    for row in prange(channels * height):
        channel, y = row // height, row % height
        out = moments[row]
        out[:] = ZERO
        size = np.uint64(width)
        pad = np.uint64(REACH)
        m0, m1, m2, m3, m4, m5 = out[0], out[1], out[2], out[3], out[4], out[5]
        for tap in range(max(0, REACH - y), min(TAPS, height + REACH - y)):
            weight = window[tap] * TO_UNIT
            a_row = image[channel, y + tap - REACH]
            b_row = photo[channel, y + tap - REACH]
            w_row = weights[y + tap - REACH]
            for i in range(size):
                a = a_row[i]
                b = np.float32(b_row[i]) * TO_UNIT
                w = weight * np.float32(w_row[i])
                wa, wb = w * a, w * b
                m0[i + pad] += wa
                m1[i + pad] += wb
                m2[i + pad] += wa * a
                m3[i + pad] += wb * b
                m4[i + pad] += wa * b
                m5[i + pad] += w


@parallel_kernel
def compare_weighted(
    image: ndarray,
    photo: ndarray,
    weights: ndarray,
    moments: ndarray,
    window: ndarray,
    shares_down: ndarray,
    shares_across: ndarray,
    partials: ndarray,
    sums: ndarray,
) -> None:
    """Horizontal window, then w times SSIM and its derivatives to g*wx, g*wx^2 and g*wxy (c*h, 3, w + 10)."""
    channels, height, width = image.shape
    w0, w1, w2, w3, w4, w5 = window[0], window[1], window[2], window[3], window[4], window[5]
    for row in prange(channels * height):
        channel, y = row // height, row % height
        blurred = np.empty((MOMENTS, width), np.float32)
        size = np.uint64(width)
        for k in range(MOMENTS):
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
        mean_w = blurred[5]
        out = partials[row]
        out[:] = ZERO
        p0, p1, p2 = out[0], out[1], out[2]
        a_row, b_row, w_row = image[channel, y], photo[channel, y], weights[y]
        share_down = shares_down[y]
        ssim_sum = ZERO
        l1_sum = ZERO
        pad = np.uint64(REACH)
        for i in range(size):
            w = np.float32(w_row[i]) * TO_UNIT
            # Where nothing counts in the whole window, the pixel itself does not: any factor will do.
            factor = share_down * shares_across[i] / mean_w[i] if mean_w[i] > ZERO else ZERO
            ma, mb = factor * mean_a[i], factor * mean_b[i]
            var_a, var_b = factor * square_a[i] - ma * ma, factor * square_b[i] - mb * mb
            covariance = factor * cross[i] - ma * mb
            top1, top2 = TWO * ma * mb + C1, TWO * covariance + C2
            low1, low2 = ma * ma + mb * mb + C1, var_a + var_b + C2
            inverse = ONE / (low1 * low2)
            value = top1 * top2 * inverse
            ssim_sum += w * value
            d_square = -value / low2
            d_cross = TWO * top1 * inverse
            d_mean = TWO * mb * top2 * inverse - TWO * ma * value / low1
            share = w * factor
            p0[i + pad] = share * (d_mean - TWO * ma * d_square - mb * d_cross)
            p1[i + pad] = share * d_square
            p2[i + pad] = share * d_cross
            l1_sum += w * abs(a_row[i] - np.float32(b_row[i]) * TO_UNIT)
        sums[row, 0] = l1_sum
        sums[row, 1] = ssim_sum


@parallel_kernel
def weigh(planes: ndarray, weights: ndarray) -> None:
    """Multiply each plane by the weights, in place."""
    channels, height, width = planes.shape
    for row in prange(channels * height):
        target, w_row = planes[row // height, row % height], weights[row % height]
        for i in range(np.uint64(width)):
            target[i] *= np.float32(w_row[i]) * TO_UNIT
