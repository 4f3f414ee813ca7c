"""The set once its cameras are placed: is it shown from all sides, in steps neither too small nor too large?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from maquette.recon.capture import Reason
from maquette.recon.doctor.before import GOOD_COUNT
from maquette.recon.doctor.coverage import Coverage, measure_coverage, shared_points, subject
from maquette.recon.doctor.verdict import SetVerdict, verdict_of
from maquette.recon.scene import Scene
from maquette.recon.sfm.result import Placement, SfmResult

GAP_DEG, ONE_SIDED_DEG = 60.0, 150.0
"""Largest gap around: from the first there is a hole in the round, from the second there was no round."""
ONE_HEIGHT_DEG = 10.0
SMALL_ANGLE_DEG, LARGE_ANGLE_DEG = 2.0, 30.0
"""Between neighbours: under the first depth is uncertain (Schönberger and Frahm 2016 begin from 16 and keep points
above 1.5 degrees), above the second spots look too different to match (SIFT: about 30; Lowe 2004, section 7.3)."""
WEAK_NEIGHBOURS, WEAK_POINTS = 2, 50
"""A photo with fewer matched photos, or points, hangs by a thread."""
TURNED_SHARE, FLAT = 0.8, 0.05
"""Of all pairs, how many a homography must explain; thickness of points, of their width, under which they are flat. On
a panorama it explains 28 of 28 pairs, on captures/kermit 2 of 39, on captures/sceaux none."""
FAR, NEAR = 2.5, 0.4
"""Distance to the subject, as a multiple of the median."""


@dataclass(frozen=True)
class PhotoAdvice:
    """One photo among the others: how it hangs together with them, and at most one thing to do about it.

    ``nearest``: the placed photo that shares most points with it. ``distance``: to the subject, as a multiple of the
    median. ``reason`` is None where nothing is to be done.
    """

    name: str
    placed: bool
    matched_photos: int
    points: int
    nearest: str | None
    distance: float | None
    reason: Reason | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def judge_placed(result: SfmResult) -> SetVerdict:
    """Coverage and baseline of a placed set, with the photos that are missing and from where to take them."""
    coverage = measure_coverage(result.scene, result.observations)
    reasons = [*_turned(result), *_around(coverage, len(result.scene.views)), *_steps(coverage)]
    weak = [advice.name for advice in advise(result) if advice.reason and advice.reason.code == "weakly_connected"]
    if len(weak) > 0.25 * len(result.scene.views):
        shown = ", ".join(f"'{name}'" for name in weak[:5]) + (", …" if len(weak) > 5 else "")
        reasons.append(
            Reason(
                "little_overlap",
                f"{len(weak)} of {len(result.scene.views)} photos barely overlap with others: {shown}.",
                "Take one photo more on either side of each, so that neighbours share two thirds of what they show.",
            )
        )
    return verdict_of(reasons, coverage)


def advise(result: SfmResult) -> tuple[PhotoAdvice, ...]:
    """One advice a photo, in the order of the result's placements."""
    views = result.scene.views
    index = {view.name: number for number, view in enumerate(views)}
    shared = shared_points(len(views), result.observations)
    away = _distances(result.scene)
    found = []
    for photo in result.placements:
        number = index.get(photo.name)
        if number is None:
            why = Reason(photo.code, photo.sentence, photo.action)
            found.append(PhotoAdvice(photo.name, False, photo.matched_photos, photo.points, None, None, why))
            continue
        best = int(shared[number].argmax())
        nearest = views[best].name if shared[number, best] > 0 else None
        reason = _reason(photo, nearest, float(away[number]))
        distance = round(float(away[number]), 2)
        found.append(PhotoAdvice(photo.name, True, photo.matched_photos, photo.points, nearest, distance, reason))
    return tuple(found)


def _distances(scene: Scene) -> np.ndarray:
    centre = subject(scene)
    away = np.array([float(np.linalg.norm(view.camera.centre - centre)) for view in scene.views])
    return away / max(float(np.median(away)), 1e-12)


def _reason(photo: Placement, nearest: str | None, distance: float) -> Reason | None:
    beside = f"'{nearest}'" if nearest else "the nearest other photo"
    if photo.matched_photos < WEAK_NEIGHBOURS or photo.points < WEAK_POINTS:
        return Reason(
            "weakly_connected",
            f"'{photo.name}' hangs by {photo.points} points and {photo.matched_photos} matched "
            f"photo{'' if photo.matched_photos == 1 else 's'}: its place is uncertain.",
            f"Take one or two photos between it and {beside}.",
        )
    if distance > FAR:
        return Reason(
            "far_away",
            f"'{photo.name}' was taken from {distance:.1f} times as far as the others: it shows the subject small.",
            "Come closer, or take photos in between so that the size changes in steps of less than two.",
        )
    if distance < NEAR:
        return Reason(
            "very_close",
            f"'{photo.name}' was taken from {distance:.1f} of the others' distance: it shows a detail only.",
            "Take photos in between so that the size changes in steps of less than two.",
        )
    return None


def _turned(result: SfmResult) -> list[Reason]:
    """Where a homography explains the photos, and yet the points are not flat, their depths are made up: a search
    that is free to choose the lens finds a path of the camera for a camera that only turned.
    """
    points = result.scene.points
    if result.flat_share < TURNED_SHARE or len(points) < 3:
        return []
    away = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    kept = points[away <= np.quantile(away, 0.9)]
    sizes = np.linalg.svd(kept - kept.mean(axis=0), compute_uv=False)
    if sizes[2] < FLAT * sizes[1]:
        return []
    return [
        Reason(
            "turned_only",
            f"{result.flat_share:.0%} of the matching pairs of photos show a camera that turned and did not move: "
            "the depths of the model are made up.",
            "Walk: step to the side between photos, by about a tenth of the distance to the subject.",
        )
    ]


def _around(coverage: Coverage, views: int) -> list[Reason]:
    if not coverage.around or coverage.largest_gap_deg is None or coverage.covered_deg is None:
        return []
    reasons = []
    gap, more = coverage.largest_gap_deg, coverage.more_photos
    where = (
        f"Facing the subject, walk to the right from where '{coverage.gap_right_of}' was taken, towards "
        f"'{coverage.gap_left_of}': {more} photo{'' if more == 1 else 's'}, one about every 20 degrees, close it."
    )
    if gap > ONE_SIDED_DEG:
        reasons.append(
            Reason(
                "one_sided",
                f"The photos show the subject from {coverage.covered_deg:.0f} of 360 degrees: the model will have no "
                "back.",
                f"Where one can walk around it: {where[0].lower()}{where[1:]}",
            )
        )
    elif gap > GAP_DEG:
        reasons.append(Reason("gap_around", f"There is a gap of {gap:.0f} degrees in the round.", where))
    elif views < GOOD_COUNT:
        reasons.append(
            Reason(
                "few_for_a_whole_model",
                f"{views} photos go all around, {coverage.step_deg:.0f} degrees apart; {GOOD_COUNT} or more show it "
                "better.",
                f"Take {GOOD_COUNT - views} more in between, or a second round from another height.",
            )
        )
    low, high = coverage.lowest_deg, coverage.highest_deg
    if low is not None and high is not None and high - low < ONE_HEIGHT_DEG:
        reasons.append(
            Reason(
                "one_height",
                f"All photos look from one height ({low:.0f} to {high:.0f} degrees above the subject's middle).",
                "Take a second round from 30 degrees higher, and some from above: the top is uncertain otherwise.",
            )
        )
    return reasons


def _steps(coverage: Coverage) -> list[Reason]:
    near, far = coverage.nearest_angle_deg, coverage.farthest_angle_deg
    if far is not None and far < SMALL_ANGLE_DEG:
        return [
            Reason(
                "small_baseline",
                f"The photos see the same spots under {far:.1f} degrees at most: from one place, depth is guessed.",
                "Step to the side between photos, by about a tenth of the distance to the subject; turning is not "
                "enough.",
            )
        ]
    if near is not None and near > LARGE_ANGLE_DEG:
        return [
            Reason(
                "large_steps",
                f"Neighbouring photos see the same spots under {near:.0f} degrees; {LARGE_ANGLE_DEG:.0f} is what "
                "matching bridges.",
                "Take one photo more between each two.",
            )
        ]
    return []
