"""What is left of a photo once its background is gone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

ALPHA = "alpha"
"""The method of a photo that brought its own transparency."""


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

    def over(self, pixels: UInt8[ndarray, "h w 3"], level: int = 0) -> UInt8[ndarray, "h w 3"]:
        """The photo's object over an even grey ``level`` (0: black, the colour that an empty model renders)."""
        weight = self.mask[..., None].astype(np.uint16)
        # A photo with its own transparency was read over black already: weighed twice, its edges would darken.
        own = pixels.astype(np.uint16) * (255 if self.method == ALPHA else weight)
        seen: UInt8[ndarray, "h w 3"] = np.minimum((own + level * (255 - weight) + 127) // 255, 255).astype(np.uint8)
        return seen
