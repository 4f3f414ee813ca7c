"""Whether poses agree with photos: how many matches lie where the poses say they must.

A match agrees when its Sampson distance to the epipolar lines of the two poses is small (Hartley and Zisserman 2004,
section 11.4.3) and the spot it shows lies in front of both cameras.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

FIT_PX = 0.004
"""Of the long side: how far from its epipolar line a match may lie when poses are judged (4 px of 1000)."""
STILL_PX = 0.002
"""Of the long side: what moved less lies on the sensor or on a background that turned with the camera."""
MOST_OF_A_PAIR = 200
"""Matches of one pair that count at most, so that two nearly equal photos do not decide alone."""


@dataclass(frozen=True, eq=False)
class MatchedPair:
    """Matches of photos ``first`` and ``second``: their spots in both, px with the centre of the first pixel at 0.5."""

    first: int
    second: int
    spots_first: Float[ndarray, "m 2"]
    spots_second: Float[ndarray, "m 2"]


@dataclass(frozen=True, eq=False)
class SeenRays:
    """The same matches as rays (x/z, y/z) in each camera, and what a unit there is in pixels."""

    pair: MatchedPair
    first: Float[ndarray, "m 2"]
    second: Float[ndarray, "m 2"]
    focal_px: float


@dataclass(frozen=True)
class Agreement:
    """``share`` of ``matches`` (in ``pairs`` pairs) that agree; ``error_px`` is the median distance from the epipolar
    line of all of them. ``by_photo``: share and matches of each photo that has any.
    """

    share: float
    matches: int
    pairs: int
    error_px: float
    by_photo: dict[int, tuple[float, int]]


def agreement(pairs: Sequence[SeenRays], poses: Sequence[Float[ndarray, "4 4"]], long_side_px: int) -> Agreement:
    """Judge ``poses`` (``camera_from_world``, OpenCV axes) by all matches that moved."""
    good = total = used = 0
    errors: list[ndarray] = []
    tally: dict[int, list[float]] = {}
    for rays in pairs:
        moved = np.linalg.norm(rays.pair.spots_first - rays.pair.spots_second, axis=1) > STILL_PX * long_side_px
        kept = np.flatnonzero(moved)
        kept = kept[np.linspace(0, len(kept) - 1, min(MOST_OF_A_PAIR, len(kept))).round().astype(int)]
        if len(kept) == 0:
            continue
        error, in_front = misses(rays, poses[rays.pair.first], poses[rays.pair.second])
        fits = (error < FIT_PX * long_side_px) & in_front
        good, total, used = good + int(fits[kept].sum()), total + len(kept), used + 1
        errors.append(error[kept])
        for photo in (rays.pair.first, rays.pair.second):
            mine = tally.setdefault(photo, [0.0, 0.0])
            mine[0] += float(fits[kept].sum())
            mine[1] += len(kept)
    return Agreement(
        share=good / total if total else 0.0,
        matches=total,
        pairs=used,
        error_px=float(np.median(np.concatenate(errors))) if errors else 0.0,
        by_photo={photo: (fit / count, int(count)) for photo, (fit, count) in sorted(tally.items())},
    )


def misses(
    rays: SeenRays, first: Float[ndarray, "4 4"], second: Float[ndarray, "4 4"]
) -> tuple[Float[ndarray, " m"], Bool[ndarray, " m"]]:
    """Sampson distance of each match, px, and whether it lies in front of both cameras."""
    inverse = np.eye(4)
    inverse[:3, :3], inverse[:3, 3] = first[:3, :3].T, -first[:3, :3].T @ first[:3, 3]
    relative = second @ inverse
    rotation, shift = relative[:3, :3], relative[:3, 3]
    shift = shift / max(float(np.linalg.norm(shift)), 1e-12)
    cross = np.array([[0, -shift[2], shift[1]], [shift[2], 0, -shift[0]], [-shift[1], shift[0], 0]])
    essential = cross @ rotation
    a = np.concatenate([rays.first, np.ones((len(rays.first), 1))], axis=1)
    b = np.concatenate([rays.second, np.ones((len(rays.second), 1))], axis=1)
    line_b, line_a = a @ essential.T, b @ essential
    algebraic = (b * line_b).sum(axis=1)
    squared = algebraic**2 / np.maximum((line_b[:, :2] ** 2).sum(1) + (line_a[:, :2] ** 2).sum(1), 1e-18)

    # Depths z_a, z_b that bring z_a R a + t and z_b b closest together.
    turned = a @ rotation.T
    aa, bb, ab = (turned**2).sum(1), (b**2).sum(1), (turned * b).sum(1)
    at, bt = turned @ shift, b @ shift
    depth_a, depth_b = ab * bt - bb * at, aa * bt - ab * at  # times the determinant, which is positive
    return np.sqrt(squared) * rays.focal_px, (depth_a > 0) & (depth_b > 0)
