"""The order of a space-filling curve, along which neighbours in a file are neighbours in space (Morton 1966)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int, UInt64
from numpy import ndarray

_BITS = 20


def morton_order(means: Float32[ndarray, "n 3"]) -> Int[ndarray, " n"]:
    """Indices along the curve, ``2**20`` cells a side; ties keep their order."""
    low, high = means.min(axis=0).astype(np.float64), means.max(axis=0).astype(np.float64)
    cells = (means - low) * ((2**_BITS - 1) / np.maximum(high - low, 1e-30))
    code = np.zeros(len(means), np.uint64)
    for axis in range(3):
        code |= _spread(cells[:, axis].astype(np.uint64)) << np.uint64(2 - axis)
    order: Int[ndarray, " n"] = np.argsort(code, kind="stable")
    return order


def _spread(values: UInt64[ndarray, " n"]) -> UInt64[ndarray, " n"]:
    """Two zero bits between all bits, by the usual masks for 21 bits."""
    for shift, mask in (
        (32, 0x1F00000000FFFF),
        (16, 0x1F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ):
        values = (values | (values << np.uint64(shift))) & np.uint64(mask)
    return values
