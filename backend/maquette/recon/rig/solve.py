"""Where the six cameras of the rig stood and what their depth pictures mean, solved for by their agreement.

The rig is taken at its word first: all cameras as far from the middle (distance 1: the unit of length), looking at it,
through one lens. What a view deviates from that (object larger or smaller, moved) is solved for too, but costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.recon.rig.consistency import Pose, residuals
from maquette.recon.rig.surfaces import Surface

FIELDS_OF_VIEW_DEG = (60.0, 32.0)
"""Where the search for the lens begins: renderers are commonly set to 40 to 60 degrees, and the focal length stated for
this rig, 1111 px at a width of 512, is one of 26."""

DISTANCE_COST, SHIFT_COST, OFFSET_COST, FIELD_COST = 1.0, 2.5, 0.05, 0.01
"""What a deviation from the nominal rig costs: of ln(distance), of a shift in picture widths, of where the depth scale
begins (camera distances), of ln(focal length)."""
FINE_ENOUGH = 1e-5
"""Relative change of the cost, or of the numbers, below which a solve ends."""
STEPS = np.array([0.1, 0.02, 0.02, 0.1, 0.1])
"""Sizes of sensible steps of a view's five numbers."""
PROPORTIONAL_WHITE_FAR, WHITE_FAR, WHITE_NEAR = "proportional_white_far", "white_far", "white_near"
DEPTH_MODELS = (PROPORTIONAL_WHITE_FAR, WHITE_FAR, WHITE_NEAR)
"""What values may mean: z is proportional to them; grows with them from some distance on; falls with them."""


@dataclass(frozen=True, eq=False)
class Solution:
    """``numbers`` is ln(focal length in picture widths), then for each view ln(distance), shift right, shift down
    (picture widths at the middle), ln(z / distance) at the middle value, and the depth slope's logarithm.
    """

    depth_model: str
    rotations: tuple[Float[ndarray, "3 3"], ...]
    numbers: Float[ndarray, " p"]
    cost: float

    @property
    def focal(self) -> float:
        """In picture widths."""
        return float(np.exp(self.numbers[0]))

    @property
    def field_of_view_deg(self) -> float:
        """Across the picture's width."""
        return float(np.degrees(2 * np.arctan(0.5 / self.focal)))

    def poses(self, surfaces: Sequence[Surface]) -> list[Pose]:
        """The cameras with their depth scales."""
        return poses_of(self.depth_model, self.rotations, self.numbers, surfaces)


def poses_of(
    depth_model: str,
    rotations: Sequence[Float[ndarray, "3 3"]],
    numbers: Float[ndarray, " p"],
    surfaces: Sequence[Surface],
) -> list[Pose]:
    """Cameras from the solve's numbers."""
    focal = float(np.exp(numbers[0]))
    poses = []
    for rotation, view, surface in zip(rotations, numbers[1:].reshape(-1, 5), surfaces, strict=True):
        distance, middle = float(np.exp(view[0])), float(np.exp(view[3]))
        if depth_model == PROPORTIONAL_WHITE_FAR:
            slope, offset = middle / surface.middle, 0.0
        else:
            slope = float(np.exp(view[4])) / surface.spread * (-1.0 if depth_model == WHITE_NEAR else 1.0)
            offset = middle - slope * surface.middle
        translation = np.array([view[1] / focal, view[2] / focal, 1.0]) * distance
        poses.append(Pose(rotation, translation, focal, distance * offset, distance * slope))
    return poses


def solve(
    depth_model: str,
    rotations: Sequence[Float[ndarray, "3 3"]],
    surfaces: Sequence[Surface],
    start: Float[ndarray, " p"],
    *,
    about: int | None = None,
    nominal: bool = False,
    rounds: int = 30,
) -> Solution:
    """The best numbers near ``start``; with ``about`` only that view's, with ``nominal`` no deviations of the rig."""
    rotations = tuple(rotations)
    free = np.ones(len(start), np.bool_)
    free[5::5] = depth_model != PROPORTIONAL_WHITE_FAR
    if nominal:
        for number in (1, 2, 3):
            free[number::5] = False
    if about is not None:
        others = np.ones(len(start), np.bool_)
        others[1 + 5 * about : 6 + 5 * about] = False
        free &= ~others

    def numbers_of(some: Float[ndarray, " q"]) -> Float[ndarray, " p"]:
        numbers = start.copy()
        numbers[free] = some
        return numbers

    def cost_of(some: Float[ndarray, " q"]) -> Float[ndarray, " r"]:
        numbers = numbers_of(some)
        poses = poses_of(depth_model, rotations, numbers, surfaces)
        return np.concatenate([residuals(poses, surfaces, about=about), _deviation(numbers, poses)])

    steps = np.concatenate([[0.2], np.tile(STEPS, len(surfaces))])[free]
    # Here, for every step of every project loads this module, and few have six views.
    from scipy.optimize import least_squares

    best = least_squares(cost_of, start[free], x_scale=steps, max_nfev=rounds, ftol=FINE_ENOUGH, xtol=FINE_ENOUGH)
    return Solution(depth_model, rotations, numbers_of(best.x), 2 * float(best.cost))


def solve_nominal(
    depth_model: str,
    rotations: Sequence[Float[ndarray, "3 3"]],
    surfaces: Sequence[Surface],
    depths: Sequence[float],
    fields_of_view_deg: Sequence[float] = FIELDS_OF_VIEW_DEG,
) -> Solution:
    """The best nominal rig of those found from each of ``fields_of_view_deg``.

    ``depths``: how far the object reaches along each view's sight, as a share of a picture's width.
    """
    found = []
    for field in fields_of_view_deg:
        start = first_numbers(depth_model, surfaces, depths, 0.5 / float(np.tan(np.radians(field) / 2)))
        found.append(solve(depth_model, rotations, surfaces, start, nominal=True, rounds=10))
    return min(found, key=lambda one: one.cost)


def first_numbers(
    depth_model: str, surfaces: Sequence[Surface], depths: Sequence[float], focal: float
) -> Float[ndarray, " p"]:
    """The nominal rig, with each view's nearest value half the object's depth before the middle."""
    numbers = [float(np.log(focal))]
    for surface, depth in zip(surfaces, depths, strict=True):
        half = min(0.7, depth / focal / 2)
        # What a view sees of a body lies in its nearer half.
        middle = 1.0 - 0.5 * half
        if depth_model == PROPORTIONAL_WHITE_FAR:
            middle = (1.0 - half) * surface.middle / surface.low
        numbers += [0.0, 0.0, 0.0, float(np.log(middle)), float(np.log(half))]
    return np.array(numbers)


def with_distances_centred(solution: Solution) -> Solution:
    """The same in another unit: the distances' geometric mean is 1."""
    numbers = solution.numbers.copy()
    numbers[1::5] -= numbers[1::5].mean()
    return replace(solution, numbers=numbers)


def _deviation(numbers: Float[ndarray, " p"], poses: Sequence[Pose]) -> Float[ndarray, " r"]:
    views = numbers[1:].reshape(-1, 5)
    offsets = np.array([pose.offset for pose in poses])
    return np.concatenate(
        [
            FIELD_COST * (numbers[:1] - np.log(1.2)),
            DISTANCE_COST * views[:, 0],
            SHIFT_COST * views[:, 1:3].ravel(),
            OFFSET_COST * offsets,
        ]
    )
