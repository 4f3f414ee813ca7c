"""Cameras placed from photos: against known truth, on real photos, and when it cannot work."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import maquette
from maquette.progress import CancelledError
from maquette.recon.sfm import (
    PhotosShareNothingError,
    SfmCrashedError,
    SfmResult,
    SfmSettings,
    TooFewPhotosError,
    TooFewPhotosPlacedError,
    place_cameras,
)
from maquette.recon.synthetic import SyntheticCapture, make_capture

VIEWS = 12


@pytest.fixture(scope="session")
def capture(tmp_path_factory: pytest.TempPathFactory) -> SyntheticCapture:
    return make_capture(tmp_path_factory.mktemp("capture"), views=VIEWS, width=480, height=360)


@pytest.fixture(scope="session")
def six(capture: SyntheticCapture, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first half of them: enough for cameras, where it does not matter how many there are."""
    folder = tmp_path_factory.mktemp("six")
    for path in capture.paths[:6]:
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="session")
def heard() -> list[tuple[str, float]]:
    return []


@pytest.fixture(scope="session")
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def placed(capture: SyntheticCapture, work_dir: Path, heard: list[tuple[str, float]]) -> SfmResult:
    return place_cameras(
        capture.paths[0].parent,
        work_dir,
        progress=lambda stage, fraction, message="": heard.append((stage, fraction)),
    )


def similarity(found: np.ndarray, truth: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation and shift that take ``found`` to ``truth`` in the least squares sense (Umeyama 1991)."""
    a, b = found - found.mean(0), truth - truth.mean(0)
    U, sizes, Vt = np.linalg.svd(b.T @ a / len(a))
    sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))])
    rotation = U @ sign @ Vt
    scale = float((sizes * np.diag(sign)).sum() / (a**2).sum(1).mean())
    return scale, rotation, truth.mean(0) - scale * rotation @ found.mean(0)


def test_known_cameras_are_recovered(capture: SyntheticCapture, placed: SfmResult) -> None:
    truth = {path.name: camera for path, camera in zip(capture.paths, capture.cameras, strict=True)}
    assert placed.placed == tuple(sorted(truth))
    found = np.stack([view.camera.centre for view in placed.scene.views])
    true = np.stack([truth[view.name].centre for view in placed.scene.views])
    scale, rotation, shift = similarity(found, true)
    errors = np.linalg.norm(scale * found @ rotation.T + shift - true, axis=1)
    assert errors.max() < 0.01 * np.linalg.norm(true - true.mean(0), axis=1).max()
    for view in placed.scene.views:
        camera = truth[view.name]
        turned = view.camera.camera_from_world[:3, :3] @ rotation.T
        difference = camera.camera_from_world[:3, :3] @ turned.T
        assert np.degrees(np.arccos(np.clip((np.trace(difference) - 1) / 2, -1, 1))) < 0.5
        assert view.camera.fx == pytest.approx(camera.fx, rel=0.02)


def test_the_scene_is_whole(placed: SfmResult) -> None:
    assert [view.name for view in placed.scene.views] == sorted(view.name for view in placed.scene.views)
    for view in placed.scene.views:
        with Image.open(view.image_path) as image:
            assert image.size == (view.camera.width, view.camera.height)
    assert placed.point_count == len(placed.scene.colors) >= 300
    assert placed.reprojection_error_px < 1.0
    assert placed.mean_track_length >= 3.0
    assert set(placed.seconds) == {"features", "matching", "mapping", "undistort"}
    assert placed.peak_memory_mb > 50


def test_observations_are_where_the_points_project(placed: SfmResult) -> None:
    seen = placed.observations
    assert len(seen.view) == len(seen.point) == len(seen.xy) > placed.point_count * 2
    misses = []
    for index, view in enumerate(placed.scene.views):
        mine = seen.view == index
        points = placed.scene.points[seen.point[mine]]
        inside = points @ view.camera.camera_from_world[:3, :3].T + view.camera.camera_from_world[:3, 3]
        assert inside[:, 2].min() > 0
        xy = inside[:, :2] / inside[:, 2:] * (view.camera.fx, view.camera.fy) + (view.camera.cx, view.camera.cy)
        misses.append(np.linalg.norm(xy - seen.xy[mine], axis=1))
    assert np.concatenate(misses).mean() < 1.0


def test_progress_names_the_stages_in_order(placed: SfmResult, heard: list[tuple[str, float]]) -> None:
    stages = list(dict.fromkeys(stage for stage, _ in heard))
    assert stages == ["features", "matching", "mapping", "undistort"]
    assert all(0.0 <= fraction <= 1.0 for _, fraction in heard)
    for stage in stages:
        fractions = [fraction for name, fraction in heard if name == stage]
        assert fractions == sorted(fractions)


def test_a_finished_result_is_loaded_not_redone(capture: SyntheticCapture, placed: SfmResult, work_dir: Path) -> None:
    def unheard(stage: str, fraction: float, message: str = "") -> None:
        raise AssertionError("nothing was to be done")

    again = place_cameras(capture.paths[0].parent, work_dir, progress=unheard)
    assert again.summary() == placed.summary()
    assert np.array_equal(again.scene.points, placed.scene.points)
    assert np.array_equal(again.observations.xy, placed.observations.xy)
    assert again.placements == placed.placements


def test_other_photos_are_not_taken_for_the_finished_ones(capture: SyntheticCapture, tmp_path: Path) -> None:
    """A result of six photos, then one is replaced: the search begins anew (and is cancelled at once)."""
    photos, work = tmp_path / "photos", tmp_path / "work"
    photos.mkdir()
    for path in capture.paths[:5]:
        (photos / path.name).symlink_to(path)
    place_cameras(photos, work)
    (photos / capture.paths[0].name).unlink()
    (photos / capture.paths[0].name).symlink_to(capture.paths[5])

    def cancel(stage: str, fraction: float, message: str = "") -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        place_cameras(photos, work, progress=cancel)
    assert not (work / "result.json").exists()


def test_two_photos_are_too_few(capture: SyntheticCapture, tmp_path: Path) -> None:
    for path in capture.paths[:2]:
        (tmp_path / path.name).symlink_to(path)
    with pytest.raises(TooFewPhotosError) as raised:
        place_cameras(tmp_path, tmp_path / "work")
    assert raised.value.code == "too_few_photos"
    assert raised.value.details == {"found": 2, "needed": 3}


@pytest.fixture(scope="session")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos full of spots that share none; one is flat."""
    folder = tmp_path_factory.mktemp("noise")
    generator = np.random.default_rng(5)
    for index in range(4):
        small = generator.integers(0, 255, (40, 50, 3), dtype=np.uint8)
        Image.fromarray(small).resize((400, 320), Image.Resampling.BICUBIC).save(folder / f"noise {index}.png")
    Image.new("RGB", (400, 320), (90, 120, 90)).save(folder / "flat wall.png")
    return folder


def test_photos_that_share_nothing(noise: Path, tmp_path: Path) -> None:
    with pytest.raises(PhotosShareNothingError) as raised:
        place_cameras(noise, tmp_path)
    error = raised.value
    assert (error.code, error.status) == ("photos_share_nothing", 422)
    reasons = {photo["name"]: photo["code"] for photo in error.details["dropped"]}
    assert reasons == {"flat wall.png": "few_features", **{f"noise {i}.png": "no_matches" for i in range(4)}}
    assert [attempt["name"] for attempt in error.details["attempts"]] == ["as_set", "more_features"]
    assert error.suggestion


def test_too_few_placed_names_who_fell_off(capture: SyntheticCapture, noise: Path, tmp_path: Path) -> None:
    """Four real neighbours among five strangers: under 60 %, whatever is tried."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for path in [*capture.paths[:4], *noise.iterdir()]:
        (photos / path.name).symlink_to(path)
    with pytest.raises(TooFewPhotosPlacedError) as raised:
        place_cameras(photos, tmp_path / "work")
    error = raised.value
    assert error.code == "too_few_photos_placed"
    assert error.details["needed"] == 6
    dropped = {photo["name"] for photo in error.details["dropped"]}
    assert {path.name for path in noise.iterdir()} <= dropped
    tried = [attempt["name"] for attempt in error.details["attempts"]]
    assert tried == ["as_set", "more_features", "camera_each", "relaxed"]


def test_strangers_are_named_and_not_fatal(six: Path, noise: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    strangers = sorted(noise.iterdir())[:2]
    for path in [*six.iterdir(), *strangers]:
        (photos / path.name).symlink_to(path)
    result = place_cameras(photos, tmp_path / "work")
    assert {photo.name for photo in result.dropped} == {path.name for path in strangers}
    assert all(photo.sentence and photo.action for photo in result.dropped)
    assert len(result.placed) == 6
    (warning,) = [warning for warning in result.warnings if warning["code"] == "foreign_photos"]
    assert "'noise 0.png'" in warning["message"]
    assert "flat wall" not in warning["message"], "a photo that shows nothing is no stranger, but a bad photo"
    assert result.method == "as_set"


def children_of_this_process() -> Iterator[int]:
    for task in Path("/proc/self/task").iterdir():
        yield from (int(pid) for pid in (task / "children").read_text().split())


def sfm_child() -> int:
    """Process number of the running camera search."""
    found = [
        pid
        for pid in children_of_this_process()
        if b"maquette.recon.sfm.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert len(found) == 1
    return found[0]


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the child through /proc")


@needs_proc
@pytest.mark.parametrize("how", [signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL])
def test_a_crash_of_the_native_code_is_an_error_not_the_end(
    capture: SyntheticCapture, tmp_path: Path, how: signal.Signals
) -> None:
    def crash(stage: str, fraction: float, message: str = "") -> None:
        if stage == "features":
            os.kill(sfm_child(), how)

    with pytest.raises(SfmCrashedError) as raised:
        place_cameras(capture.paths[0].parent, tmp_path, progress=crash)
    assert raised.value.code == "sfm_crashed"
    assert how.name in raised.value.message
    assert ("memory" in raised.value.message.split("(")[1]) == (how == signal.SIGKILL)
    assert "/" not in raised.value.details["log_tail"].replace("I/O", "")


def test_where_the_gpu_fails_the_cpu_does_it_and_says_so(six: Path, tmp_path: Path) -> None:
    # This build of pycolmap has no CUDA: asked for it, the native code gives up, as it does on a broken driver.
    result = place_cameras(six, tmp_path, settings=SfmSettings(device="cuda"))
    assert len(result.scene.views) == 6
    assert [warning["code"] for warning in result.warnings][-1] == "gpu_features_failed"
    again = place_cameras(six, tmp_path, settings=SfmSettings(device="cuda"))
    assert again.warnings == result.warnings


@needs_proc
def test_a_cancel_ends_the_child(capture: SyntheticCapture, tmp_path: Path) -> None:
    seen: list[int] = []

    def cancel(stage: str, fraction: float, message: str = "") -> None:
        seen.append(sfm_child())
        raise CancelledError

    with pytest.raises(CancelledError):
        place_cameras(capture.paths[0].parent, tmp_path, progress=cancel)
    assert not Path(f"/proc/{seen[0]}").exists()
    assert not (tmp_path / "result.json").exists()


@needs_proc
@pytest.mark.skipif(sys.platform != "linux", reason="the death of a parent is told by Linux only")
def test_the_child_dies_with_its_parent(capture: SyntheticCapture, tmp_path: Path) -> None:
    """Kill the parent so that it cannot say anything: no camera search may go on alone."""
    call = (
        "import sys; from pathlib import Path; from maquette.recon.sfm import place_cameras;"
        "place_cameras(Path(sys.argv[1]), Path(sys.argv[2]),"
        " progress=lambda stage, *rest: print(stage, flush=True))"
    )
    package = str(Path(maquette.__file__).parents[1])
    parent = subprocess.Popen(
        [sys.executable, "-c", call, str(capture.paths[0].parent), str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": package},
    )
    with parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        tasks = Path(f"/proc/{parent.pid}/task")
        children = [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
        assert len(children) == 1
        parent.kill()
    deadline = time.monotonic() + 5
    while alive(children[0]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(children[0])


def alive(pid: int) -> bool:
    """Running, and not merely waiting for someone to read its exit status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.captures
def test_kermit(captures: Path, tmp_path: Path) -> None:
    """Eleven real photos of 640 px."""
    result = place_cameras(captures / "kermit" / "images", tmp_path)
    assert len(result.placed) == 11
    assert result.point_count >= 500
    assert result.reprojection_error_px < 0.6
    assert [attempt.name for attempt in result.attempts] == ["as_set"]
    assert [warning["code"] for warning in result.warnings] == ["few_points"]


def test_settings_ask_for_a_size_and_a_seed_gives_the_same_cameras(six: Path, tmp_path: Path) -> None:
    # On several threads bundle adjustment adds up in any order: once in some hundred runs that decides something.
    settings = SfmSettings(undistorted_long_side_px=240, threads=1)
    first, second = (place_cameras(six, tmp_path / name, settings=settings) for name in ("one", "two"))
    assert {max(view.camera.width, view.camera.height) for view in first.scene.views} == {240}
    for one, two in zip(first.scene.views, second.scene.views, strict=True):
        assert np.array_equal(one.camera.camera_from_world, two.camera.camera_from_world)
    assert np.array_equal(first.scene.points, second.scene.points)


@pytest.mark.parametrize("kills", [1, 2])
def test_a_search_that_was_killed_goes_on_with_the_features_and_matches_it_had_once(
    six: Path, placed: SfmResult, tmp_path: Path, kills: int
) -> None:
    class KilledError(Exception):
        """Ends the search, as a kill would."""

    def until_mapping(stage: str, fraction: float, message: str = "") -> None:
        if stage == "mapping":
            raise KilledError

    for _ in range(kills):
        with pytest.raises(KilledError):
            place_cameras(six, tmp_path, progress=until_mapping)
    with contextlib.closing(sqlite3.connect(tmp_path / "scratch" / "work" / "as_set.db")) as database, database:
        assert database.execute("select count(*) from two_view_geometries").fetchone()[0] > 0
        # Seven features that no photo has, and that no match speaks of, show whose features are used.
        database.execute(
            "update keypoints set rows = rows + 7, data = data || zeroblob(7 * length(data) / rows) where image_id = 1"
        )
        database.execute(
            "update descriptors set rows = rows + 7, data = data || zeroblob(7 * length(data) / rows)"
            " where image_id = 1"
        )
    resumed = place_cameras(six, tmp_path)
    # Whatever kills a search must not do so for ever: after two in a row the next begins with nothing.
    assert resumed.placements[0].features == placed.placements[0].features + (7 if kills == 1 else 0)
    assert resumed.placed == placed.placed[:6]
