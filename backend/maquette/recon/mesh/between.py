"""Views where no photo was taken, for scenes of a few photos far apart: six sides of a box have no edge in common.

The model is there from all directions; what is rendered half way between two photos is all that says how what one shows
goes on into what the other shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.scene import View
from maquette.recon.sfm.volume import looked_at
from maquette.recon.viewpoints import look_at

FEW = 12
"""Photos from which none are added."""
LEAST_ANGLE_DEG, WIDEST_ANGLE_DEG = 40.0, 125.0
"""How far apart two neighbours must look for a view between them to be of use, and may for it to be sensible."""
HIGHEST_COSINE = 0.95
"""Between where a camera looks and its up."""


def cameras_between(views: Sequence[View]) -> list[Camera]:
    """A camera half way between each two neighbours among ``views``, around the point that all look at.

    Neighbours: no other camera is nearer to the middle between them (Gabriel & Sokal 1969).
    """
    if not 2 <= len(views) < FEW:
        return []
    focus, _ = looked_at(views)
    away = np.stack([view.camera.centre for view in views]) - focus
    distance = np.linalg.norm(away, axis=1)
    if (distance <= 1e-9 * distance.max()).any():
        return []
    direction = away / distance[:, None]
    found = []
    for a, b in combinations(range(len(views)), 2):
        cosine = float(direction[a] @ direction[b])
        if not np.cos(np.radians(WIDEST_ANGLE_DEG)) <= cosine <= np.cos(np.radians(LEAST_ANGLE_DEG)):
            continue
        middle = direction[a] + direction[b]
        middle /= np.linalg.norm(middle)
        nearness = direction @ middle
        nearness[[a, b]] = -1
        if nearness.max() < direction[a] @ middle - 1e-6:
            found.append(_camera(views[a].camera, focus, middle * (distance[a] + distance[b]) / 2, views[b].camera))
    return found


def _camera(like: Camera, focus: Float[ndarray, " 3"], away: Float[ndarray, " 3"], other: Camera) -> Camera:
    """A camera at ``focus + away`` that looks at ``focus``, upright as one of the two, with the lens of the first."""
    ahead = -away / np.linalg.norm(away)
    ups = [-camera.camera_from_world[1, :3] for camera in (like, other)]
    up = min(ups, key=lambda up: abs(float(up @ ahead)))
    if abs(float(up @ ahead)) > HIGHEST_COSINE:
        up = like.camera_from_world[0, :3]
    return look_at(
        (focus + away).tolist(),
        focus.tolist(),
        up=up.tolist(),
        vertical_fov_deg=float(2 * np.degrees(np.arctan(like.height / 2 / like.fy))),
        width=like.width,
        height=like.height,
    )
