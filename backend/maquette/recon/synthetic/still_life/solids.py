"""What stands on the table: its solids, built as a potter, a baker and a bookbinder would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.recon.synthetic.still_life.paints import Paint

Points = Sequence[tuple[float, float]]
Place = tuple[float, float, float]
_MIDDLE: Place = (0.0, 0.0, 0.0)

_PER_PIECE = 5
"""Straight pieces between two points of a smooth profile."""


@dataclass(frozen=True, eq=False)
class StillLife:
    """Solids as the kernels read them.

    A row: kind (0 box, 1 lathe), paint, radius of the ball around it, centre, nine numbers of world from local; then of
    a box its half sizes and the radius of its edges, of a lathe the first and one past the last profile point and half
    the wall.
    """

    solids: Float[ndarray, "n 19"]
    profile: Float[ndarray, "p 2"]


def still_life() -> StillLife:
    """A vase, a bowl of fruit, a candlestick on books and more fruit, on a cloth on a round table 4.6 units wide."""
    rows: list[list[float]] = []
    profile: list[tuple[float, float]] = []

    def turned(
        what: Paint, points: Points, place: Place, *, wall: float, lie: Place = _MIDDLE, smooth: bool = True
    ) -> None:
        drawn = _smooth(points) if smooth else list(points)
        ball = max(np.hypot(r, z) for r, z in drawn) + wall
        shape = [len(profile), len(profile) + len(drawn), wall, 0.0]
        rows.append([1, what, ball, *place, *_turn(*lie), *shape])
        profile.extend(drawn)

    def box(what: Paint, size: Place, place: Place, yaw: float, edge: float) -> None:
        half = [side / 2 for side in size]
        rows.append([0, what, float(np.linalg.norm(half)), *place, *_turn(0.0, 0.0, yaw), *half, edge])

    box(Paint.FLOOR, (40.0, 40.0, 0.5), (0.0, 0.0, -2.05), 0.3, 0.01)
    turned(Paint.TABLE, [(0.0, -0.09), (2.25, -0.09)], _MIDDLE, wall=0.07, lie=(0.0, 0.0, 0.4), smooth=False)
    turned(Paint.CLOTH, [(0.0, -0.012), (1.72, -0.012)], _MIDDLE, wall=0.012, lie=(0.0, 0.0, 1.1), smooth=False)
    turned(
        Paint.VASE,
        [(0.0, 0.03), (0.2, 0.03), (0.3, 0.12), (0.42, 0.42), (0.36, 0.76), (0.17, 1.0), (0.14, 1.13), (0.23, 1.25)],
        (-0.52, 0.55, 0.0),
        wall=0.022,
        lie=(0.0, 0.0, 0.5),
    )
    turned(
        Paint.BOWL,
        [(0.0, 0.05), (0.2, 0.045), (0.24, 0.07), (0.42, 0.2), (0.56, 0.42), (0.59, 0.47)],
        (0.55, -0.28, 0.0),
        wall=0.024,
    )
    for place, lie in (
        ((0.42, -0.4, 0.36), (0.4, 0.3, 1.0)),
        ((0.72, -0.34, 0.35), (1.1, 0.2, 2.0)),
        ((0.56, -0.1, 0.37), (0.2, 0.9, 3.0)),
    ):
        turned(Paint.ORANGE, _ball(0.185, 0.175, 0.02), place, wall=0.01, lie=lie)
    turned(Paint.APPLE, _ball(0.165, 0.16, 0.055), (0.57, -0.27, 0.6), wall=0.01, lie=(0.25, 0.15, 0.7))
    turned(Paint.LEMON, _LEMON, (-0.42, -0.62, 0.15), wall=0.01, lie=(1.57, 0.06, 0.5))
    turned(Paint.APPLE, _ball(0.19, 0.18, 0.06), (-0.93, -0.28, 0.175), wall=0.01, lie=(0.12, -0.1, 2.2))
    turned(Paint.LEMON, _LEMON, (-0.08, -0.98, 0.15), wall=0.01, lie=(1.5, -0.1, 2.3))
    box(Paint.BOOK_RED, (0.94, 0.68, 0.15), (0.56, 0.72, 0.075), -0.35, 0.012)
    box(Paint.BOOK_GREEN, (0.82, 0.6, 0.12), (0.55, 0.74, 0.21), 0.05, 0.012)
    box(Paint.BOOK_BLUE, (0.66, 0.5, 0.1), (0.58, 0.7, 0.32), -0.62, 0.012)
    turned(
        Paint.BRASS,
        [
            (0.0, 0.02),
            (0.2, 0.02),
            (0.19, 0.05),
            (0.06, 0.08),
            (0.045, 0.22),
            (0.085, 0.27),
            (0.045, 0.32),
            (0.06, 0.42),
            (0.11, 0.45),
        ],
        (0.62, 0.7, 0.37),
        wall=0.014,
    )
    turned(
        Paint.CANDLE,
        [(0.0, 0.42), (0.062, 0.42), (0.062, 0.86), (0.0, 0.84)],
        (0.62, 0.7, 0.37),
        wall=0.008,
        smooth=False,
    )
    return StillLife(np.array(rows, np.float64), np.array(profile, np.float64))


def _ball(radius: float, half_height: float, dent: float) -> Points:
    """A fruit: a ball whose top and bottom are drawn in by ``dent``."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, 9)
    inner = np.exp(-((np.cos(angles) * 3) ** 2))
    return [
        (float(radius * np.cos(a)), float(half_height * np.sin(a) - dent * np.sign(np.sin(a)) * g))
        for a, g in zip(angles, inner, strict=True)
    ]


_LEMON: Points = [
    (0.0, -0.235),
    (0.035, -0.215),
    (0.07, -0.17),
    (0.135, -0.08),
    (0.15, 0.0),
    (0.135, 0.08),
    (0.07, 0.17),
    (0.03, 0.21),
    (0.0, 0.22),
]


def _smooth(points: Points) -> list[tuple[float, float]]:
    """A curve through all points (Catmull and Rom 1974), as short straight pieces."""
    known = np.array([points[0], *points, points[-1]], np.float64)
    drawn = []
    for i in range(1, len(known) - 2):
        a, b, c, d = known[i - 1 : i + 3]
        for t in np.arange(_PER_PIECE) / _PER_PIECE:
            r, z = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
            drawn.append((max(float(r), 0.0), float(z)))
    return [*drawn, (float(known[-1, 0]), float(known[-1, 1]))]


def _turn(tilt: float, roll: float, yaw: float) -> list[float]:
    """World from local, row by row: tilted about x, rolled about y, then turned about the vertical; radians."""
    (ct, cr, cy), (st, sr, sy) = np.cos([tilt, roll, yaw]), np.sin([tilt, roll, yaw])
    about_x = np.array([[1, 0, 0], [0, ct, -st], [0, st, ct]])
    about_y = np.array([[cr, 0, sr], [0, 1, 0], [-sr, 0, cr]])
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    numbers: list[float] = (about_z @ about_y @ about_x).ravel().tolist()
    return numbers
