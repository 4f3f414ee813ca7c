"""Memory that the iterations of a training run hand on to each other.

Fresh arrays of tens of megabytes come from the system as untouched pages; touching them again in every iteration took
a tenth of it.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy import ndarray

LINE = 64
"""Bytes in a cache line. Arrays begin on one, so that what fits into a line does not lie across two."""


class Scratch:
    """Named arrays that keep their memory. What :meth:`empty` gave is overwritten when its name is asked for again."""

    def __init__(self) -> None:
        self._buffers: dict[str, ndarray] = {}

    def empty(self, name: str, shape: tuple[int, ...], dtype: Any = np.float32) -> ndarray:
        """An array of ``shape`` with any content."""
        needed = prod(shape) * np.dtype(dtype).itemsize
        buffer = self._buffers.get(name)
        if buffer is None or buffer.nbytes < needed:
            # A quarter more, so that a growing model does not ask anew in every iteration.
            room = np.empty(needed + needed // 4 + LINE, np.uint8)
            buffer = self._buffers[name] = room[-room.ctypes.data % LINE :]
        array: ndarray = buffer[:needed].view(dtype).reshape(shape)
        return array
