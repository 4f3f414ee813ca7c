"""Which of the measured frames become photos: spread over the camera's way and over time, each the sharpest around.

The way and the time make one scale from 0 to 1. It is cut into as many equal windows as frames are wanted, and each
window gives its best frame: sharp, and not at the window's edge where it would stand beside its neighbour. Blurred
frames are out beforehand. Windows with nothing sharp stay empty; finer windows elsewhere make up for them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from maquette.recon.capture import is_blurred
from maquette.recon.video.measuring import FrameMeasures

LEAST_FRAMES = 3
"""As many are chosen even of a still camera, where there are so many."""

LEAST_WAY = 0.006
"""Way between two chosen frames (share of the long side, see :func:`way`) below which they show the same view."""

_SHIFT_COUNTS = 0.2
"""A turning camera sees new things too, though it gives no depth: shift counts this much beside parallax."""
_TIME_COUNTS = 0.15
"""Share of time in the scale, so that a stretch whose motion could not be measured is not skipped."""
_EDGE_COSTS = 0.5
"""A frame at its window's edge must be twice as sharp as one in the middle."""


def choose(measured: Sequence[FrameMeasures], count: int) -> tuple[int, ...]:
    """Positions in ``measured`` of at most ``count`` frames, in order; fewer where the camera hardly moved.

    Depends on nothing but its arguments.
    """
    if not measured or count < 1:
        return ()
    ways = way(measured)
    affordable = min(count, max(LEAST_FRAMES, 1 + int(ways[-1] / LEAST_WAY)))
    usable = ~blurred(measured)
    if usable.sum() < min(LEAST_FRAMES, len(measured)):
        usable[:] = True  # all blurred: the sharpest of them, and the verdict says so
    scale = _scale(ways, measured)
    chosen: tuple[int, ...] = ()
    windows = affordable
    while windows <= 4 * affordable:
        candidate = _best_of_windows(scale, usable, measured, windows)
        if len(candidate) > affordable:
            break
        chosen = candidate
        if len(chosen) == min(affordable, int(usable.sum())):
            break
        windows += 1
    return chosen


def way(measured: Sequence[FrameMeasures]) -> Float[ndarray, " n"]:
    """The camera's way up to each frame, never falling, in shares of the picture's long side."""
    total = [frame.motion.parallax + _SHIFT_COUNTS * frame.motion.shift for frame in measured]
    return np.maximum.accumulate(np.array(total, dtype=np.float64))


def blurred(measured: Sequence[FrameMeasures]) -> Bool[ndarray, " n"]:
    """By the rule for photos, the median being that of all frames."""
    median = float(np.median([frame.sharpness for frame in measured]))
    return np.array([is_blurred(frame.sharpness, median) for frame in measured])


def _scale(ways: Float[ndarray, " n"], measured: Sequence[FrameMeasures]) -> Float[ndarray, " n"]:
    times = np.array([frame.time_s for frame in measured])
    shares = [(values - values[0]) / max(float(values[-1] - values[0]), 1e-12) for values in (ways, times)]
    return np.asarray((1 - _TIME_COUNTS) * shares[0] + _TIME_COUNTS * shares[1])


def _best_of_windows(
    scale: Float[ndarray, " n"], usable: Bool[ndarray, " n"], measured: Sequence[FrameMeasures], windows: int
) -> tuple[int, ...]:
    place = np.minimum(scale / max(float(scale[-1]), 1e-12), 1.0) * windows
    window = np.minimum(place.astype(int), windows - 1)
    from_middle = np.abs(place - window - 0.5) * 2
    score = np.array([frame.sharpness for frame in measured]) * (1 - _EDGE_COSTS * from_middle)
    best: dict[int, int] = {}
    for i in np.flatnonzero(usable):
        held = best.get(int(window[i]))
        if held is None or score[i] > score[held]:
            best[int(window[i])] = int(i)
    return tuple(sorted(best.values()))
