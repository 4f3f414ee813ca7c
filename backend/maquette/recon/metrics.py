"""How close a picture comes to a photo: PSNR and SSIM of 8-bit sRGB images, of all pixels or by a mask's weights."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.errors import BadInputError

PSNR_CAP_DB = 100.0
"""Highest PSNR ever answered: identical pictures have none, and infinity is no JSON number."""

_WINDOW_PX = 11
_SIGMA_PX = 1.5
_C1 = (0.01 * 255.0) ** 2
_C2 = (0.03 * 255.0) ** 2


class ImageSizesDifferError(BadInputError):
    """Only pictures of the same size can be compared."""

    code = "image_sizes_differ"

    def __init__(self, size: tuple[int, int], reference: tuple[int, int]) -> None:
        super().__init__(
            f"A picture of {size[0]} x {size[1]} pixels cannot be compared with one of "
            f"{reference[0]} x {reference[1]}.",
            suggestion="Render the view at exactly the size of its photo.",
            size=list(size),
            reference=list(reference),
        )


def psnr(
    image: UInt8[ndarray, "h w 3"], reference: UInt8[ndarray, "_ _ 3"], weights: UInt8[ndarray, "_ _"] | None = None
) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels, at most :data:`PSNR_CAP_DB`.

    With ``weights`` (255 counts fully, 0 not at all) the squared error is the mean by them. The cap is also the
    answer for pictures that are identical where they count. Raises :class:`ImageSizesDifferError`.
    """
    _check_sizes(image, reference, weights)
    if weights is not None:
        squares = np.square(image.astype(np.int32) - reference).sum(axis=2)
        total = float((squares * weights.astype(np.int64)).sum())
        if total == 0:
            return PSNR_CAP_DB
        counted = 3.0 * float(weights.sum(dtype=np.int64))
        return min(PSNR_CAP_DB, 10.0 * float(np.log10(255.0**2 * counted / total)))
    # 8-bit squares summed by cv2 in double: exact, and no float copy of the picture
    squared_error = float(cv2.norm(image, reference, cv2.NORM_L2SQR))
    if squared_error == 0:
        return PSNR_CAP_DB
    return min(PSNR_CAP_DB, 10.0 * float(np.log10(255.0**2 * image.size / squared_error)))


def ssim(
    image: UInt8[ndarray, "h w 3"], reference: UInt8[ndarray, "_ _ 3"], weights: UInt8[ndarray, "_ _"] | None = None
) -> float:
    """Structural similarity, mean over pixels and channels (Wang et al. 2004, equation 13).

    An 11 x 11 Gaussian window of 1.5 px standard deviation, K1 = 0.01, K2 = 0.03, no sample correction; only
    pixels whose whole window lies inside count. Along a side shorter than the window every pixel counts and the
    picture is mirrored past its edge.

    With ``weights`` w (255 counts fully, 0 not at all) the windowed means are those of what counts alone,
    mean(f) = (g * w f) / (g * w), and the answer is the mean by the weights: what is masked neither counts nor enters
    its neighbours' windows. Where nothing that counts lies inside, all of the picture does. Raises
    :class:`ImageSizesDifferError`.
    """
    _check_sizes(image, reference, weights)
    # Variances do not change with a shift, and single precision keeps more of them near zero.
    x = image.astype(np.float32) - np.float32(127.5)
    y = reference.astype(np.float32) - np.float32(127.5)
    blur = _blur if weights is None else _weighted_blur(weights)
    mean_x, mean_y = blur(x), blur(y)
    variances = blur(x * x + y * y) - mean_x * mean_x - mean_y * mean_y
    covariance = blur(x * y) - mean_x * mean_y
    mean_x += 127.5
    mean_y += 127.5
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x * mean_x + mean_y * mean_y + _C1)
    structure = (2 * covariance + _C2) / (variances + _C2)
    inside = tuple(_inside(length) for length in image.shape[:2])
    similar = luminance * structure
    if weights is None:
        return float(similar[inside].mean(dtype=np.float64))
    if not weights[inside].any():
        inside = (slice(None), slice(None))
    return float(np.average(similar[inside].mean(axis=2, dtype=np.float64), weights=weights[inside]))


def _inside(length: int) -> slice:
    margin = _WINDOW_PX // 2
    return slice(margin, length - margin) if length >= _WINDOW_PX else slice(None)


def _blur(planes: Float32[ndarray, "h w 3"]) -> Float32[ndarray, "h w 3"]:
    kernel = cv2.getGaussianKernel(_WINDOW_PX, _SIGMA_PX)
    blurred: Float32[ndarray, "h w 3"] = cv2.sepFilter2D(
        planes, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REFLECT
    )
    return blurred


def _weighted_blur(weights: UInt8[ndarray, "h w"]) -> Callable[[ndarray], ndarray]:
    w = np.repeat(weights[..., None].astype(np.float32) / np.float32(255.0), 3, axis=2)
    # Where nothing counts in a whole window, its pixel does not either: any divisor will do.
    total = _blur(w)
    total[total <= 0] = 1.0
    return lambda planes: _blur(w * planes) / total


def _check_sizes(image: ndarray, reference: ndarray, weights: ndarray | None) -> None:
    for other in (reference, image if weights is None else weights):
        if image.shape[:2] != other.shape[:2]:
            raise ImageSizesDifferError((image.shape[1], image.shape[0]), (other.shape[1], other.shape[0]))
