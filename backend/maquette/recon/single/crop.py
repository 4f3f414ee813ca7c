"""The object alone in the middle of a square, as view models want to be shown it."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maquette.recon.background import Removed


def square_crop(
    pixels: UInt8[ndarray, "h w 3"], removed: Removed, side_px: int, margin: float, level: int
) -> UInt8[ndarray, "s s 3"]:
    """The object over grey ``level``, its longer side the square's less ``margin`` (of the side) at both ends."""
    mask = removed.mask
    rows, columns = np.flatnonzero((mask >= 128).any(axis=1)), np.flatnonzero((mask >= 128).any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    scale = side_px * (1 - 2 * margin) / max(bottom - top, right - left)
    moved = np.array(
        [
            [scale, 0, side_px / 2 - scale * (left + right) / 2 + (scale - 1) / 2],
            [0, scale, side_px / 2 - scale * (top + bottom) / 2 + (scale - 1) / 2],
        ]
    )
    seen = removed.over(pixels, level)
    if scale < 1:
        # Shrinking by interpolation alone would let the photo's texture flicker.
        seen = cv2.GaussianBlur(seen, (0, 0), 0.4 / scale)
    framed = cv2.warpAffine(
        seen,
        moved,
        (side_px, side_px),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(level,) * 3,
    )
    return np.asarray(framed, np.uint8)
