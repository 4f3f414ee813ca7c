"""Rotations as the three smallest components of a unit quaternion and the place of the largest.

The largest is the root of what the others leave to a length of 1, and its sign can be chosen, as q and -q are the
same rotation. The others lie within 1/sqrt(2), which spends few bits well. Used by SPZ, SOG and packed PLY.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int
from numpy import ndarray

_OTHERS = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])


def split(quaternions: Float32[ndarray, "n 4"]) -> tuple[Int[ndarray, " n"], Float32[ndarray, "n 3"]]:
    """The place of the largest component and the others in order, each in [-1/sqrt(2), 1/sqrt(2)].

    Any order of components will do, and any length but 0, which gives no rotation.
    """
    length = np.linalg.norm(quaternions, axis=1, keepdims=True)
    unit = quaternions / np.maximum(length, np.float32(1e-30))
    largest = np.argmax(np.abs(unit), axis=1)
    rows = np.arange(len(unit))
    sign = np.where(unit[rows, largest] < 0, np.float32(-1), np.float32(1))
    others = unit[rows[:, None], _OTHERS[largest]] * sign[:, None]
    return largest, others.astype(np.float32)


def join(largest: Int[ndarray, " n"], others: Float32[ndarray, "n 3"]) -> Float32[ndarray, "n 4"]:
    """The inverse of :func:`split`, up to the sign of the whole quaternion."""
    quaternions = np.empty((len(others), 4), np.float32)
    rows = np.arange(len(others))
    quaternions[rows[:, None], _OTHERS[largest]] = others
    quaternions[rows, largest] = np.sqrt(np.maximum(0, 1 - np.square(others).sum(axis=1)))
    return quaternions
