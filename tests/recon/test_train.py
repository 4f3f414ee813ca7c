"""Training learns, resumes bit for bit, keeps its promises on views and caps, and refuses what cannot work."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import cv2
import numba
import numpy as np
import pytest

from maquette.errors import MaquetteError
from maquette.recon import memory, schedule
from maquette.recon import train as training
from maquette.recon.cameras import Camera
from maquette.recon.checkpoint import Checkpoint, CorruptCheckpointError, load_checkpoint
from maquette.recon.evaluate import evaluate, to_8_bit
from maquette.recon.gaussians import SH_C0, Gaussians
from maquette.recon.rasterize import forward
from maquette.recon.scene import Scene, View
from maquette.recon.train import TrainStep, train
from maquette.recon.train_settings import TrainSettings, refine_settings

SIZE = 48
SETTINGS = TrainSettings(
    iterations=60, densify_every=10, densify_from=0.1, densify_threshold=2e-3, max_gaussians=400, sh_degree=1
)


def truth() -> Gaussians:
    """A ball of coloured splats: geometry and colours are known exactly."""
    rng = np.random.default_rng(0)
    count = 150
    directions = rng.standard_normal((count, 3))
    means = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    sh = np.zeros((count, 1, 3), np.float32)
    sh[:, 0] = (rng.uniform(0, 1, (count, 3)) - 0.5) / SH_C0
    quaternions = np.tile(np.float32([1, 0, 0, 0]), (count, 1))
    return Gaussians(
        means=means.astype(np.float32),
        log_scales=np.full((count, 3), np.log(0.15), np.float32),
        quaternions=quaternions,
        opacity_logits=np.full(count, 4.0, np.float32),
        sh=sh,
    )


def orbit(angle: float) -> Camera:
    """4 units from the origin, looking at it."""
    pose = np.eye(4)
    pose[:3, :3] = [
        [np.cos(angle), 0, np.sin(angle)],
        [0, 1, 0],
        [-np.sin(angle), 0, np.cos(angle)],
    ]
    pose[2, 3] = 4.0
    return Camera(SIZE, SIZE, 60.0, 60.0, SIZE / 2, SIZE / 2, pose)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("photos")
    model = truth()
    views = []
    for index, angle in enumerate(np.linspace(0, 2 * np.pi, 12, endpoint=False)):
        camera = orbit(float(angle))
        path = folder / f"{index:03d}.png"
        cv2.imwrite(str(path), to_8_bit(forward(model, camera).image)[..., ::-1])
        views.append(View(path.name, camera, path))
    points = model.means.astype(np.float64)
    return Scene(tuple(views), points, np.full((len(points), 3), 128, np.uint8))


def last(steps: Iterator[TrainStep]) -> TrainStep:
    *_, step = steps
    return step


def assert_same(a: Checkpoint, b: Checkpoint) -> None:
    assert (a.iteration, a.moments.steps, a.rng_state) == (b.iteration, b.moments.steps, b.rng_state)
    np.testing.assert_array_equal(a.waiting, b.waiting)
    np.testing.assert_array_equal(a.statistics.gradient_sum, b.statistics.gradient_sum)
    for x, y in (
        (a.gaussians, b.gaussians),
        (a.moments.first, b.moments.first),
        (a.moments.second, b.moments.second),
    ):
        for field in fields(x):
            np.testing.assert_array_equal(getattr(x, field.name), getattr(y, field.name))


def test_learns_views_it_never_saw(scene: Scene) -> None:
    settings = replace(SETTINGS, iterations=800)
    steps = list(train(scene, settings))
    assert [step.iteration for step in steps] == list(range(1, 801))
    assert np.mean([step.loss for step in steps[-20:]]) < 0.3 * np.mean([step.loss for step in steps[:20]])
    found = evaluate(steps[-1].gaussians, scene, scene.held_out)
    assert [metric.view_index for metric in found] == [0, 8]
    assert [metric.name for metric in found] == ["000.png", "008.png"]
    assert min(metric.psnr for metric in found) > 24
    assert min(metric.ssim for metric in found) > 0.8
    assert evaluate(truth(), scene, [3])[0].psnr > 50


def test_held_out_photos_are_never_read(scene: Scene) -> None:
    views = list(scene.views)
    for index in scene.held_out:
        views[index] = replace(views[index], image_path=Path("does-not-exist.png"))
    blind = Scene(tuple(views), scene.points, scene.colors)
    assert last(train(blind, replace(SETTINGS, iterations=3))).iteration == 3
    with pytest.raises(MaquetteError) as caught:
        train(blind, SETTINGS, views=(0, 1, 2))
    assert caught.value.code == "unreadable_photo"


def test_resuming_changes_nothing(scene: Scene, tmp_path: Path) -> None:
    whole = last(train(scene, SETTINGS)).checkpoint()
    half = last(itertools.islice(train(scene, SETTINGS), 30)).checkpoint()
    half.save(tmp_path / "half.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["half.npz"]
    resumed = load_checkpoint(tmp_path / "half.npz")
    assert_same(resumed, half)
    assert_same(last(train(scene, SETTINGS, start=resumed)).checkpoint(), whole)
    assert resumed.iteration == 30, "train must not change the checkpoint it starts from"


def test_same_bits_on_one_and_two_threads(scene: Scene) -> None:
    if numba.config.NUMBA_NUM_THREADS < 2:
        pytest.skip("this machine lends only one core")
    two = last(train(scene, SETTINGS)).checkpoint()
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        one = last(train(scene, SETTINGS)).checkpoint()
    finally:
        numba.set_num_threads(before)
    assert_same(one, two)


def test_grows_up_to_the_cap_and_seeds_differ(scene: Scene) -> None:
    greedy = replace(SETTINGS, densify_threshold=0.0, max_gaussians=200)
    counts = [step.gaussian_count for step in train(scene, greedy)]
    assert counts[0] == 150 + 25, "seeds take half of the room beside the points"
    assert max(counts) == 200
    few = last(train(scene, replace(SETTINGS, max_gaussians=40, iterations=2)))
    assert few.gaussian_count == 40
    other = last(train(scene, replace(SETTINGS, seed=1, iterations=5)))
    assert not np.array_equal(
        other.gaussians.means, last(train(scene, replace(SETTINGS, iterations=5))).gaussians.means
    )


def test_refining_goes_on_and_improves(scene: Scene) -> None:
    end = last(train(scene, SETTINGS)).checkpoint()
    before = np.mean([metric.psnr for metric in evaluate(end.gaussians, scene, scene.training)])
    settings = refine_settings(SETTINGS, from_iteration=end.iteration, iterations=60)
    steps = list(train(scene, settings, start=end))
    assert [steps[0].iteration, steps[-1].iteration] == [61, 120]
    assert {step.gaussian_count for step in steps} == {len(end.gaussians)}
    after = np.mean([metric.psnr for metric in evaluate(steps[-1].gaussians, scene, scene.training)])
    assert after > before + 0.1


def test_schedules() -> None:
    settings = TrainSettings(iterations=100, coarse_levels=2, coarse_until=0.4, sh_every=0.2)
    assert [schedule.level_at(settings, done) for done in (0.0, 0.19, 0.21, 0.4, 1.0)] == [2, 2, 1, 0, 0]
    assert [schedule.sh_degree_at(settings, done) for done in (0.0, 0.25, 0.5, 1.0)] == [0, 1, 2, 3]
    first, end = (schedule.rates_at(settings, done, 2.0).means for done in (0, settings.iterations))
    assert (first, end) == (pytest.approx(3.2e-4), pytest.approx(3.2e-6))


def without_views(scene: Scene) -> Scene:
    return Scene((), scene.points, scene.colors)


def with_two_views(scene: Scene) -> Scene:
    return Scene(scene.views[:2], scene.points, scene.colors)


def without_points(scene: Scene) -> Scene:
    return Scene(scene.views, np.zeros((0, 3)), np.zeros((0, 3), np.uint8))


def with_nan_pose(scene: Scene) -> Scene:
    bad = replace(scene.views[3].camera, camera_from_world=np.full((4, 4), np.nan))
    return Scene((*scene.views[:3], replace(scene.views[3], camera=bad)), scene.points, scene.colors)


def with_points_behind(scene: Scene) -> Scene:
    flip = np.diag([1.0, -1.0, -1.0, 1.0])
    views = tuple(
        replace(view, camera=replace(view.camera, camera_from_world=flip @ view.camera.camera_from_world))
        for view in scene.views
    )
    return Scene(views, scene.points, scene.colors)


@pytest.mark.parametrize("spoil", [without_views, with_two_views, without_points, with_nan_pose, with_points_behind])
def test_untrainable_scenes_are_refused(scene: Scene, spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(training.UntrainableSceneError) as caught:
        train(spoil(scene), SETTINGS)
    assert caught.value.code == "untrainable_scene"
    assert caught.value.suggestion


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"max_gaussians": 0}, "bad_train_settings"),
        ({"iterations": 0}, "bad_train_settings"),
        ({"downscale": 0.5}, "bad_train_settings"),
        ({"downscale": float("nan")}, "bad_train_settings"),
        ({"downscale": 1000.0}, "training_size_too_small"),
        ({"sh_degree": 4}, "bad_train_settings"),
    ],
)
def test_bad_settings_are_refused(scene: Scene, change: dict[str, float], code: str) -> None:
    with pytest.raises(MaquetteError) as caught:
        train(scene, replace(SETTINGS, **change))
    assert caught.value.code == code


def test_too_little_memory_is_refused_before_it_starts(scene: Scene) -> None:
    available = memory.available_bytes()
    if available is None:
        pytest.skip("this system does not tell how much memory is free")
    needed = memory.training_bytes(scene, SETTINGS, 10)
    assert 100e6 < needed < 1e9
    with pytest.raises(memory.NotEnoughMemoryError) as caught:
        train(scene, replace(SETTINGS, max_gaussians=50_000_000))
    assert caught.value.code == "not_enough_memory"


def test_a_million_gaussians_at_960_by_540_fit_in_4_gb(scene: Scene) -> None:
    large = replace(scene.views[0].camera, width=960, height=540)
    views = tuple(replace(view, camera=large) for view in scene.views)
    settings = TrainSettings(max_gaussians=1_000_000)
    assert memory.training_bytes(Scene(views, scene.points, scene.colors), settings, 50) < 4e9


@pytest.mark.parametrize("damage", ["cut", "text", "missing array", "wrong shape", "nan"])
def test_corrupt_checkpoints_are_refused(scene: Scene, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "state.npz"
    state = last(train(scene, replace(SETTINGS, iterations=2))).checkpoint()
    if damage == "wrong shape":
        state.gaussians.means = state.gaussians.means[:-1]
    if damage == "nan":
        state.gaussians.means[0, 0] = np.nan
    state.save(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    if damage == "text":
        path.write_text("not a checkpoint")
    if damage == "missing array":
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files if name != "adam_second_sh"}
        np.savez(path, **arrays)
    with pytest.raises(CorruptCheckpointError) as caught:
        load_checkpoint(path)
    assert caught.value.code == "corrupt_checkpoint"


def test_refinement_cools_down_to_a_tenth() -> None:
    settings = refine_settings(TrainSettings(iterations=100), from_iteration=100, iterations=50)
    factors = [schedule.cooled(settings, iteration) for iteration in (100, 125, 150)]
    assert factors == pytest.approx([1.0, 0.1**0.5, 0.1])
    first, last = (schedule.rates_at(settings, iteration, 1.0).sh_base for iteration in (100, 150))
    assert last == pytest.approx(first / 10)
    assert schedule.cooled(TrainSettings(iterations=100), 100) == 1.0
