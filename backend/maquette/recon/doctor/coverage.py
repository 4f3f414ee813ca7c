"""From where the subject is shown: angles of the cameras around it, and how far apart neighbours are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.recon.scene import Scene
from maquette.recon.sfm.result import Observations
from maquette.recon.sfm.volume import looked_at

STEP_DEG = 20.0
"""Largest step around a subject that matching bridges safely."""
CONVERGING = 0.7
"""Share of cameras that must look towards the subject and not away, for them to stand around it."""
UP_AGREES = 0.5
"""Length of the mean of all pictures' up directions from which they agree."""
SAME_WAY = 0.15
"""Second singular value of the pictures' horizontals, of the first, under which they say nothing of up."""
PARTNER_POINTS = 20
MOST_RAYS = 400


@dataclass(frozen=True)
class Coverage:
    """Angles in degrees; photos by name.

    ``around``: the cameras stand around a subject and look at it; otherwise they look outwards or the same way, and
    the angles around are None. ``covered_deg``: 360 less the largest gap. ``gap_right_of`` is the photo from which one
    walks to the right, facing the subject, into the gap, and ``gap_left_of`` the one at its other end.
    ``lowest_deg`` and ``highest_deg``: over the level of the subject's middle. ``step_deg``: median from each camera
    to the next around. ``nearest_angle_deg`` and ``farthest_angle_deg``: see :func:`neighbour_angles`.
    ``more_photos``: how many would close the largest gap.
    """

    around: bool
    covered_deg: float | None
    largest_gap_deg: float | None
    gap_right_of: str | None
    gap_left_of: str | None
    lowest_deg: float | None
    highest_deg: float | None
    step_deg: float | None
    nearest_angle_deg: float | None
    farthest_angle_deg: float | None
    more_photos: int


def measure_coverage(scene: Scene, observations: Observations) -> Coverage:
    """Measure a placed set of two photos or more."""
    centre = subject(scene)
    centres = np.stack([view.camera.centre for view in scene.views])
    ahead = np.stack([view.camera.camera_from_world[2, :3] for view in scene.views])
    near, far = neighbour_angles(scene, observations)
    towards = ((centre - centres) * ahead).sum(axis=1)
    spread = float(np.linalg.norm(centres - centres.mean(axis=0), axis=1).max())
    if np.mean(towards > 0.2 * np.linalg.norm(centre - centres, axis=1)) < CONVERGING or spread <= 1e-9:
        return Coverage(False, None, None, None, None, None, None, None, near, far, 0)
    up = up_direction(scene, centres)
    azimuth, elevation = angles_around(centres - centre, up)
    order = np.argsort(azimuth)
    steps = np.diff(np.append(azimuth[order], azimuth[order[0]] + 360.0))
    widest = int(steps.argmax())
    gap = float(steps[widest])
    inner = np.delete(steps, widest)
    before, after = order[widest], order[(widest + 1) % len(order)]
    return Coverage(
        around=True,
        covered_deg=round(360.0 - gap, 1),
        largest_gap_deg=round(gap, 1),
        gap_right_of=scene.views[before].name,
        gap_left_of=scene.views[after].name,
        lowest_deg=round(float(elevation.min()), 1),
        highest_deg=round(float(elevation.max()), 1),
        step_deg=round(float(np.median(inner)), 1) if len(inner) else None,
        nearest_angle_deg=near,
        farthest_angle_deg=far,
        more_photos=max(0, int(np.ceil(gap / STEP_DEG)) - 1),
    )


def subject(scene: Scene) -> Float[ndarray, 3]:
    """The middle of what is photographed: where the optical axes meet, drawn to the points where they do not."""
    centre, _ = looked_at(scene.views)
    if len(scene.points) == 0:
        return centre
    ahead = np.stack([view.camera.camera_from_world[2, :3] for view in scene.views])
    if np.linalg.norm(ahead.mean(axis=0)) > np.cos(np.radians(STEP_DEG)):  # all look the same way: axes meet anywhere
        return np.asarray(np.median(scene.points, axis=0))
    return centre


def up_direction(scene: Scene, centres: Float[ndarray, "n 3"]) -> Float[ndarray, 3]:
    """Up in the world, from upright pictures: what their horizontals are square to, however far they look down.

    Where all look the same way, the mean of their up directions; where pictures lie anyhow, across the cameras' plane.
    """
    up = -np.stack([view.camera.camera_from_world[1, :3] for view in scene.views]).mean(axis=0)
    if np.linalg.norm(up) <= UP_AGREES:
        return np.asarray(np.linalg.svd(centres - centres.mean(axis=0))[2][2])
    across = np.stack([view.camera.camera_from_world[0, :3] for view in scene.views])
    _, sizes, axes = np.linalg.svd(across, full_matrices=True)
    if len(sizes) > 2 and sizes[1] > SAME_WAY * sizes[0]:
        return np.asarray(axes[2] * np.sign(axes[2] @ up))
    return np.asarray(up / np.linalg.norm(up))


def angles_around(
    offsets: Float[ndarray, "n 3"], up: Float[ndarray, 3]
) -> tuple[Float[ndarray, " n"], Float[ndarray, " n"]]:
    """Azimuth (counter-clockwise seen from above, 0 to 360) and elevation of ``offsets``, degrees."""
    east = np.cross(up, [1.0, 0.0, 0.0] if abs(up[0]) < 0.8 else [0.0, 1.0, 0.0])
    east /= np.linalg.norm(east)
    north = np.cross(up, east)
    azimuth = np.degrees(np.arctan2(offsets @ north, offsets @ east)) % 360.0
    height = offsets @ up
    elevation = np.degrees(np.arctan2(height, np.linalg.norm(offsets - height[:, None] * up, axis=1)))
    return azimuth, elevation


def shared_points(views: int, observations: Observations) -> Float[ndarray, "n n"]:
    """How many points each two views share; 0 on the diagonal."""
    seen: list[set[int]] = [set() for _ in range(views)]
    for view, point in zip(observations.view.tolist(), observations.point.tolist(), strict=True):
        seen[view].add(point)
    shared = np.zeros((views, views))
    for i in range(views):
        for j in range(i + 1, views):
            shared[i, j] = shared[j, i] = len(seen[i] & seen[j])
    return shared


def neighbour_angles(scene: Scene, observations: Observations) -> tuple[float | None, float | None]:
    """Angles at shared points between a view and its nearest and farthest partner: medians over all views, degrees.

    A partner shares :data:`PARTNER_POINTS` points or more. The nearest tells whether matching is strained, the farthest
    whether anything sees depth: frames of a video always have a near one.
    """
    shared = shared_points(len(scene.views), observations)
    seen = [observations.point[observations.view == i] for i in range(len(scene.views))]
    nearest, farthest = [], []
    for i, row in enumerate(shared):
        angles = [
            _angle(scene, i, int(j), np.intersect1d(seen[i], seen[j])[:MOST_RAYS].tolist())
            for j in np.flatnonzero(row >= PARTNER_POINTS)
        ]
        if angles:
            nearest.append(min(angles))
            farthest.append(max(angles))
    if not nearest:
        return None, None
    return round(float(np.median(nearest)), 2), round(float(np.median(farthest)), 2)


def _angle(scene: Scene, i: int, j: int, points: Sequence[int]) -> float:
    places = scene.points[list(points)]
    first, second = (scene.views[k].camera.centre - places for k in (i, j))
    cosine = (first * second).sum(1) / np.maximum(np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1), 1e-12)
    return float(np.degrees(np.median(np.arccos(np.clip(cosine, -1.0, 1.0)))))
