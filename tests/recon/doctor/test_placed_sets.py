"""What the doctor says of placed cameras whose gaps and distances are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from maquette.recon.cameras import Camera
from maquette.recon.doctor import advise, judge_placed, measure_coverage
from maquette.recon.scene import Scene, View
from maquette.recon.sfm import Attempt, Observations, Placement, SfmResult
from maquette.recon.synthetic.orbit import look_at

UP = np.array([0.0, 0.0, 1.0])
MIDDLE = np.array([2.0, -1.0, 0.5])


def around(azimuths: Sequence[float], elevations: Sequence[float] = (20.0,), distance: float = 5.0) -> list[Camera]:
    """Cameras around ``MIDDLE``, looking at it; degrees."""
    cameras = []
    for index, azimuth in enumerate(np.radians(azimuths)):
        elevation = np.radians(elevations[index % len(elevations)])
        away = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
        cameras.append(camera(MIDDLE + distance * away, MIDDLE))
    return cameras


def camera(eye: np.ndarray, target: np.ndarray) -> Camera:
    return Camera(640, 480, 600.0, 600.0, 320.0, 240.0, look_at(eye, target, UP))


def placed(cameras: Sequence[Camera], turned: np.ndarray | None = None, sees: int = 200) -> SfmResult:
    """A result of these cameras with points on a ball around ``MIDDLE``; each sees ``sees`` of the nearest half.

    ``turned`` takes the whole world elsewhere, as the frame that structure-from-motion chooses is.
    """
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(1500, 3))
    points = MIDDLE + directions / np.linalg.norm(directions, axis=1, keepdims=True)
    view, point = [], []
    for index, one in enumerate(cameras):
        facing = np.flatnonzero(((one.centre - points) * (points - MIDDLE)).sum(axis=1) > 0.5)[:sees]
        view += [index] * len(facing)
        point += facing.tolist()
    names = [f"p{index:02d}.jpg" for index in range(len(cameras))]
    if turned is not None:
        points = points @ turned[:3, :3].T + turned[:3, 3]
        cameras = [
            Camera(c.width, c.height, c.fx, c.fy, c.cx, c.cy, c.camera_from_world @ np.linalg.inv(turned))
            for c in cameras
        ]
    views = tuple(View(name, one, Path(name)) for name, one in zip(names, cameras, strict=True))
    scene = Scene(views, points, np.zeros((len(points), 3), np.uint8))
    seen = Observations(np.array(view, np.int32), np.array(point, np.int32), np.zeros((len(view), 2), np.float32))
    counts = np.bincount(seen.view, minlength=len(views))
    return SfmResult(
        scene=scene,
        placements=tuple(Placement(name, True, 1000, len(cameras) - 1, int(counts[i])) for i, name in enumerate(names)),
        attempts=(Attempt("as_set", len(cameras), len(points), 4.0, True, 1.0),),
        warnings=(),
        observations=seen,
        mean_track_length=4.0,
        reprojection_error_px=0.5,
        seconds={},
        peak_memory_mb=100.0,
    )


ELSEWHERE = np.eye(4)
ELSEWHERE[:3, :3] = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
ELSEWHERE[:3, :3] *= np.sign(np.linalg.det(ELSEWHERE[:3, :3]))
ELSEWHERE[:3, 3] = [4.0, 5.0, 6.0]


@pytest.mark.parametrize("turned", [None, ELSEWHERE], ids=["upright", "any frame"])
def test_a_whole_round_in_two_heights_is_well(turned: np.ndarray | None) -> None:
    verdict = judge_placed(placed(around(np.arange(48) * 15.0, [10.0] * 24 + [35.0] * 24), turned))
    assert (verdict.status, verdict.reasons) == ("ok", ())
    coverage = verdict.coverage
    assert coverage is not None and coverage.around
    assert coverage.largest_gap_deg == pytest.approx(15.0, abs=0.5)
    assert (coverage.lowest_deg, coverage.highest_deg) == (pytest.approx(10, abs=1), pytest.approx(35, abs=1))
    assert coverage.more_photos == 0


@pytest.mark.parametrize("turned", [None, ELSEWHERE], ids=["upright", "any frame"])
def test_a_gap_is_found_where_it_is(turned: np.ndarray | None) -> None:
    """Photos from 0 to 250 degrees, seen from above counter-clockwise: to the right of whoever faces the subject."""
    result = placed(around(np.arange(0, 251, 10.0), (5.0, 30.0)), turned)
    verdict = judge_placed(result)
    assert verdict.status == "warning"
    (reason,) = verdict.reasons
    assert reason.code == "gap_around"
    assert "110 degrees" in reason.sentence
    assert "right from where 'p25.jpg'" in reason.action
    assert "towards 'p00.jpg'" in reason.action
    assert "5 photos" in reason.action
    coverage = verdict.coverage
    assert coverage is not None
    assert coverage.covered_deg == pytest.approx(250, abs=1)
    assert coverage.step_deg == pytest.approx(10, abs=0.5)


def test_a_half_round_has_no_back() -> None:
    verdict = judge_placed(placed(around(np.linspace(0, 180, 19), (0.0, 25.0))))
    (reason,) = verdict.reasons
    assert reason.code == "one_sided"
    assert "180 of 360 degrees" in reason.sentence
    assert verdict.status == "warning"


def test_one_height_is_a_hint() -> None:
    verdict = judge_placed(placed(around(np.arange(24) * 15.0)))
    assert [reason.code for reason in verdict.reasons] == ["one_height"]
    assert verdict.status == "ok"


def test_a_round_of_few_photos_asks_for_more_and_notices_large_steps() -> None:
    verdict = judge_placed(placed(around(np.arange(8) * 45.0, (10.0, 30.0))))
    codes = [reason.code for reason in verdict.reasons]
    assert codes == ["large_steps", "few_for_a_whole_model"]
    assert "12 more" in verdict.reasons[1].action


def test_photos_from_one_spot_are_a_panorama() -> None:
    """Turned, hardly moved: depth is guessed."""
    rng = np.random.default_rng(1)
    eye = MIDDLE + np.array([5.0, 0.0, 1.0])
    cameras = [camera(eye + rng.normal(scale=0.02, size=3), MIDDLE + rng.normal(scale=0.3, size=3)) for _ in range(20)]
    verdict = judge_placed(placed(cameras))
    reason = next(reason for reason in verdict.reasons if reason.code == "small_baseline")
    assert "turning is not enough" in reason.action
    assert verdict.status == "warning"


def test_depths_of_a_camera_that_only_turned_are_made_up() -> None:
    result = placed(around(np.arange(0, 40, 5.0)))
    turned = SfmResult(**{**vars(result), "flat_share": 1.0})
    assert "turned_only" in [reason.code for reason in judge_placed(turned).reasons]
    assert "turned_only" not in [reason.code for reason in judge_placed(result).reasons]
    facade = turned.scene.points * [1.0, 1.0, 0.001]
    flat = Scene(turned.scene.views, facade, turned.scene.colors)
    reasons = judge_placed(SfmResult(**{**vars(turned), "scene": flat})).reasons
    assert "turned_only" not in [reason.code for reason in reasons], "a wall is flat, and may be photographed"


def test_cameras_that_look_outwards_have_no_round() -> None:
    """A room photographed from its middle."""
    cameras = []
    for angle in np.radians(np.arange(0, 360, 20.0)):
        ahead = np.array([np.cos(angle), np.sin(angle), 0.0])
        cameras.append(camera(MIDDLE + 0.5 * ahead, MIDDLE + 5.0 * ahead))
    coverage = measure_coverage(placed(cameras).scene, placed(cameras).observations)
    assert not coverage.around
    assert coverage.largest_gap_deg is None


def test_a_facade_photographed_along_a_street_is_one_sided_not_broken() -> None:
    """Axes side by side meet nowhere: the points say where the subject is."""
    cameras = [camera(np.array([x, -7.0, 0.5]), np.array([x, 0.0, 0.5])) for x in np.linspace(-1, 5, 12)]
    verdict = judge_placed(placed(cameras))
    assert verdict.coverage is not None and verdict.coverage.around
    assert [reason.code for reason in verdict.reasons] == ["one_sided", "one_height"]


def test_a_photo_from_far_away_and_one_by_a_thread_get_one_action_each() -> None:
    cameras = around(np.arange(20) * 18.0, (10.0, 30.0))
    cameras[4] = around([72.0], (10.0,), distance=16.0)[0]
    result = placed(cameras)
    photos = list(result.placements)
    photos[7] = Placement("p07.jpg", True, 900, 1, 31)
    photos.append(Placement("p20.jpg", False, 900, 0, 0, "no_matches", "It shares nothing.", "Leave it out."))
    advice = {one.name: one for one in advise(SfmResult(**{**vars(result), "placements": tuple(photos)}))}
    assert len(advice) == 21
    far = advice["p04.jpg"]
    assert far.reason is not None and far.reason.code == "far_away"
    assert far.distance == pytest.approx(3.2, abs=0.1)
    weak = advice["p07.jpg"]
    assert weak.reason is not None and weak.reason.code == "weakly_connected"
    assert "31 points and 1 matched photo" in weak.reason.sentence
    assert weak.nearest in {"p06.jpg", "p08.jpg"} and f"'{weak.nearest}'" in weak.reason.action
    dropped = advice["p20.jpg"]
    assert (dropped.placed, dropped.reason and dropped.reason.code) == (False, "no_matches")
    assert sum(one.reason is not None for one in advice.values()) == 3


def test_verdicts_are_plain_data() -> None:
    verdict = judge_placed(placed(around(np.arange(0, 200, 20.0))))
    told = json.loads(json.dumps(verdict.as_dict()))
    assert told["coverage"]["gap_right_of"] == "p09.jpg"
    assert {"code", "sentence", "action"} == set(told["reasons"][0])
    json.dumps([one.as_dict() for one in advise(placed(around([0.0, 20.0, 40.0])))])
