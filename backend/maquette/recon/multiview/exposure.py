"""How much brighter a picture is as a whole than what the model shows: a camera's choice, no contradiction."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

_DARKEST, _BRIGHTEST = 0.06, 0.94
_LEAST_PIXELS = 64


def exposure_gain(
    picture: UInt8[ndarray, "3 h w"], render: Float32[ndarray, "3 h w"], *, limit: float, known: ndarray | None = None
) -> float:
    """Factor, between 1 / ``limit`` and ``limit``, by which ``picture`` (0 to 255) outshines ``render`` (0 to 1).

    The median ratio of the luma of sRGB values, so up to half of the pixels may show something else; one number for
    the three channels, so that a colour cast stays a difference. Only pixels count that are ``known`` (all, if not
    given) and neither nearly black nor nearly white in either; 1 where there are fewer than 64.
    """
    ours, theirs = luma(picture) / np.float32(255), luma(render)
    usable = (ours > _DARKEST) & (ours < _BRIGHTEST) & (theirs > _DARKEST) & (theirs < _BRIGHTEST)
    if known is not None:
        usable &= known
    if np.count_nonzero(usable) < _LEAST_PIXELS:
        return 1.0
    return float(np.clip(np.median(ours[usable] / theirs[usable]), 1.0 / limit, limit))


def luma(planes: ndarray) -> Float32[ndarray, "h w"]:
    """Brightness of sRGB colour planes as Rec. 601 weighs them."""
    return np.tensordot(np.array([0.299, 0.587, 0.114], np.float32), planes.astype(np.float32), axes=1)
