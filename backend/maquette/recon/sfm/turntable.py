"""Cameras of a thing on a turntable: one motion, the same from each photo to the next, fitted to the matches.

A last resort where photos in order share too little for incremental mapping. Seen from the thing, the camera goes
around an axis: photo k sees R(axis, k step) X + shift. What is fitted, to all matches at once and robustly, are the
axis, the step, the focal length and where the axis lies in the picture; what is assumed is that the step is the same
each time and photos are in order. The assumption is then judged by the share of matches that agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.spatial.transform import Rotation

from maquette.recon.sfm.epipolar import FIT_PX, STILL_PX, MatchedPair, SeenRays, agreement, misses

FOCALS = (1.0, 1.8, 3.0, 5.0)
"""In long sides, to begin from: a wide lens to a long one. Where EXIF tells it, only that."""
TILTS_DEG = (5.0, 25.0, 50.0)
"""How far the camera looks down, to begin from."""
STEPS = (0.8, 1.2)
"""Of a full circle over the number of photos: how small and large a step may be."""
REFINED = 6
"""Beginnings that are refined, those that agree best."""
MATCHES_FITTED = 60
"""Of each pair: matches that the fit looks at."""
BEHIND_PX = 1e3
"""Error of a match that would lie behind a camera."""


@dataclass(frozen=True, eq=False)
class Turntable:
    """``poses``: ``camera_from_world`` of each photo, the world's origin on the axis, one unit from the cameras.

    ``share``: of ``matches`` in ``pairs`` pairs that agree; ``chained``: share of consecutive photos that have matches
    that agree by half or more; ``closed``: so do photos of the end with photos of the beginning. Without that, a
    larger step through a longer lens looks much the same. ``step_deg`` and ``focal_px`` as fitted.
    """

    poses: tuple[Float[ndarray, "4 4"], ...]
    focal_px: float
    step_deg: float
    share: float
    matches: int
    pairs: int
    chained: float
    closed: bool


def fit_turntable(
    pairs: Sequence[MatchedPair], photos: int, width: int, height: int, focal_px: float | None = None
) -> Turntable | None:
    """The circular motion that most matches of photos of one size agree with; None where none can be begun from."""
    long_side = max(width, height)
    moved = [_moved(pair, STILL_PX * long_side) for pair in pairs]
    moved = [pair for pair in moved if len(pair.spots_first)]
    if not moved:
        return None
    fitted = [_some(pair) for pair in moved]
    begin = _beginnings(photos, [focal_px / long_side] if focal_px else FOCALS)

    def cost(parameters: ndarray) -> ndarray:
        poses, focal = _poses(parameters, photos, long_side)
        errors = []
        for rays in _rays(fitted, focal, width, height):
            error, in_front = misses(rays, poses[rays.pair.first], poses[rays.pair.second])
            errors.append(np.where(in_front, error, BEHIND_PX))
        return np.concatenate(errors) / (FIT_PX * long_side)

    # Here, for few photos were taken on a turntable.
    from scipy.optimize import least_squares

    ranked = sorted(begin, key=lambda parameters: float(np.minimum(cost(parameters) ** 2, 25.0).mean()))
    best: Turntable | None = None
    for parameters in ranked[:REFINED]:
        found = least_squares(cost, parameters, loss="cauchy", max_nfev=60, x_scale="jac").x
        table = _judged(found, moved, photos, width, height)
        if abs(table.step_deg) < STEPS[0] * 360 / photos or abs(table.step_deg) > STEPS[1] * 360 / photos:
            continue
        if best is None or table.share > best.share:
            best = table
    return best


def _beginnings(photos: int, focals: Sequence[float]) -> list[Float[ndarray, " 6"]]:
    """Upright pictures and such that lie on a side, camera level to steep, turning either way.

    Parameters: rotation of one step (3, radians), log of the focal length in long sides, shift of the axis (2).
    """
    step = 2 * np.pi / photos
    found = []
    for focal in focals:
        for tilt in np.radians(TILTS_DEG):
            for upright in (np.array([0.0, -1.0, 0.0]), np.array([1.0, 0.0, 0.0]), np.array([-1.0, 0.0, 0.0])):
                for sign in (-1, 1):
                    axis = np.cos(tilt) * upright + np.sin(tilt) * np.array([0.0, 0.0, -1.0])
                    found.append(np.array([*(sign * step * axis), np.log(focal), 0.0, 0.0]))
    return found


def _poses(parameters: Float[ndarray, " 6"], photos: int, long_side: int) -> tuple[list[Float[ndarray, "4 4"]], float]:
    poses = []
    for rotation in Rotation.from_rotvec(np.arange(photos)[:, None] * parameters[None, :3]).as_matrix():
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = rotation, [parameters[4], parameters[5], 1.0]
        poses.append(pose)
    return poses, float(np.exp(parameters[3]) * long_side)


def _judged(
    parameters: Float[ndarray, " 6"], pairs: Sequence[MatchedPair], photos: int, width: int, height: int
) -> Turntable:
    poses, focal = _poses(parameters, photos, max(width, height))
    rays = _rays(pairs, focal, width, height)
    whole = agreement(rays, poses, max(width, height))
    agreeing = [one.pair for one in rays if agreement([one], poses, max(width, height)).share >= 0.5]
    chained = {pair.first for pair in agreeing if pair.second - pair.first == 1}
    closed = any(pair.second - pair.first > photos / 2 for pair in agreeing)
    step = float(np.degrees(np.linalg.norm(parameters[:3])))
    return Turntable(
        tuple(poses), focal, step, whole.share, whole.matches, whole.pairs, len(chained) / max(1, photos - 1), closed
    )


def _moved(pair: MatchedPair, least_px: float) -> MatchedPair:
    """Without what stays where it is: the background does not turn."""
    kept = np.linalg.norm(pair.spots_first - pair.spots_second, axis=1) > least_px
    return MatchedPair(pair.first, pair.second, pair.spots_first[kept], pair.spots_second[kept])


def _some(pair: MatchedPair) -> MatchedPair:
    count = len(pair.spots_first)
    kept = np.linspace(0, count - 1, min(MATCHES_FITTED, count)).round().astype(int)
    return MatchedPair(pair.first, pair.second, pair.spots_first[kept], pair.spots_second[kept])


def _rays(pairs: Sequence[MatchedPair], focal: float, width: int, height: int) -> list[SeenRays]:
    middle = np.array([width / 2, height / 2])
    return [
        SeenRays(pair, (pair.spots_first - middle) / focal, (pair.spots_second - middle) / focal, focal)
        for pair in pairs
    ]
