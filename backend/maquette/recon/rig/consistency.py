"""How far depth pictures of one object disagree, as residuals: what the solve makes small.

Every picture says of some points where they lie. In each other picture such a point must fall on the object
(silhouette), at the surface seen there or behind it (depth), and all points together must reach as far as the object
does there (extent), or everything would shrink to nothing. Lengths are in picture widths and camera distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from maquette.recon.rig.surfaces import Surface, look_up

DEPTH_SCALE = 0.02
"""Depth difference that counts 1, camera distances."""
SILHOUETTE_SCALE = 0.01
"""Distance outside a silhouette that counts 1, picture widths."""
EXTENT_SCALE = 0.006
"""Difference of extents that counts 1, picture widths."""
FRONT_CAP, BEHIND_CAP, OUTSIDE_CAP, EXTENT_CAP = 3.0, 0.5, 5.0, 8.0
"""No residual counts more. To lie behind a surface is no contradiction: it only draws together what nearly touches."""
EXTREME = 0.001
"""Share of the points beyond an extent: single pixels decide nothing."""


@dataclass(frozen=True, eq=False)
class Pose:
    """A view's camera and depth scale: ``rotation`` and ``translation`` are camera_from_world, ``focal`` is in picture
    widths; z = ``offset`` + ``slope`` times the picture's value.
    """

    rotation: Float[ndarray, "3 3"]
    translation: Float[ndarray, " 3"]
    focal: float
    offset: float
    slope: float

    def world(self, at: Float[ndarray, "n 2"], values: Float[ndarray, " n"]) -> Float[ndarray, "n 3"]:
        """Where the pixels ``at`` (picture widths from the middle) with these ``values`` lie."""
        z = self.offset + self.slope * values
        local = np.column_stack([at * (z / self.focal)[:, None], z])
        return np.asarray((local - self.translation) @ self.rotation)

    def project(self, points: Float[ndarray, "n 3"]) -> tuple[Float[ndarray, "n 2"], Float[ndarray, " n"]]:
        """Places in the picture (widths from the middle) and z of world ``points``."""
        local = points @ self.rotation.T + self.translation
        z = np.maximum(local[:, 2], 1e-6)
        return self.focal * local[:, :2] / z[:, None], z


class Seen(NamedTuple):
    """World points in another view: places, signed depth behind the surface there (camera distances), distance outside
    the silhouette (picture widths, 0: on the object).
    """

    at: Float[ndarray, "n 2"]
    behind: Float[ndarray, " n"]
    outside: Float[ndarray, " n"]

    @property
    def on(self) -> Bool[ndarray, " n"]:
        """Which points fall on the object."""
        return np.asarray(self.outside <= 0)


def seen_by(points: Float[ndarray, "n 3"], pose: Pose, surface: Surface) -> Seen:
    """What ``surface``, looked at from ``pose``, says of world ``points``."""
    at, z = pose.project(points)
    beyond = np.maximum(np.abs(at) - [0.5, 0.5 * surface.aspect], 0.0).max(axis=1)
    values, outside = look_up(surface.field, at).T
    return Seen(at, z - (pose.offset + pose.slope * values), outside + beyond)


def residuals(poses: Sequence[Pose], surfaces: Sequence[Surface], *, about: int | None = None) -> Float[ndarray, " r"]:
    """All residuals, each kind weighted so that its sum of squares is a mean over points or edges.

    ``about``: only what concerns this view, as the one looked from or as the one looked at by the others.
    """
    worlds = [pose.world(surface.at, surface.seen) for pose, surface in zip(poses, surfaces, strict=True)]
    found: list[ndarray] = []
    for j, (pose, surface) in enumerate(zip(poses, surfaces, strict=True)):
        others = [world for i, world in enumerate(worlds) if i != j and about in (None, i, j)]
        points = np.concatenate(others)
        seen = seen_by(points, pose, surface)
        distance = seen.behind / DEPTH_SCALE
        depth = np.where(distance < 0, capped(distance, FRONT_CAP), capped(distance, BEHIND_CAP)) * seen.on
        found.append(depth / np.sqrt(len(points)))
        found.append(capped(seen.outside / SILHOUETTE_SCALE, OUTSIDE_CAP) / np.sqrt(len(points)))
        if about in (None, j):
            rank = int(EXTREME * len(points))
            ordered = np.partition(seen.at, (rank, len(points) - 1 - rank), axis=0)
            reach = (ordered[[rank, len(points) - 1 - rank]].ravel() - surface.extent) / EXTENT_SCALE
            found.append(capped(reach, EXTENT_CAP) / 2)
    return np.asarray(np.concatenate(found) / np.sqrt(len(poses)))


def colour_disagreement(
    poses: Sequence[Pose], surfaces: Sequence[Surface], *, about: int | None = None
) -> tuple[float, int]:
    """Mean difference of colours (0 to 1) where two views show the same point, and at how many points."""
    total, count = 0.0, 0
    for i, (pose, surface) in enumerate(zip(poses, surfaces, strict=True)):
        points = pose.world(surface.at, surface.seen)
        for j in range(len(poses)):
            if j == i or about not in (None, i, j):
                continue
            seen = seen_by(points, poses[j], surfaces[j])
            same = seen.on & (np.abs(seen.behind) < DEPTH_SCALE)
            mine = look_up(surface.colours, surface.at[same])
            total += float(np.abs(look_up(surfaces[j].colours, seen.at[same]) - mine).mean(axis=1).sum())
            count += int(same.sum())
    return total / max(count, 1), count


def capped(x: ndarray, cap: float) -> ndarray:
    """``x`` near zero, at most ``cap`` far from it, smooth between."""
    return np.asarray(x / np.sqrt(1.0 + np.square(x / cap)))
