"""A coarse mask brought to the photo's size, its edge along the photo's own: hair, fur and slats stay."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

_RADIUS = 4
"""Pixels of the coarse mask over which the edge may move."""
_FLAT = 1e-3
"""Variance of brightness, 0 to 1, below which the photo shows no edge to follow."""
_VEIL = 0.2
"""Share of the object in a pixel of the band up to which it counts as none of it; one minus it: all of it."""


def sharpened(mask: UInt8[ndarray, "_ _"], photo: UInt8[ndarray, "h w 3"]) -> UInt8[ndarray, "h w"]:
    """The mask at the photo's size.

    In a band around its outline it becomes the linear function of the photo's brightness that fits it best in each
    window, found at the mask's size and applied at the photo's: the fast guided filter (He and Sun 2015). Elsewhere
    it stays what it was, for that filter lets texture shine through.
    """
    height, width = photo.shape[:2]
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    shrunk = cv2.resize(grey, (mask.shape[1], mask.shape[0]), interpolation=cv2.INTER_AREA)
    coarse: Float32[ndarray, "a b"] = shrunk.astype(np.float32) / np.float32(255)
    alpha = mask.astype(np.float32) / np.float32(255)

    def mean(plane: Float32[ndarray, "a b"]) -> Float32[ndarray, "a b"]:
        side = 2 * _RADIUS + 1
        smooth: Float32[ndarray, "a b"] = cv2.blur(plane, (side, side), borderType=cv2.BORDER_REFLECT)
        return smooth

    mean_grey, mean_alpha = mean(coarse), mean(alpha)
    slope = (mean(coarse * alpha) - mean_grey * mean_alpha) / (mean(coarse * coarse) - mean_grey**2 + _FLAT)
    offset = mean_alpha - slope * mean_grey
    window = np.ones((2 * _RADIUS + 1, 2 * _RADIUS + 1), np.uint8)
    band = cv2.morphologyEx((mask >= 128).astype(np.uint8), cv2.MORPH_GRADIENT, window).astype(np.float32)

    size = (width, height)
    slopes, offsets, near, plain = (
        cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in (mean(slope), mean(offset), band, alpha)
    )
    guided = np.clip(slopes * (grey.astype(np.float32) / 255) + offsets, 0, 1)
    # Cut at both ends: a veil of a few per cent around the outline would be a halo in every view.
    mixed = plain + near * (np.clip((guided - _VEIL) / (1 - 2 * _VEIL), 0, 1) - plain)
    return np.rint(255 * np.clip(mixed, 0, 1)).astype(np.uint8)
