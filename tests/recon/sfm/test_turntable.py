"""A turntable fitted to matches: found where there is one, and not where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maquette.recon.images import read_photo, write_photo
from maquette.recon.scenes.middlebury import read_middlebury
from maquette.recon.sfm import place_cameras
from maquette.recon.sfm.epipolar import MatchedPair
from maquette.recon.sfm.job_turntable import is_borne_out
from maquette.recon.sfm.turntable import fit_turntable

WIDTH, HEIGHT, PHOTOS = 640, 480, 15


def turning(step_deg: float, tilt_deg: float) -> list[np.ndarray]:
    """``camera_from_world`` of a camera that looks down on a table which turns."""
    tilt = np.radians(tilt_deg)
    axis = np.array([0.0, -np.cos(tilt), -np.sin(tilt)])
    poses = []
    for index in range(PHOTOS):
        pose = np.eye(4)
        pose[:3, :3] = Rotation.from_rotvec(np.radians(step_deg) * index * axis).as_matrix()
        pose[:3, 3] = [0.02, -0.01, 1.0]
        poses.append(pose)
    return poses


def matches(poses: list[np.ndarray], focal_px: float, *, closed: bool = True, seed: int = 0) -> list[MatchedPair]:
    """Points on a ball seen in photos next to each other, the last beside the first where ``closed``: half a pixel of
    noise, one in eight wrong, and some spots of the background that stay where they are.
    """
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(500, 3))
    points *= 0.12 / np.linalg.norm(points, axis=1, keepdims=True)
    seen = []
    for pose in poses:
        inside = points @ pose[:3, :3].T + pose[:3, 3]
        spots = inside[:, :2] / inside[:, 2:] * focal_px + [WIDTH / 2, HEIGHT / 2]
        facing = ((points @ pose[:3, :3].T) * inside).sum(axis=1) < 0
        seen.append((spots + rng.normal(scale=0.5, size=spots.shape), facing))
    pairs = []
    for i in range(len(poses)):
        for j in range(i + 1, len(poses)):
            if 2 < j - i < len(poses) - 2 or (j - i > 2 and not closed):
                continue
            both = np.flatnonzero(seen[i][1] & seen[j][1])[:40]
            first, second = seen[i][0][both], seen[j][0][both].copy()
            second[::8] = rng.uniform([0, 0], [WIDTH, HEIGHT], second[::8].shape)
            still = rng.uniform([0, 0], [WIDTH, HEIGHT], (30, 2))
            pairs.append(MatchedPair(i, j, np.concatenate([first, still]), np.concatenate([second, still])))
    return pairs


def test_axis_step_and_focal_length_are_found_from_matches_alone() -> None:
    truth = turning(step_deg=-23.2, tilt_deg=33.0)
    table = fit_turntable(matches(truth, 1500.0), PHOTOS, WIDTH, HEIGHT)
    assert table is not None
    assert is_borne_out(table) and table.share > 0.8 and table.chained == 1.0
    assert table.step_deg == pytest.approx(23.2, abs=0.2)
    assert table.focal_px == pytest.approx(1500.0, rel=0.1)
    for pose, true in zip(table.poses, truth, strict=True):
        assert np.degrees(Rotation.from_matrix(pose[:3, :3] @ true[:3, :3].T).magnitude()) < 2.0


def test_photos_in_another_order_are_no_turntable() -> None:
    poses = turning(step_deg=24.0, tilt_deg=20.0)
    order = np.random.default_rng(2).permutation(PHOTOS)
    place = np.argsort(order)
    pairs = []
    for pair in matches(poses, 1200.0):
        first, second = int(place[pair.first]), int(place[pair.second])
        spots = (pair.spots_first, pair.spots_second)
        pairs.append(MatchedPair(*sorted((first, second)), *(spots if first < second else spots[::-1])))
    table = fit_turntable(pairs, PHOTOS, WIDTH, HEIGHT, 1200.0)
    assert table is None or not is_borne_out(table)


def test_a_round_that_does_not_close_is_not_taken() -> None:
    """A larger step through a longer lens would look much the same: nobody could tell."""
    table = fit_turntable(
        matches(turning(step_deg=20.0, tilt_deg=20.0), 1200.0, closed=False), PHOTOS, WIDTH, HEIGHT, 1200.0
    )
    assert table is None or not is_borne_out(table)


def test_a_background_that_stays_is_nothing_to_fit() -> None:
    spots = np.random.default_rng(0).uniform([0, 0], [WIDTH, HEIGHT], (200, 2))
    still = [MatchedPair(i, i + 1, spots, spots + 0.3) for i in range(PHOTOS - 1)]
    assert fit_turntable(still, PHOTOS, WIDTH, HEIGHT) is None
    assert fit_turntable([], PHOTOS, WIDTH, HEIGHT) is None


@pytest.mark.captures
def test_the_dinosaur_s_turntable_is_recognised(captures: Path, tmp_path: Path) -> None:
    """Smooth clay: mapping places 3 to 7 of 16. The cameras that its authors measured say whether the fallback is
    right.
    """
    for index, file in enumerate(sorted((captures / "dino").glob("*.png"))):
        write_photo(read_photo(file), tmp_path / "images" / f"{index:04d}.jpg")
    found = place_cameras(tmp_path / "images", tmp_path / "work")
    assert [attempt.name for attempt in found.attempts] == [
        "as_set",
        "more_features",
        "camera_each",
        "relaxed",
        "turntable",
    ]
    assert found.method == "turntable"
    assert "turntable_assumed" in [warning["code"] for warning in found.warnings]
    truth = [pose.camera_from_world[:3, :3] for pose in read_middlebury(captures / "dino" / "dinoSR_par.txt").poses]
    views = [view.camera.camera_from_world[:3, :3] for view in found.scene.views]
    for view, true in zip(views, truth, strict=True):
        off = (view @ views[0].T) @ (true @ truth[0].T).T
        assert np.degrees(Rotation.from_matrix(off).magnitude()) < 1.5
