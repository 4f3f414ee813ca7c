"""What is known beforehand of a photo's depth: from a depth sensor, a network fitted to sparse points, or a render."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.arrays import DamagedArraysError, read_array

_KNOWN_SHARE = 0.5
"""A shrunk pixel is known where at least this much of its area is."""


class BadDepthPriorError(BadInputError):
    """A view's depth is missing, broken, of another size than its photo, or known nowhere."""

    code = "bad_depth_prior"

    def __init__(self, view: str, why: str, suggestion: str) -> None:
        super().__init__(f"The depth of view {view} {why}.", suggestion=suggestion, view=view)


def read_depth_prior(path: Path, view: str, width: int, height: int) -> Float32[ndarray, "h w"]:
    """Inverse depth (one over world units along z; 0: unknown) of a photo of ``width`` x ``height`` pixels.

    The file is a float32 .npy of distances along z in world units, in which 0 and what is not finite are unknown.
    Raises :class:`BadDepthPriorError`, naming ``view``.
    """
    try:
        depth = read_array(path)
    except DamagedArraysError as error:
        raise BadDepthPriorError(view, "cannot be read", "Check that the .npy file is there and whole.") from error
    if depth.shape != (height, width) or depth.dtype.kind != "f":
        raise BadDepthPriorError(
            view,
            f"is {depth.dtype}{depth.shape}; its photo asks for float32({height}, {width})",
            "Save one distance for each pixel of the photo, in world units along z.",
        )
    known = np.isfinite(depth) & (depth > 0)
    if (depth < 0).any():
        raise BadDepthPriorError(
            view, "holds negative distances", "Save distances along z; 0 or NaN where they are unknown."
        )
    if not known.any():
        raise BadDepthPriorError(view, "is known nowhere", "Leave the view without a depth.")
    inverse = np.zeros((height, width), np.float32)
    np.divide(1.0, depth, out=inverse, where=known, casting="same_kind")
    return inverse


def shrunk_inverse_depth(inverse: Float32[ndarray, "h w"], width: int, height: int) -> Float32[ndarray, "h2 w2"]:
    """Inverse depth at a smaller size: the mean over the part of each pixel's area that is known, if that is half."""
    if inverse.shape == (height, width):
        return inverse
    total = cv2.resize(inverse, (width, height), interpolation=cv2.INTER_AREA)
    share = cv2.resize(np.float32(1.0) * (inverse > 0), (width, height), interpolation=cv2.INTER_AREA)
    small: Float32[ndarray, "h2 w2"] = np.where(share >= _KNOWN_SHARE, total / np.maximum(share, 1e-6), 0.0)
    return small.astype(np.float32)
