"""What each family of depth networks wants to be given, as its publisher's own code gives it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of RGB, 0 to 1: what both families were trained with."""


@dataclass(frozen=True)
class Family:
    """How a photo becomes the input of a network.

    ``side_px``: the shorter side where ``keeps_shape``, the longer one then in proportion; else both sides. Both are
    multiples of ``multiple``.
    """

    name: str
    side_px: int
    multiple: int
    keeps_shape: bool

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height, in pixels, at which a photo of this size is looked at."""
        if not self.keeps_shape:
            return self.side_px, self.side_px
        scale = self.side_px / min(width, height)
        return self._rounded(scale * width), self._rounded(scale * height)

    def _rounded(self, length: float) -> int:
        return max(self.side_px, round(length / self.multiple) * self.multiple)


DEPTH_ANYTHING_V2 = Family("depth-anything-v2", side_px=518, multiple=14, keeps_shape=True)
"""Yang et al. 2024, "Depth Anything V2": the shape is kept, 518 px on the shorter side, patches of 14."""

MIDAS_SMALL = Family("midas-small", side_px=256, multiple=32, keeps_shape=False)
"""Ranftl et al. 2020, release v2.1 small: squeezed into a square, as its publisher's runner of ONNX files does."""

FAMILIES: dict[str, Family] = {
    "depth-anything-v2-small": DEPTH_ANYTHING_V2,
    "depth-anything-v2-base": DEPTH_ANYTHING_V2,
    "depth-anything-v2-large": DEPTH_ANYTHING_V2,
    "midas-small": MIDAS_SMALL,
}
"""By name of the registry's model, best first among those that may be used freely."""


def network_input(
    image: UInt8[ndarray, "h w 3"], size: tuple[int, int], *, normalised: bool
) -> Float32[ndarray, "1 3 h2 w2"]:
    """RGB as float32 NCHW of ``size`` (width, height): 0 to 1, cubic, and less ImageNet's mean by its deviation.

    Cubic overshoots stay, and nothing is blurred before it shrinks: so the publishers' code does it, and so the
    networks know pictures. ``normalised`` false leaves out mean and deviation, for networks that do that themselves.
    """
    unit: ndarray = image.astype(np.float32) / np.float32(255.0)
    if (image.shape[1], image.shape[0]) != size:
        unit = cv2.resize(unit, size, interpolation=cv2.INTER_CUBIC)
    if normalised:
        unit = (unit - np.asarray(IMAGENET_MEAN, np.float32)) / np.asarray(IMAGENET_STD, np.float32)
    return np.ascontiguousarray(unit.transpose(2, 0, 1)[None], dtype=np.float32)
