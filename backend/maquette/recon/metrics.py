"""How close a picture comes to a photo: PSNR and SSIM of 8-bit sRGB images."""

from __future__ import annotations

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


def psnr(image: UInt8[ndarray, "h w 3"], reference: UInt8[ndarray, "_ _ 3"]) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels, at most :data:`PSNR_CAP_DB`.

    The cap is also the answer for identical pictures. Raises :class:`ImageSizesDifferError`.
    """
    _check_sizes(image, reference)
    # 8-bit squares summed by cv2 in double: exact, and no float copy of the picture
    squared_error = float(cv2.norm(image, reference, cv2.NORM_L2SQR))
    if squared_error == 0:
        return PSNR_CAP_DB
    return min(PSNR_CAP_DB, 10.0 * float(np.log10(255.0**2 * image.size / squared_error)))


def ssim(image: UInt8[ndarray, "h w 3"], reference: UInt8[ndarray, "_ _ 3"]) -> float:
    """Structural similarity, mean over pixels and channels (Wang et al. 2004, equation 13).

    An 11 x 11 Gaussian window of 1.5 px standard deviation, K1 = 0.01, K2 = 0.03, no sample correction; only
    pixels whose whole window lies inside count. Along a side shorter than the window every pixel counts and the
    picture is mirrored past its edge. Raises :class:`ImageSizesDifferError`.
    """
    _check_sizes(image, reference)
    # Variances do not change with a shift, and single precision keeps more of them near zero.
    x = image.astype(np.float32) - np.float32(127.5)
    y = reference.astype(np.float32) - np.float32(127.5)
    mean_x, mean_y = _blur(x), _blur(y)
    variances = _blur(x * x + y * y) - mean_x * mean_x - mean_y * mean_y
    covariance = _blur(x * y) - mean_x * mean_y
    mean_x += 127.5
    mean_y += 127.5
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x * mean_x + mean_y * mean_y + _C1)
    structure = (2 * covariance + _C2) / (variances + _C2)
    rows, columns = (_inside(length) for length in image.shape[:2])
    return float((luminance * structure)[rows, columns].mean(dtype=np.float64))


def _inside(length: int) -> slice:
    margin = _WINDOW_PX // 2
    return slice(margin, length - margin) if length >= _WINDOW_PX else slice(None)


def _blur(planes: Float32[ndarray, "h w 3"]) -> Float32[ndarray, "h w 3"]:
    kernel = cv2.getGaussianKernel(_WINDOW_PX, _SIGMA_PX)
    blurred: Float32[ndarray, "h w 3"] = cv2.sepFilter2D(
        planes, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_REFLECT
    )
    return blurred


def _check_sizes(image: ndarray, reference: ndarray) -> None:
    if image.shape != reference.shape:
        raise ImageSizesDifferError((image.shape[1], image.shape[0]), (reference.shape[1], reference.shape[0]))
