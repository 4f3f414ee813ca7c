"""What photos say in training: masks hide, depths correct, exposures explain, and all of it survives a stop."""

from __future__ import annotations

import itertools
from dataclasses import fields, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from maquette.recon.checkpoint import Checkpoint, CorruptCheckpointError, load_checkpoint
from maquette.recon.evaluate import evaluate
from maquette.recon.gaussians import Gaussians
from maquette.recon.memory import training_bytes
from maquette.recon.rasterize import depths, forward
from maquette.recon.scene import Scene
from maquette.recon.supervision import depth_weight_at, exposure_rate_at
from maquette.recon.synthetic import SyntheticCapture, make_capture
from maquette.recon.train import train
from maquette.recon.train_settings import TrainSettings, refine_settings

SETTINGS = TrainSettings(iterations=240, max_gaussians=3000, sh_degree=1, coarse_levels=1)


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> SyntheticCapture:
    return make_capture(tmp_path_factory.mktemp("photos"), views=24, width=96, height=72)


def trained(
    scene: Scene, settings: TrainSettings, views: tuple[int, ...], start: Checkpoint | None = None
) -> Checkpoint:
    *_, step = train(scene, settings, start=start, views=views)
    return step.checkpoint()


def held_out_db(model: Gaussians, scene: Scene, views: tuple[int, ...]) -> float:
    return float(np.mean([metric.psnr for metric in evaluate(model, scene, views)]))


def test_what_is_masked_is_not_learned(capture: SyntheticCapture, tmp_path: Path) -> None:
    """A magenta square hangs in every other photo: under a mask the model never hears of it."""
    clean = capture.scene(points=600)
    views = list(clean.views)
    for index in clean.training[::2]:
        photo = cv2.imread(str(views[index].image_path))
        photo[20:52, 34:66] = (255, 0, 255)
        cv2.imwrite(str(tmp_path / f"{index}.png"), photo)
        mask = np.full((72, 96), 255, np.uint8)
        mask[19:53, 33:67] = 0
        cv2.imwrite(str(tmp_path / f"mask{index}.png"), mask)
        views[index] = replace(
            views[index], image_path=tmp_path / f"{index}.png", mask_path=tmp_path / f"mask{index}.png"
        )
    masked = Scene(tuple(views), clean.points, clean.colors)
    plain = Scene(tuple(replace(view, mask_path=None) for view in views), clean.points, clean.colors)
    settings = replace(SETTINGS, iterations=480)
    spoiled, saved = (trained(scene, settings, clean.training) for scene in (plain, masked))
    wrong, right = (held_out_db(one.gaussians, clean, clean.held_out) for one in (spoiled, saved))
    assert right > wrong + 0.5, f"{wrong:.2f} dB spoiled, {right:.2f} masked"


def with_depths(capture: SyntheticCapture, scene: Scene, folder: Path) -> Scene:
    views = []
    for index, view in enumerate(scene.views):
        np.save(folder / f"{index}.npy", capture.depth(index))
        views.append(replace(view, depth_path=folder / f"{index}.npy"))
    return Scene(tuple(views), scene.points, scene.colors)


def depth_error(model: Gaussians, capture: SyntheticCapture, views: tuple[int, ...]) -> float:
    """Mean difference from the true depth, relative to it, where there is something and the model shows it."""
    errors = []
    for index in views:
        frame = forward(model, capture.cameras[index])
        found, _ = depths(frame)
        true = capture.depth(index)
        seen = (true > 0) & (frame.transmittance < 0.5)
        errors.append(np.mean(np.abs(found[seen] - true[seen]) / true[seen]))
    return float(np.mean(errors))


def test_a_depth_prior_helps_where_photos_are_few(capture: SyntheticCapture, tmp_path: Path) -> None:
    scene = with_depths(capture, capture.scene(points=200), tmp_path)
    training, test = (1, 4, 7), (2, 3, 5, 6)
    errors, qualities = [], []
    for weight in (0.0, 2.0):
        models = [
            trained(scene, replace(SETTINGS, depth_weight=weight, seed=seed), training).gaussians for seed in (0, 1, 2)
        ]
        errors.append(np.mean([depth_error(model, capture, test) for model in models]))
        qualities.append(np.mean([held_out_db(model, scene, test) for model in models]))
    assert errors[1] < 0.7 * errors[0], f"{errors[0]:.3f} without, {errors[1]:.3f} with"
    assert qualities[1] > qualities[0], f"{qualities[0]:.2f} dB without, {qualities[1]:.2f} with"


def test_without_its_weight_a_depth_changes_nothing(capture: SyntheticCapture, tmp_path: Path) -> None:
    scene = capture.scene(points=300)
    views = tuple(replace(view, depth_path=tmp_path / "gone.npy") for view in scene.views)
    told = Scene(views, scene.points, scene.colors)
    short = replace(SETTINGS, iterations=5)
    a, b = trained(scene, short, (1, 2, 3)), trained(told, short, (1, 2, 3))
    np.testing.assert_array_equal(a.gaussians.means, b.gaussians.means)


def exposed_photos(capture: SyntheticCapture, folder: Path) -> Scene:
    """Training photos with gains of their own around 1; those held out as they are."""
    scene = capture.scene(points=600)
    gains = np.random.default_rng(3).uniform(0.75, 1.25, (len(scene.training), 1)) * np.ones(3)
    gains /= gains.mean(axis=0)
    views = list(scene.views)
    for gain, index in zip(gains, scene.training, strict=True):
        path = folder / f"{index}.png"
        photo = cv2.imread(str(views[index].image_path)) * gain
        cv2.imwrite(str(path), np.clip(np.rint(photo), 0, 255).astype(np.uint8))
        views[index] = replace(views[index], image_path=path)
    return Scene(tuple(views), scene.points, scene.colors)


def test_exposures_explain_what_differs_between_photos(capture: SyntheticCapture, tmp_path: Path) -> None:
    scene = exposed_photos(capture, tmp_path)
    settings = replace(SETTINGS, iterations=480, exposure=False)
    plain = trained(scene, settings, scene.training)
    # So few iterations need large steps, and early ones.
    exposing = replace(settings, exposure=True, exposure_from=0.1, exposure_rate=0.03)
    found = trained(scene, exposing, scene.training)
    gain = held_out_db(found.gaussians, scene, scene.held_out) - held_out_db(plain.gaussians, scene, scene.held_out)
    assert gain > 0.5, f"{gain:.2f} dB"
    assert found.exposures.names == tuple(scene.views[index].name for index in scene.training)
    np.testing.assert_allclose(found.exposures.gains.mean(axis=0), 1.0, atol=1e-5)
    assert len(plain.exposures.names) == 0


def assert_same(a: Checkpoint, b: Checkpoint) -> None:
    for field in fields(Gaussians):
        np.testing.assert_array_equal(getattr(a.gaussians, field.name), getattr(b.gaussians, field.name))
    assert a.exposures.names == b.exposures.names
    for name in ("gains", "first", "second", "steps"):
        np.testing.assert_array_equal(getattr(a.exposures, name), getattr(b.exposures, name))


def test_exposures_resume_bit_for_bit(capture: SyntheticCapture, tmp_path: Path) -> None:
    scene = with_depths(capture, exposed_photos(capture, tmp_path), tmp_path)
    settings = replace(SETTINGS, iterations=40, exposure=True, exposure_from=0.2, depth_weight=0.3)
    whole = trained(scene, settings, scene.training)
    *_, half = itertools.islice(train(scene, settings), 17)
    half.checkpoint().save(tmp_path / "half.npz")
    assert_same(trained(scene, settings, scene.training, load_checkpoint(tmp_path / "half.npz")), whole)


def test_refining_some_views_carries_exposures_by_name(capture: SyntheticCapture, tmp_path: Path) -> None:
    scene = exposed_photos(capture, tmp_path)
    settings = replace(SETTINGS, iterations=60, exposure=True)
    first = trained(scene, settings, (1, 2, 3, 4))
    again = replace(first, waiting=np.empty(0, np.int64))
    later = trained(scene, refine_settings(settings, from_iteration=60, iterations=10), (9, 3, 2), again)
    names = tuple(scene.views[index].name for index in (1, 2, 3, 4, 9))
    assert later.exposures.names == names
    np.testing.assert_array_equal(later.exposures.gains[[0, 3]], first.exposures.gains[[0, 3]], "not trained on")
    assert (later.exposures.gains[[1, 2]] != first.exposures.gains[[1, 2]]).any()
    assert later.exposures.steps[[1, 2]].min() > first.exposures.steps[[1, 2]].max() - 10
    off = trained(scene, replace(settings, exposure=False, iterations=65), (1, 2, 3), first)
    np.testing.assert_array_equal(off.exposures.gains, first.exposures.gains, "switched off they wait")


def test_checkpoints_of_before_exposures_are_read(capture: SyntheticCapture, tmp_path: Path) -> None:
    scene = capture.scene(points=300)
    state = trained(scene, replace(SETTINGS, iterations=3, exposure=True, exposure_from=0.0), (1, 2, 3))
    state.save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as file:
        arrays = {name: file[name] for name in file.files}
    old = {name: array for name, array in arrays.items() if not name.startswith("exposure_")}
    np.savez(tmp_path / "old.npz", **{**old, "format": np.array(1)})
    loaded = load_checkpoint(tmp_path / "old.npz")
    assert loaded.exposures.names == ()
    np.testing.assert_array_equal(loaded.gaussians.means, state.gaussians.means)
    for spoiled in (
        {**arrays, "format": np.array(99)},
        {**arrays, "exposure_gains": arrays["exposure_gains"][1:]},
        {**arrays, "exposure_gains": arrays["exposure_gains"] * np.float32(np.nan)},
        old,
    ):
        np.savez(tmp_path / "bad.npz", **spoiled)
        with pytest.raises(CorruptCheckpointError):
            load_checkpoint(tmp_path / "bad.npz")


def test_schedules() -> None:
    settings = TrainSettings(iterations=100, depth_weight=2.0, exposure_rate=0.01)
    weights = [depth_weight_at(settings, iteration) for iteration in (0, 50, 100)]
    assert weights == pytest.approx([2.0, 0.2, 0.02])
    rates = [exposure_rate_at(settings, iteration) for iteration in (39, 50, 100)]
    assert rates == pytest.approx([0.0, 0.01 * 0.1**0.5, 0.001])
    assert depth_weight_at(TrainSettings(), 0) == 0.0


def test_the_memory_estimate_counts_them(capture: SyntheticCapture) -> None:
    """At least what certainly comes: a byte of mask and four of depth for each pixel kept, a frame's float planes."""
    scene = capture.scene(points=10)
    mask, depth = (
        Scene(tuple(replace(view, **{name: Path("any")}) for view in scene.views), scene.points, scene.colors)
        for name in ("mask_path", "depth_path")
    )
    settings, pixels = replace(SETTINGS, coarse_levels=0, exposure=False), 96 * 72
    plain = training_bytes(scene, settings, 20)
    assert training_bytes(mask, settings, 20) >= plain + pixels * (20 + 3 * 4)
    assert training_bytes(depth, settings, 20) == plain, "depths that are not asked for are not read"
    assert training_bytes(depth, replace(settings, depth_weight=1.0), 20) >= plain + pixels * (20 * 4 + 3 * 4)
    assert training_bytes(scene, replace(settings, exposure=True), 20) >= plain + pixels * 3 * 4
