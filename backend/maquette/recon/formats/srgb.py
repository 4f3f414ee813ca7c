"""Colours of vertices: sRGB with us, linear light in glTF and USD (IEC 61966-2-1)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray


def linear_from_srgb(colors: UInt8[ndarray, "n 3"]) -> Float32[ndarray, "n 3"]:
    """Linear light, 0 to 1."""
    values = np.arange(256) / 255
    table = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)
    linear: Float32[ndarray, "n 3"] = table[colors]
    return linear


def srgb_from_linear(linear: Float32[ndarray, "n 3"]) -> UInt8[ndarray, "n 3"]:
    """The nearest of the 256 steps; what is darker than black or brighter than white is cut."""
    linear = np.clip(linear, 0, 1)
    values = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    colors: UInt8[ndarray, "n 3"] = np.rint(values * 255).astype(np.uint8)
    return colors
