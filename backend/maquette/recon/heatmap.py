"""Where a render differs from its photo, as a picture: the same colour means the same error in every version."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.recon.metrics import ImageSizesDifferError

ERROR_FULL = 0.25
"""Error at the bright end of the scale, as a share of the full range of a channel; larger ones look the same. Fixed,
not taken from the picture, so that the heatmaps of two versions compare."""

COLOURS = "inferno"
"""Its lightness rises evenly from black to yellow (van der Walt and Smith 2015), so that twice the error looks it, in
grey too."""


def pixel_error(image: UInt8[ndarray, "h w 3"], reference: UInt8[ndarray, "_ _ 3"]) -> Float32[ndarray, "h w"]:
    """Root mean square over the three sRGB channels of each pixel's difference, 0 to 1 of a channel's range.

    Its own root mean square over the picture is the error behind PSNR. Raises :class:`ImageSizesDifferError`.
    """
    if image.shape != reference.shape:
        raise ImageSizesDifferError((image.shape[1], image.shape[0]), (reference.shape[1], reference.shape[0]))
    difference = (image.astype(np.float32) - reference) / np.float32(255.0)
    return np.sqrt(np.mean(difference * difference, axis=2, dtype=np.float32))


def error_heatmap(error: Float32[ndarray, "h w"]) -> UInt8[ndarray, "h w 3"]:
    """Errors (0 to 1) as colours, sRGB: black is none, the bright end :data:`ERROR_FULL` and above, linear between."""
    levels = np.rint(np.clip(error / ERROR_FULL, 0, 1) * 255).astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)
    return np.ascontiguousarray(cv2.cvtColor(colours, cv2.COLOR_BGR2RGB))
