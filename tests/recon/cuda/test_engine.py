"""The torch engine against the numba engine: a step, a short run, and runs that change engines on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy import ndarray
from tests.recon.cuda.engines import TWIN, Engine
from tests.recon.cuda.worlds import BACKGROUND, ball, beginning, scene

from maquette.recon.checkpoint import Checkpoint, load_checkpoint
from maquette.recon.cuda import engine as device_engine
from maquette.recon.cuda.adam import DeviceGradients, adam_step
from maquette.recon.cuda.density import accumulate
from maquette.recon.cuda.engine import DeviceStep, compare, train_on_device
from maquette.recon.cuda.errors import NotEnoughGpuMemoryError
from maquette.recon.cuda.rasterizing import Picture
from maquette.recon.cuda.state import from_checkpoint, to_host
from maquette.recon.cuda.views import photo_on
from maquette.recon.gaussians import Gaussians
from maquette.recon.initialize import gaussians_from_points
from maquette.recon.losses import photometric_loss
from maquette.recon.optimizer import LearningRates
from maquette.recon.optimizer import adam_step as numba_adam_step
from maquette.recon.photos import load_photo
from maquette.recon.rasterize import Gradients, backward, forward
from maquette.recon.scene import Scene
from maquette.recon.train import load_levels, scene_scale, space_to_clear, train
from maquette.recon.train_settings import TrainSettings

RATES = LearningRates(means=1e-2, sh_rest=1e-3)
SETTINGS = TrainSettings(
    iterations=20,
    sh_degree=1,
    coarse_levels=1,
    densify_every=5,
    densify_from=0.2,
    densify_threshold=1e-4,
    max_gaussians=120,
    opacity_reset_every=8,
    opacity_weight=0.01,
    background=BACKGROUND,
)


def assert_close(found: ndarray, wanted: ndarray, relative: float, name: str) -> None:
    """Equal up to ``relative`` of the largest number: gradients of one array share a scale."""
    scale = float(np.abs(wanted).max()) if wanted.size else 0.0
    np.testing.assert_allclose(found, wanted, rtol=relative, atol=relative * scale, err_msg=name)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return scene(tmp_path_factory.mktemp("photos"))


def first_guess(world: Scene) -> Gaussians:
    """Grey splats at the scene's points."""
    return gaussians_from_points(world.points, world.colors, sh_degree=1)


def numba_step(world: Scene, start: Checkpoint, opacity_weight: float) -> tuple[float, Gradients]:
    photo = load_photo(world.views[1], 1.0)
    frame = forward(start.gaussians, photo.camera, background=BACKGROUND, sh_degree=1)
    loss = photometric_loss(frame.image, photo.pixels, 0.2)
    gradients = backward(frame, start.gaussians, loss.gradient)
    numba_adam_step(start.gaussians, start.moments, gradients, RATES, opacity_weight=opacity_weight)
    return loss.value, gradients


def device_step(
    world: Scene, start: Checkpoint, on: Engine, opacity_weight: float
) -> tuple[float, DeviceGradients, Checkpoint]:
    photo = photo_on(load_photo(world.views[1], 1.0), on.device)
    state = from_checkpoint(start, on.device)
    loss, gradients = compare(state.splats, photo, on.rasterizer, background=BACKGROUND, sh_degree=1, ssim_weight=0.2)
    adam_step(state, gradients, RATES, opacity_weight=opacity_weight)
    return float(loss.value), gradients, state.to_checkpoint()


def spread(gradients: DeviceGradients, name: str, count: int) -> ndarray:
    """Gradients of the splats in view as an array of all, zero elsewhere."""
    rows = getattr(gradients.by, name) if name != "screen" else torch.where(gradients.taken, gradients.screen, -1.0)
    full = np.full((count, *rows.shape[1:]), -1.0 if name == "screen" else 0.0, np.float32)
    full[gradients.indices.cpu().numpy()] = rows.cpu().numpy()
    return full


def test_one_step_equals_the_numba_engine(on: Engine, world: Scene) -> None:
    model = ball()
    model.means[:5] += np.float32([0, 0, -20])
    start, mine = beginning(model), beginning(model).copy()
    for _ in range(2):
        before = mine.copy()
        wanted_loss, wanted = numba_step(world, mine, opacity_weight=0.02)
        loss, gradients, after = device_step(world, before, on, opacity_weight=0.02)
        assert loss == pytest.approx(wanted_loss, abs=1e-5 * on.loose)
        for part in ("means", "log_scales", "quaternions", "opacity_logits", "sh"):
            full = np.zeros_like(spread(gradients, part, len(model)))
            full[wanted.indices] = getattr(wanted, part)
            assert_close(spread(gradients, part, len(model)), full, 1e-3 * on.loose, part)
        found_screen, wanted_screen = spread(gradients, "screen", len(model)), np.full(len(model), -1.0, np.float32)
        wanted_screen[wanted.indices] = wanted.screen
        both = (found_screen >= 0) & (wanted_screen >= 0)
        assert both.sum() >= 40
        assert ((found_screen >= 0) == (wanted_screen >= 0)).mean() > 1 - 2e-3 * on.loose
        assert_close(found_screen[both], wanted_screen[both], 1e-3 * on.loose, "screen")
        assert after.moments.steps == mine.moments.steps
        for field in fields(Gaussians):
            for kind in ("gaussians", "first", "second"):
                found, expected = (
                    getattr(one.gaussians if kind == "gaussians" else getattr(one.moments, kind), field.name)
                    for one in (after, mine)
                )
                assert_close(found, expected, 1e-3 * on.loose, f"{kind} {field.name}")
    assert not np.array_equal(mine.gaussians.means[5:], start.gaussians.means[5:]), "nothing moved"
    np.testing.assert_array_equal(mine.gaussians.means[:5], model.means[:5])


def on_device(world: Scene, start: Checkpoint, on: Engine, settings: TrainSettings = SETTINGS) -> Iterator[DeviceStep]:
    levels, radius = load_levels(world, settings, world.training), scene_scale(world)
    clear = space_to_clear(world, settings, levels[0])
    return train_on_device(settings, levels, start, radius, clear, device=on.device, rasterizer=on.rasterizer)


def test_twenty_iterations_learn_as_the_numba_engine_does(on: Engine, world: Scene) -> None:
    start = beginning(ball())
    wanted = list(train(world, SETTINGS, start=start))
    found = []
    for step in on_device(world, start, on):
        found.append((step.iteration, step.gaussian_count, step.loss))
    assert [number for number, *_ in found] == list(range(1, 21))
    np.testing.assert_allclose([loss for *_, loss in found], [step.loss for step in wanted], rtol=0.02 * on.loose)
    counts = np.array([count for _, count, _ in found])
    assert np.abs(counts - [step.gaussian_count for step in wanted]).max() <= 2 * on.loose
    assert counts.max() > 80, "no splat was cloned or split"
    assert start.iteration == 0, "the start must stay as it was"


def test_learns(on: Engine, world: Scene) -> None:
    settings = replace(
        SETTINGS, opacity_reset_every=1000, opacity_weight=0.0, coarse_levels=0, sh_every=0.0, rate_scale=3.0
    )
    start = beginning(first_guess(world))
    losses = [step.loss for step in on_device(world, start, on, settings)]
    wanted = [step.loss for step in train(world, settings, start=start)]
    assert np.mean(losses[-4:]) < 0.8 * np.mean(losses[:4]), "twenty iterations taught nothing"
    np.testing.assert_allclose(losses, wanted, rtol=0.01 * on.loose)


def test_checkpoints_change_engines_both_ways(on: Engine, world: Scene, tmp_path: Path) -> None:
    start = beginning(ball())
    ten = replace(SETTINGS, iterations=10, schedule_iterations=20)
    *_, on_cpu = train(world, ten, start=start)
    *_, there = on_device(world, start, on, ten)
    for number, checkpoint in enumerate((on_cpu.checkpoint(), there.checkpoint())):
        path = tmp_path / f"{number}.npz"
        checkpoint.save(path)
        loaded = load_checkpoint(path)
        back = from_checkpoint(loaded, on.device).to_checkpoint()
        for field in fields(Gaussians):
            for a, b in (
                (loaded.gaussians, back.gaussians),
                (loaded.moments.first, back.moments.first),
                (loaded.moments.second, back.moments.second),
            ):
                np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name))
        assert (back.iteration, back.moments.steps, back.rng_state) == (10, 10, loaded.rng_state)
        np.testing.assert_array_equal(back.waiting, loaded.waiting)
        np.testing.assert_array_equal(back.statistics.gradient_sum, loaded.statistics.gradient_sum)
        np.testing.assert_array_equal(back.statistics.views, loaded.statistics.views)
        # Whoever made it, both engines go on from it alike: the same photos, splats and losses.
        wanted, found = train(world, SETTINGS, start=loaded), on_device(world, loaded, on)
        for one, other in zip(wanted, found, strict=True):
            assert other.loss == pytest.approx(one.loss, rel=0.02 * on.loose), one.iteration


def supervised(world: Scene, folder: Path) -> Scene:
    """The world with a mask and a depth for every photo."""
    rng, views = np.random.default_rng(9), []
    for index, view in enumerate(world.views):
        size = (view.camera.height, view.camera.width)
        mask, depth = folder / f"mask{index}.png", folder / f"depth{index}.npy"
        cv2.imwrite(str(mask), rng.integers(1, 256, size, dtype=np.uint8))
        np.save(depth, rng.uniform(2.0, 4.0, size).astype(np.float32))
        views.append(replace(view, mask_path=mask, depth_path=depth))
    return Scene(tuple(views), world.points, world.colors)


def test_mask_depth_and_exposure_say_the_same_on_both_engines(on: Engine, world: Scene, tmp_path: Path) -> None:
    told = supervised(world, tmp_path)
    settings = replace(SETTINGS, depth_weight=0.2, exposure=True, exposure_from=0.0, exposure_rate=0.3, coarse_levels=0)
    start = beginning(ball())
    wanted = list(train(told, settings, start=start))
    found = []
    for step in on_device(told, start, on, settings):
        found.append(step.loss)
    np.testing.assert_allclose(found, [step.loss for step in wanted], rtol=0.02 * on.loose)
    ours, theirs = wanted[-1].checkpoint().exposures, step.checkpoint().exposures
    assert theirs.names == ours.names
    assert theirs.steps.tolist() == ours.steps.tolist()
    assert np.abs(ours.gains - 1).max() > 0.02, "no exposure was learned"
    np.testing.assert_allclose(theirs.gains, ours.gains, atol=4e-3 * on.loose)
    plain = list(train(world, settings, start=start))
    assert abs(plain[0].loss - wanted[0].loss) > 0.01, "mask and depth said nothing"


def test_reading_a_step_copies_the_model(world: Scene) -> None:
    steps = on_device(world, beginning(ball()), TWIN)
    first = next(steps)
    model, checkpoint = first.gaussians, first.checkpoint()
    kept = model.means.copy()
    next(steps)
    np.testing.assert_array_equal(model.means, kept)
    np.testing.assert_array_equal(checkpoint.gaussians.means, kept)


def test_a_view_without_splats_is_background(on: Engine, world: Scene) -> None:
    model = ball()
    model.means[:, 1] += 1000
    state = from_checkpoint(beginning(model), on.device)
    photo = photo_on(load_levels(world, SETTINGS, world.training)[0][0], on.device)
    loss, gradients = compare(state.splats, photo, on.rasterizer, background=BACKGROUND, sh_degree=1, ssim_weight=0.2)
    adam_step(state, gradients, RATES, opacity_weight=0.1)
    accumulate(state, gradients)
    wanted = photometric_loss(
        np.broadcast_to(np.float32(BACKGROUND)[:, None, None], photo.pixels.shape).copy(), photo.pixels.cpu().numpy()
    )
    assert float(loss.value) == pytest.approx(wanted.value, abs=1e-5)
    np.testing.assert_array_equal(to_host(state.splats).means, model.means)
    assert state.steps == 1


def test_running_out_of_memory_is_told_with_what_is_free(world: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(*arguments: object) -> Picture:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(device_engine, "free_gpu_bytes", lambda: 3 * 2**29)
    with pytest.raises(NotEnoughGpuMemoryError) as caught:
        next(on_device(world, beginning(ball()), replace(TWIN, rasterizer=too_much)))
    assert caught.value.code == "not_enough_gpu_memory"
    assert "1.5 GiB are free" in caught.value.message
