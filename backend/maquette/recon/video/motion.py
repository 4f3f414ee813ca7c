"""How the camera moves, from tracked corners: how far the picture shifts, and how much of that no turn explains.

A camera that only turns on the spot moves every point by the same rotation of its ray; depth has no say, and nothing
can be triangulated. What is left after the best such rotation is parallax. A homography would serve as well in front
of depth, but would also swallow a camera that really moves along a wall or over a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from numpy import ndarray

TRACKING_LONG_SIDE_PX = 480

_CORNERS, _CORNER_QUALITY, _CORNER_DISTANCE = 240, 0.01, 9
_FORTH_AND_BACK_PX = 0.7
"""A corner is lost when tracking it back does not end where it began."""
_FEWEST = 16
"""Corners below which nothing can be said of the motion."""
_LOST_SHARE, _ANCHOR_SHARE = 0.3, 0.6
_ANCHOR_SHIFT = 0.12
"""A new reference is taken when the picture has shifted this far (share of the long side) or corners have run out."""
_CUT_LIKENESS = 0.5
_FOCALS = (0.6, 0.75, 0.95, 1.2, 1.6)
"""Focal lengths tried, in long sides: 80 to 35 degrees of view. The one that leaves least is believed."""

Continuity = Literal["tracked", "cut", "lost", "featureless"]


@dataclass(frozen=True)
class Motion:
    """The way come since the first frame, in shares of the long side: ``parallax`` and ``shift``, both never falling
    by more than the last few frames' own. ``continuity`` with the frame before.
    """

    parallax: float
    shift: float
    continuity: Continuity


@dataclass(eq=False)
class Tracker:
    """Follows corners from picture to picture and holds only the last picture.

    Ways are summed over references that are some way apart, not from frame to frame: the noise of tracking would
    otherwise add up to a journey while the camera stands still.
    """

    _previous: UInt8[ndarray, "h w"] | None = None
    _anchor: Float[ndarray, "n 2"] = field(default_factory=lambda: np.empty((0, 2)))
    _current: Float[ndarray, "n 2"] = field(default_factory=lambda: np.empty((0, 2)))
    _anchored: int = 0
    _base: tuple[float, float] = (0.0, 0.0)
    _last: tuple[float, float] = (0.0, 0.0)

    def follow(self, grey: UInt8[ndarray, "h w"]) -> Motion:
        """Take the next picture."""
        continuity: Continuity = "tracked"
        if self._previous is None or self._previous.shape != grey.shape:
            self._take_anchor(grey)
        elif len(self._current) < _FEWEST:
            continuity = "cut" if _likeness(self._previous, grey) < _CUT_LIKENESS else "featureless"
            self._take_anchor(grey)
        else:
            before = len(self._current)
            self._track(self._previous, grey)
            if len(self._current) < max(_FEWEST // 2, _LOST_SHARE * before):
                continuity = "cut" if _likeness(self._previous, grey) < _CUT_LIKENESS else "lost"
                # far enough to lose sight of what was there; how far is not known
                self._take_anchor(grey)
                self._base = (self._last[0], self._last[1] + _ANCHOR_SHIFT)
        self._previous = grey
        parallax, shift = self._since_anchor(grey.shape)
        self._last = (self._base[0] + parallax, self._base[1] + shift)
        if shift > _ANCHOR_SHIFT or len(self._current) < _ANCHOR_SHARE * self._anchored:
            self._take_anchor(grey)
        return Motion(*self._last, continuity)

    def _take_anchor(self, grey: UInt8[ndarray, "h w"]) -> None:
        self._base = self._last
        corners = cv2.goodFeaturesToTrack(grey, _CORNERS, _CORNER_QUALITY, _CORNER_DISTANCE)
        self._anchor = np.empty((0, 2)) if corners is None else corners.reshape(-1, 2).astype(np.float64)
        self._current = self._anchor.copy()
        self._anchored = len(self._anchor)

    def _track(self, previous: UInt8[ndarray, "h w"], grey: UInt8[ndarray, "h w"]) -> None:
        start = self._current.astype(np.float32).reshape(-1, 1, 2)
        there, found = _flow(previous, grey, start)
        back, found_back = _flow(grey, previous, there)
        error = np.abs(back - start).reshape(-1, 2).max(axis=1)
        end = there.reshape(-1, 2)
        inside = (end >= 0).all(axis=1) & (end < (grey.shape[1], grey.shape[0])).all(axis=1)
        kept = inside & found & found_back & (error < _FORTH_AND_BACK_PX)
        self._anchor, self._current = self._anchor[kept], end[kept].astype(np.float64)

    def _since_anchor(self, shape: tuple[int, ...]) -> tuple[float, float]:
        long_side = max(shape)
        if len(self._current) < _FEWEST:
            return 0.0, 0.0
        shift = float(np.median(np.linalg.norm(self._current - self._anchor, axis=1))) / long_side
        centre = np.array([shape[1] / 2, shape[0] / 2])
        return beyond_rotation((self._anchor - centre) / long_side, (self._current - centre) / long_side), shift


def _flow(
    before: UInt8[ndarray, "h w"], after: UInt8[ndarray, "h w"], points: Float32[ndarray, "n 1 2"]
) -> tuple[Float32[ndarray, "n 1 2"], Bool[ndarray, " n"]]:
    """Pyramidal Lucas-Kanade (Bouguet 2001): where the points went, and whether they were found."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, np.empty_like(points))
    return np.asarray(there, dtype=np.float32), np.asarray(found, dtype=bool).ravel()


def beyond_rotation(before: Float[ndarray, "n 2"], after: Float[ndarray, "n 2"]) -> float:
    """Median distance of ``after`` from the best turn of the camera that saw ``before``, in the points' unit.

    Points from the picture's centre, in long sides. Of each focal length the rotation is found in closed form
    (Kabsch 1976) and once more without the points that fit it worst, so that moving things do not steer it.
    """
    return min(_rotation_residual(before, after, focal) for focal in _FOCALS)


def _rotation_residual(before: Float[ndarray, "n 2"], after: Float[ndarray, "n 2"], focal: float) -> float:
    rays, seen = _rays(before, focal), _rays(after, focal)
    used = np.ones(len(rays), bool)
    residual = np.zeros(len(rays))
    for _ in range(3):
        u, _, vt = np.linalg.svd(seen[used].T @ rays[used])
        after_from_before = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
        turned = rays @ after_from_before.T
        residual = np.linalg.norm(focal * turned[:, :2] / np.maximum(turned[:, 2:], 1e-3) - after, axis=1)
        used = residual <= 3.0 * np.median(residual) + 1e-9
    return float(np.median(residual))


def _rays(points: Float[ndarray, "n 2"], focal: float) -> Float[ndarray, "n 3"]:
    rays = np.concatenate([points, np.full((len(points), 1), focal)], axis=1)
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))


def _likeness(a: UInt8[ndarray, "h w"], b: UInt8[ndarray, "h w"]) -> float:
    """Correlation of two pictures' coarse brightness: a cut shows another place, a fast camera nearly the same."""
    small = [cv2.resize(grey, (16, 16), interpolation=cv2.INTER_AREA).astype(np.float64).ravel() for grey in (a, b)]
    spread = [values - values.mean() for values in small]
    norm = float(np.linalg.norm(spread[0]) * np.linalg.norm(spread[1]))
    return float(spread[0] @ spread[1]) / norm if norm > 1e-9 else 1.0
