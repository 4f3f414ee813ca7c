"""Which way is up: the display matrix that phones store instead of turning pixels."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray


@dataclass(frozen=True)
class Orientation:
    """How stored pixels become upright ones: transpose first, then flip left-right, then flip top-bottom.

    These three cover the four quarter turns and their mirror images.
    """

    transposed: bool = False
    flipped_x: bool = False
    flipped_y: bool = False

    @property
    def clockwise_degrees(self) -> int:
        """0, 90, 180 or 270: the turn that makes the picture upright (after a flip left-right where mirrored)."""
        if self.transposed:
            return 90 if self.flipped_x else 270
        return 180 if self.flipped_y else 0

    @property
    def mirrored(self) -> bool:
        """The stored pixels are a mirror image, as some front cameras write them."""
        return (self.transposed + self.flipped_x + self.flipped_y) % 2 == 1


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """From the frame's display matrix, to the nearest quarter turn; upright where it has none."""
    matrix = cast("bytes | None", frame.side_data.get("DISPLAYMATRIX"))
    return _from_matrix(bytes(matrix)) if matrix is not None else Orientation()


def turn_upright(pixels: UInt8[ndarray, "h w 3"], orientation: Orientation) -> UInt8[ndarray, "h2 w2 3"]:
    """Pixels the way they were seen."""
    if orientation.transposed:
        pixels = pixels.transpose(1, 0, 2)
    if orientation.flipped_x:
        pixels = pixels[:, ::-1]
    if orientation.flipped_y:
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _from_matrix(data: bytes) -> Orientation:
    """ISO 14496-12, 6.2.2: nine 32-bit numbers a b u c d v x y w; x' = a x + c y + x, y' = b x + d y + y."""
    if len(data) < 36:
        return Orientation()
    a, b, _, c, d, *_ = struct.unpack("=9i", data[:36])
    if not math.hypot(a, b) or not math.hypot(c, d):
        return Orientation()
    if abs(b) > abs(a):
        return Orientation(transposed=True, flipped_x=c < 0, flipped_y=b < 0)
    return Orientation(flipped_x=a < 0, flipped_y=d < 0)
