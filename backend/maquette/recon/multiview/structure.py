"""Whether two pictures show the same detail: contrast and structure without brightness, where both are known."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray

WINDOW_PX = 7
"""Side of the square that is compared: a few texels, and narrow enough to stay on one side of most edges."""

_C2 = np.float32(0.03**2)


def structure_similarity(
    seen: Float32[ndarray, "h w"], known: Bool[ndarray, "h w"], pictures: Float32[ndarray, "k h w"]
) -> Float32[ndarray, "k h w"]:
    """The contrast and structure terms of SSIM, (2 s_xy + C2) / (s_x^2 + s_y^2 + C2), of each picture against ``seen``.

    Luma 0 to 1. Statistics are taken over the ``known`` pixels of a 7 x 7 window (Wang et al. 2004, equations 10, 13).
    """
    mask = known.astype(np.float32)
    count = _box(mask)
    np.maximum(count, np.float32(1), out=count)
    mean_seen = _box(mask * seen) / count
    variance_seen = np.maximum(_box(mask * seen * seen) / count - mean_seen * mean_seen, 0)
    similar = np.empty_like(pictures)
    for picture, out in zip(pictures, similar, strict=True):
        mean = _box(mask * picture) / count
        variance = np.maximum(_box(mask * picture * picture) / count - mean * mean, 0)
        covariance = _box(mask * picture * seen) / count - mean * mean_seen
        np.divide(2 * covariance + _C2, variance + variance_seen + _C2, out=out)
    return similar


def _box(values: Float32[ndarray, "h w"]) -> Float32[ndarray, "h w"]:
    """Sum over the window; outside the picture nothing is known."""
    summed: Float32[ndarray, "h w"] = cv2.boxFilter(
        values, cv2.CV_32F, (WINDOW_PX, WINDOW_PX), normalize=False, borderType=cv2.BORDER_CONSTANT
    )
    return summed
