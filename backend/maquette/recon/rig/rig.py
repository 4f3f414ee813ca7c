"""The rig as solved: a camera and a depth scale for each side, and how well the sides agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32
from numpy import ndarray

from maquette.progress import Progress, silent
from maquette.recon.cameras import Camera
from maquette.recon.rig.consistency import DEPTH_SCALE, Pose, Seen, seen_by
from maquette.recon.rig.errors import RigDisagreesError
from maquette.recon.rig.orientation import LYING, depths_along_sight, find_orientation, preferred
from maquette.recon.rig.reading import RigView
from maquette.recon.rig.sides import SIDES, Lie, Side
from maquette.recon.rig.solve import (
    PROPORTIONAL_WHITE_FAR,
    WHITE_FAR,
    Solution,
    solve,
    solve_nominal,
    with_distances_centred,
)
from maquette.recon.rig.surfaces import Surface, surface_of

SMALL_PX, SMALL_SAMPLES = 128, 120
FINE_PX, FINE_SAMPLES = 224, 220
ROUNDS = 20
FINE_FIELDS_OF_VIEW_DEG = (70.0, 50.0, 35.0)
METHOD = "orthogonal_rig_by_depth_consistency"
NOT_ONE_OBJECT = 0.35
"""Share of a side's sight, beside other objects or in front of their surfaces, beyond which there is no rig."""
OUTSIDE_TOLERANCE = 0.015
"""Picture widths beside a silhouette that count as on it."""
WORTH_SAYING = 0.12
UNSURE = 0.1
"""A decision whose alternative scores less than this much worse is one to look at."""
SCALE_WORTH_SAYING = 0.03


@dataclass(frozen=True)
class Agreement:
    """What the other five sides' points are in this one: shares ``outside`` its silhouette and ``in_front`` of its
    surface; and the median distance, camera distances, of those that lie at it (None: none do).
    """

    outside: float
    in_front: float
    median_depth_error: float | None


@dataclass(frozen=True)
class RigWarning:
    """A stable code and a sentence."""

    code: str
    message: str


@dataclass(frozen=True, eq=False)
class RigSide:
    """One side: its camera (of the picture's size, after :attr:`lie` is undone), what its depth values mean
    (z = ``offset`` + ``slope`` times value, in mean camera distances, the unit of the world), and how it agrees.

    ``object_scale``: how much larger the object is drawn than from the mean distance; 1 on a true rig.
    """

    side: Side
    camera: Camera
    lie: Lie
    offset: float
    slope: float
    object_scale: float
    agreement: Agreement

    def depth(self, values: Float32[ndarray, "h w"], known: Bool[ndarray, "h w"]) -> Float32[ndarray, "h w"]:
        """Distances along z for a depth render's values, 0 where not ``known``."""
        depth: Float32[ndarray, "h w"] = np.where(known, self.offset + self.slope * values, 0.0).astype(np.float32)
        return depth

    def values(self, depth: Float32[ndarray, "h w"]) -> Float32[ndarray, "h w"]:
        """The depth render's numbers for distances along z."""
        numbers: Float32[ndarray, "h w"] = ((depth - self.offset) / self.slope).astype(np.float32)
        return numbers


@dataclass(frozen=True, eq=False)
class Rig:
    """All six sides in the order of :data:`SIDES`, what was found out on the way, and what to tell.

    ``margins``: by how much the best alternative of each decision scores worse, as a share.
    """

    sides: tuple[RigSide, ...]
    field_of_view_deg: float
    depth_model: str
    sides_swapped: bool
    cost: float
    margins: Mapping[str, float]
    warnings: tuple[RigWarning, ...]
    method: str = METHOD


def solve_rig(views: Sequence[RigView], *, progress: Progress = silent) -> Rig:
    """Solve for the rig of six ``views`` in the order of :data:`SIDES`.

    The same views give the same rig. Raises ``six_views_disagree`` where the sides cannot be those of one object.
    """
    small = {view.side: _surface(view, False, SMALL_PX, SMALL_SAMPLES) for view in views}
    mirrored = {view.side: _surface(view, True, SMALL_PX, SMALL_SAMPLES) for view in views if view.side in LYING}
    found = find_orientation(small, mirrored, told=lambda done: progress("cameras", 0.8 * done))
    surfaces = [_surface(view, found.lies[view.side].mirrored, FINE_PX, FINE_SAMPLES) for view in views]
    fine = _refined(found.solution, surfaces, depths_along_sight(small))
    poses = with_distances_centred(fine).poses(surfaces)
    agreements = [_agreement(index, poses, surfaces) for index in range(len(views))]
    _refuse_disagreement(agreements)
    sides = tuple(
        _side(view, found.lies[view.side], pose, agreement)
        for view, pose, agreement in zip(views, poses, agreements, strict=True)
    )
    rig = Rig(
        sides=sides,
        field_of_view_deg=fine.field_of_view_deg,
        depth_model=fine.depth_model,
        sides_swapped=found.sides_swapped,
        cost=fine.cost,
        margins=dict(found.margins),
        warnings=(),
    )
    progress("cameras", 1.0)
    return replace(rig, warnings=tuple(_warnings(rig)))


def _refined(small: Solution, surfaces: Sequence[Surface], depths: Sequence[float]) -> Solution:
    """The rig as it should be, from several lenses, then what its views deviate from it.

    The other way round, one pays for the other. Where white is far the simpler depth scale is tried too: renderers
    that divide by the farthest depth are common, and small pictures may not tell.
    """
    models = (WHITE_FAR, PROPORTIONAL_WHITE_FAR) if small.depth_model == WHITE_FAR else (small.depth_model,)
    found = []
    for model in models:
        nominal = [
            solve_nominal(model, small.rotations, surfaces, depths, (field,)) for field in FINE_FIELDS_OF_VIEW_DEG
        ]
        if model == small.depth_model:
            nominal.append(solve(model, small.rotations, surfaces, small.numbers, nominal=True, rounds=ROUNDS))
        for best in sorted(nominal, key=lambda one: one.cost)[:2]:
            found.append(solve(model, small.rotations, surfaces, best.numbers, rounds=ROUNDS))
    return min(found, key=preferred)


def _surface(view: RigView, mirrored: bool, width: int, samples: int) -> Surface:
    lie = Lie(mirrored=mirrored)
    return surface_of(
        lie.unmirrored(view.values),
        lie.unmirrored(view.known),
        lie.unmirrored(view.pixels),
        width=width,
        samples=samples,
    )


def _side(view: RigView, lie: Lie, pose: Pose, agreement: Agreement) -> RigSide:
    height, width = view.known.shape
    camera_from_world = np.eye(4)
    camera_from_world[:3, :3], camera_from_world[:3, 3] = pose.rotation, pose.translation
    focal_px = pose.focal * width
    camera = Camera(width, height, focal_px, focal_px, width / 2, height / 2, camera_from_world)
    scale = 1.0 / float(pose.translation[2])
    return RigSide(view.side, camera, lie, pose.offset, pose.slope, scale, agreement)


def _agreement(index: int, poses: Sequence[Pose], surfaces: Sequence[Surface]) -> Agreement:
    others = [pose.world(s.at, s.seen) for i, (pose, s) in enumerate(zip(poses, surfaces, strict=True)) if i != index]
    seen: Seen = seen_by(np.concatenate(others), poses[index], surfaces[index])
    touching = seen.on & (np.abs(seen.behind) < 2 * DEPTH_SCALE)
    return Agreement(
        outside=float((seen.outside > OUTSIDE_TOLERANCE).mean()),
        in_front=float((seen.on & (seen.behind < -2 * DEPTH_SCALE)).mean()),
        median_depth_error=float(np.median(np.abs(seen.behind[touching]))) if touching.any() else None,
    )


def _refuse_disagreement(agreements: Sequence[Agreement]) -> None:
    wrong = [one.outside + one.in_front for one in agreements]
    worst = int(np.argmax(wrong))
    if wrong[worst] > NOT_ONE_OBJECT:
        raise RigDisagreesError(SIDES[worst], agreements[worst].outside, agreements[worst].in_front)


def _warnings(rig: Rig) -> list[RigWarning]:
    told = []
    for one in rig.sides:
        wrong = one.agreement.outside + one.agreement.in_front
        if wrong > WORTH_SAYING:
            told.append(
                RigWarning(
                    "rig_side_disagrees",
                    f"'{one.side}' contradicts the other sides: {one.agreement.outside:.0%} of their points fall "
                    f"beside its object, {one.agreement.in_front:.0%} before its surface.",
                )
            )
        if abs(one.object_scale - 1) > SCALE_WORTH_SAYING:
            told.append(
                RigWarning(
                    "rig_scale_differs",
                    f"'{one.side}' shows the object {one.object_scale:.2f} times as large as the sides do on average.",
                )
            )
        if one.lie.mirrored:
            told.append(RigWarning("rig_side_mirrored", f"'{one.side}' is mirrored; it was turned over."))
    unsure = [name for name, margin in rig.margins.items() if margin < UNSURE]
    if unsure:
        told.append(
            RigWarning(
                "rig_orientation_unsure",
                f"The other way round fits almost as well for: {', '.join(unsure)}. Look at the model from there.",
            )
        )
    return told
