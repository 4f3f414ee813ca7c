"""Coloured points: what a point cloud file holds."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float32, UInt8
from numpy import ndarray


@dataclass(frozen=True, eq=False)
class Points:
    """Positions in world units, colours in sRGB, and unit normals where they are known."""

    positions: Float32[ndarray, "n 3"]
    colors: UInt8[ndarray, "n 3"]
    normals: Float32[ndarray, "n 3"] | None = None
