"""How far a depth can be trusted, pixel by pixel."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from maquette.recon.depth.align import sampled
from maquette.recon.depth.sightings import Sightings

GOOD = 0.1
"""Relative error that counts for about 0.6."""
REACH = 0.05
"""How far a point speaks for its surroundings, of the longer side (a standard deviation)."""
UNWATCHED = 0.3
"""What a pixel far from all points keeps of the view's share of trust."""
EDGE = 0.1
"""Relative step between neighbours from which on a depth belongs to no surface."""


def confidence_map(
    inverse: Float32[ndarray, "h w"], seen: Sightings, errors: Float[ndarray, " n"] | None = None
) -> Float32[ndarray, "h w"]:
    """0 (no idea) to 1 (measured right here), of an ``inverse`` depth in the scale of the scene, 0 unknown.

    Near sparse points it is exp(-e^2 / 2) of their errors e in units of :data:`GOOD`, weighted by distance in the
    image; far from all of them :data:`UNWATCHED` times the view's mean of the same. It is halved where the depth jumps
    between neighbours, for networks draw slopes there that no surface has, and 0 where there is no depth. ``errors``
    are relative, at the points ``seen``; none: measured here, which says nothing of a depth made of these very points.
    """
    height, width = inverse.shape
    grid_w, grid_h = _grid(width, height)
    kept: ndarray = np.zeros((grid_h, grid_w), np.float32)
    total: ndarray = np.zeros((grid_h, grid_w), np.float32)
    mean = 0.0
    if len(seen):
        if errors is None:
            errors = np.abs(sampled(inverse, seen.xy) - seen.inverse) / seen.inverse
        trust: Float[ndarray, " n"] = np.exp(-0.5 * (errors / GOOD) ** 2)
        mean = float(trust.mean())
        column = np.minimum((seen.xy[:, 0] * grid_w / width).astype(np.intp), grid_w - 1)
        row = np.minimum((seen.xy[:, 1] * grid_h / height).astype(np.intp), grid_h - 1)
        np.add.at(kept, (row, column), trust.astype(np.float32))
        np.add.at(total, (row, column), np.float32(1.0))
    spread = REACH * max(grid_w, grid_h)
    kept, total = (cv2.GaussianBlur(plane, (0, 0), spread) for plane in (kept, total))
    # A single point at a distance of two standard deviations weighs as much as knowing nothing.
    alone = float(np.exp(-2.0) / (2 * np.pi * spread**2))
    coarse = (kept + alone * UNWATCHED * mean) / (total + alone)
    confidence: Float32[ndarray, "h w"] = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    jumps = cv2.morphologyEx(inverse, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 2 * EDGE * inverse
    confidence[jumps] *= np.float32(0.5)
    confidence[inverse <= 0] = 0
    return np.asarray(np.clip(confidence, 0.0, 1.0), np.float32)


def _grid(width: int, height: int) -> tuple[int, int]:
    shrink = 160 / max(width, height, 160)
    return max(1, round(width * shrink)), max(1, round(height * shrink))
