"""Opacities between the logits that are optimised and the bytes that files keep; numbers made whole levels."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray


def sigmoid(logits: Float32[ndarray, " n"]) -> Float32[ndarray, " n"]:
    """Opacity from its logit; never overflows."""
    opacity: Float32[ndarray, " n"] = np.exp(-np.logaddexp(np.float32(0), -logits))
    return opacity


def logit(opacity: Float32[ndarray, " n"]) -> Float32[ndarray, " n"]:
    """The logit of an opacity; 0 and 1 are taken for the next numbers inside, where it is finite."""
    inside = np.clip(opacity.astype(np.float64), 1e-7, 1 - 1e-7)
    logits: Float32[ndarray, " n"] = np.log(inside / (1 - inside)).astype(np.float32)
    return logits


def opacity_bytes(logits: Float32[ndarray, " n"]) -> UInt8[ndarray, " n"]:
    """Opacity in 255 steps."""
    return to_byte(sigmoid(logits) * 255)


def logits_of(opacities: UInt8[ndarray, " n"]) -> Float32[ndarray, " n"]:
    """The inverse of :func:`opacity_bytes`. 0 and 255 are read as a half step inside, where the logit is finite."""
    inside = np.clip(opacities / np.float32(255), np.float32(0.5 / 255), np.float32(254.5 / 255))
    logits: Float32[ndarray, " n"] = np.log(inside / (1 - inside)).astype(np.float32)
    return logits


def to_byte(values: Float[ndarray, " *shape"]) -> UInt8[ndarray, " *shape"]:
    """The nearest whole numbers from 0 to 255."""
    rounded: UInt8[ndarray, " *shape"] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded
