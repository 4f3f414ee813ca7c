"""What is left of a photo once its background is gone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray


@dataclass(frozen=True, eq=False)
class Removed:
    """The object's ``mask``: 255 object, 0 background, between them soft edges.

    ``method`` names what told them apart: ``alpha``, ``grabcut``, or a network with its revision. ``degraded``: it was
    no network. ``confidence`` is 0 to 1: of a network how decided it was, of GrabCut how unlike the colours of object
    and background are; the two do not compare.
    """

    mask: UInt8[ndarray, "h w"]
    method: str
    degraded: bool
    confidence: float

    @property
    def share(self) -> float:
        """Share of the picture that the object takes."""
        return float(self.mask.mean() / 255)


def composited(pixels: UInt8[ndarray, "h w 3"], mask: UInt8[ndarray, "h w"], level: int = 0) -> UInt8[ndarray, "h w 3"]:
    """The object over an even grey ``level`` (0: black, the colour that an empty model renders)."""
    weight = mask[..., None].astype(np.uint16)
    return ((pixels * weight + level * (255 - weight) + 127) // 255).astype(np.uint8)
