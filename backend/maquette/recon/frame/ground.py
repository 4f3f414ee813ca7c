"""The ground as a plane among points: what most things stand on is level, and cameras are above it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

LEAST_POINTS = 60
MOST_POINTS = 6000
"""Looked at; more do not move the plane."""
TRIPLES, TRIED = 20_000, 300
"""Planes through three points that are drawn, and of those with a fitting normal the ones that are tried."""
THICKNESS = 0.012
"""How far from the plane a point of it may lie, in median distances of the points from the cameras."""
LEAST_SHARE = 0.08
SHARP = 0.5
"""Least share of the points within three thicknesses that lie within one: a third where points are spread evenly."""
LEAST_WIDTH = 0.08
"""Standard deviation of the points on the plane along their narrower side, in the same distances: no mere edge."""
CAMERAS_ABOVE = 0.9
"""Share of the cameras that must be above it: it is no ceiling."""


@dataclass(frozen=True, eq=False)
class Ground:
    """``normal . x = height`` on it; ``normal`` points up, unit, world. ``share`` of the points lie on it."""

    normal: Float[ndarray, 3]
    height: float
    share: float


def find_ground(
    points: Float[ndarray, "n 3"],
    centres: Float[ndarray, "c 3"],
    up: Float[ndarray, 3],
    within_deg: float,
    *,
    seed: int = 0,
) -> Ground | None:
    """The plane with most ``points``, its normal at most ``within_deg`` from ``up``; None where none stands out.

    RANSAC (Fischler and Bolles 1981), then least squares on what lies on it. ``centres`` are the cameras'.
    """
    points = points[np.isfinite(points).all(axis=1)]
    rng = np.random.default_rng(seed)
    if len(points) > MOST_POINTS:
        points = points[rng.choice(len(points), MOST_POINTS, replace=False)]
    if len(points) < LEAST_POINTS:
        return None
    distance = float(np.median(np.linalg.norm(points - np.median(centres, axis=0), axis=1)))
    thickness = THICKNESS * distance
    best: tuple[int, Float[ndarray, 3], float] | None = None
    for normal, height in _planes(points, up, within_deg, rng):
        count = int((np.abs(points @ normal - height) < thickness).sum())
        if (best is None or count > best[0]) and (centres @ normal > height).mean() >= CAMERAS_ABOVE:
            best = count, normal, height
    if best is None:
        return None

    _, normal, height = best
    for _ in range(8):
        on = np.abs(points @ normal - height) < thickness
        if on.sum() < LEAST_POINTS // 2:
            return None
        normal, height, width = _fitted(points, on, up)
    on = np.abs(points @ normal - height) < thickness
    near = np.abs(points @ normal - height) < 3 * thickness
    fits = np.degrees(np.arccos(np.clip(normal @ up, -1, 1))) <= within_deg
    above = (centres @ normal > height).mean() >= CAMERAS_ABOVE
    if (
        not fits
        or not above
        or on.mean() < LEAST_SHARE
        or on.sum() < SHARP * near.sum()
        or width < LEAST_WIDTH * distance
    ):
        return None
    return Ground(normal, height, float(on.mean()))


def _planes(
    points: Float[ndarray, "n 3"], up: Float[ndarray, 3], within_deg: float, rng: np.random.Generator
) -> list[tuple[Float[ndarray, 3], float]]:
    a, b, c = points[rng.integers(0, len(points), (3, TRIPLES))]
    normals = np.cross(b - a, c - a)
    lengths = np.linalg.norm(normals, axis=1)
    usable = lengths > 1e-12 * max(1.0, float(lengths.max()))
    normals = normals[usable] / lengths[usable, None]
    normals *= np.sign(normals @ up)[:, None]
    fits = np.flatnonzero(normals @ up > np.cos(np.radians(within_deg)))[:TRIED]
    return [(normals[i], float(normals[i] @ a[usable][i])) for i in fits]


def _fitted(
    points: Float[ndarray, "n 3"], on: Bool[ndarray, " n"], up: Float[ndarray, 3]
) -> tuple[Float[ndarray, 3], float, float]:
    """Normal, height and narrower spread of the plane through the points that are ``on``."""
    middle = points[on].mean(axis=0)
    _, values, vectors = np.linalg.svd(points[on] - middle, full_matrices=False)
    normal = vectors[2] * (1.0 if vectors[2] @ up >= 0 else -1.0)
    return normal, float(normal @ middle), float(values[1] / np.sqrt(on.sum()))
