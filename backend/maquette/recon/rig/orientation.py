"""Which way the pictures lie: nobody agrees on what is up in a picture from above, or whose left is left.

Tried: ``left`` being the viewer's or the object's own; the pictures from above and below turned by each quarter turn
and mirrored; each meaning of depth values. What agrees best wins, by the residuals of the solve and by colours where
two views show the same point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.recon.rig.consistency import colour_disagreement, residuals
from maquette.recon.rig.sides import SIDES, Lie, Side, rotation_of
from maquette.recon.rig.solve import (
    DEPTH_MODELS,
    PROPORTIONAL_WHITE_FAR,
    WHITE_NEAR,
    Solution,
    first_numbers,
    poses_of,
    solve,
    solve_nominal,
)
from maquette.recon.rig.surfaces import Surface

UPRIGHT: tuple[Side, ...] = SIDES[:4]
LYING: tuple[Side, ...] = SIDES[4:]
LIES = tuple(Lie(turns, mirrored) for mirrored in (False, True) for turns in range(4))
COLOUR_WEIGHT = 4.0
"""Of the mean colour difference (0 to 1) against the residuals' mean square: what decides for round bodies."""
MIRROR_COST = 0.05
"""A mirrored picture must agree better by this share: most objects are nearly symmetric, and few files are mirrored."""
WORTH_ANOTHER_LOOK = 1.5
"""Meanings of depth whose four sides disagree at most this much more than the best are tried on all six."""
CLOSE = 1.3
"""Lies whose score by the four sides is within this factor of the best are tried on all six together."""
SIMPLER_BY = 0.8
"""A depth scale with two free numbers must disagree by less than this share of what the proportional one does."""

Small = Mapping[Side, Surface]


@dataclass(frozen=True, eq=False)
class Orientation:
    """``lies`` by side; ``sides_swapped``: ``left`` is the object's own; ``solution`` of the small surfaces, by
    :data:`SIDES`. ``margins``: for each decision (``left_right``, ``depth``, ``top``, ``bottom``) by how much the best
    alternative's score is worse, as a share of the chosen one's.
    """

    lies: Mapping[Side, Lie]
    sides_swapped: bool
    solution: Solution
    margins: Mapping[str, float]


def find_orientation(
    surfaces: Small, mirrored: Small, *, told: Callable[[float], None] = lambda done: None
) -> Orientation:
    """Try everything on small ``surfaces`` and on those of the ``mirrored`` pictures. ``told`` hears the share done."""
    depths = depths_along_sight(surfaces)
    upright = [surfaces[side] for side in UPRIGHT]
    tried: list[tuple[bool, Solution]] = []
    for swapped in (False, True):
        rotations = [rotation_of(side, sides_swapped=swapped) for side in UPRIGHT]
        for model in DEPTH_MODELS:
            tried.append((swapped, solve_nominal(model, rotations, upright, depths[:4])))
            told(0.5 * len(tried) / 6)
    swapped, sides = min(tried, key=lambda one: one[1].cost)
    margins = {"left_right": min(one.cost for other, one in tried if other != swapped) / sides.cost - 1.0}
    near = sides.depth_model == WHITE_NEAR
    # Two ways of saying that white is far are no two ways round.
    opposite = [one.cost for other, one in tried if other == swapped and (one.depth_model == WHITE_NEAR) != near]
    margins["depth"] = min(opposite) / sides.cost - 1.0

    scores = {side: [_alone(lie, side, sides, upright, surfaces, mirrored, depths) for lie in LIES] for side in LYING}
    told(0.7)
    lies = {side: LIES[int(np.argmin(scores[side]))] for side in LYING}
    models = [
        one.depth_model
        for other, one in tried
        if other == swapped
        and (one.depth_model == WHITE_NEAR) == near
        and (one.cost <= WORTH_ANOTHER_LOOK * sides.cost or one.depth_model == PROPORTIONAL_WHITE_FAR)
    ]
    found = [
        _solve_all(model, lies, swapped, surfaces, mirrored, depths, (60.0, sides.field_of_view_deg))
        for model in models
    ]
    # An affine scale explains all that a proportional one does, and with noise a little more.
    chosen = min(found, key=preferred)
    told(0.85)

    # From one side alone a mirrored or half turned picture of something nearly symmetric looks as good; the opposite
    # side knows better.
    close = {
        side: [lie for lie, score in zip(LIES, scores[side], strict=True) if score <= CLOSE * min(scores[side])]
        for side in LYING
    }
    together: dict[tuple[Lie, ...], tuple[float, Solution]] = {}
    for pair in product(*(close[side] for side in LYING)):
        these = dict(zip(LYING, pair, strict=True))
        together[pair] = _score_together(these, chosen, swapped, surfaces, mirrored)
    best = min(together, key=lambda pair: together[pair][0])
    best_score = together[best][0]
    for index, side in enumerate(LYING):
        worse = [score / best_score for pair, (score, _) in together.items() if pair[index] != best[index]]
        apart = [
            score / min(scores[side]) for lie, score in zip(LIES, scores[side], strict=True) if lie not in close[side]
        ]
        margins[side] = min([*worse, *apart]) - 1.0
    told(1.0)
    upright_lies: dict[Side, Lie] = {side: Lie() for side in UPRIGHT}
    return Orientation(upright_lies | dict(zip(LYING, best, strict=True)), swapped, together[best][1], margins)


def preferred(solution: Solution) -> float:
    """The cost by which solutions with different depth scales are compared."""
    return solution.cost * (SIMPLER_BY if solution.depth_model == PROPORTIONAL_WHITE_FAR else 1.0)


def depths_along_sight(surfaces: Small) -> list[float]:
    """How far the object reaches along each view's sight, in the order of :data:`SIDES`, by the views across it.

    As a share of a picture's width.
    """
    sizes = {side: surfaces[side].extent[2:] - surfaces[side].extent[:2] for side in UPRIGHT}
    length = float(sizes["left"][0] + sizes["right"][0]) / 2
    width = float(sizes["front"][0] + sizes["back"][0]) / 2
    height = float(np.mean([size[1] for size in sizes.values()]))
    return [length, length, width, width, height, height]


def _solve_all(
    model: str,
    lies: Mapping[Side, Lie],
    swapped: bool,
    surfaces: Small,
    mirrored: Small,
    depths: Sequence[float],
    fields: Sequence[float],
) -> Solution:
    rotations, lying = _laid(lies, swapped, surfaces, mirrored)
    return solve_nominal(model, rotations, lying, depths, fields)


def _score_together(
    lies: Mapping[Side, Lie], start: Solution, swapped: bool, surfaces: Small, mirrored: Small
) -> tuple[float, Solution]:
    rotations, lying = _laid(lies, swapped, surfaces, mirrored)
    found = solve(start.depth_model, rotations, lying, start.numbers, nominal=True, rounds=6)
    colours, _ = colour_disagreement(found.poses(lying), lying)
    turned_over = sum(lie.mirrored for lie in lies.values())
    return (found.cost + COLOUR_WEIGHT * colours) * (1.0 + MIRROR_COST * turned_over), found


def _laid(
    lies: Mapping[Side, Lie], swapped: bool, surfaces: Small, mirrored: Small
) -> tuple[list[Float[ndarray, "3 3"]], list[Surface]]:
    all_lies = {side: lies.get(side, Lie()) for side in SIDES}
    rotations = [rotation_of(side, lie.quarter_turns, sides_swapped=swapped) for side, lie in all_lies.items()]
    return rotations, [(mirrored if lie.mirrored else surfaces)[side] for side, lie in all_lies.items()]


def _alone(
    lie: Lie,
    side: Side,
    sides: Solution,
    upright: Sequence[Surface],
    surfaces: Small,
    mirrored: Small,
    depths: Sequence[float],
) -> float:
    lying = [*upright, (mirrored if lie.mirrored else surfaces)[side]]
    rotations = [*sides.rotations, rotation_of(side, lie.quarter_turns)]
    first = first_numbers(sides.depth_model, lying[-1:], [depths[SIDES.index(side)]], sides.focal)
    start = np.concatenate([sides.numbers, first[1:]])
    found = solve(sides.depth_model, rotations, lying, start, about=len(upright), nominal=True, rounds=5)
    poses = poses_of(found.depth_model, rotations, found.numbers, lying)
    geometry = float(np.square(residuals(poses, lying, about=len(upright))).sum())
    colours, _ = colour_disagreement(poses, lying, about=len(upright))
    return (geometry + COLOUR_WEIGHT * colours) * (1.0 + MIRROR_COST * lie.mirrored)
