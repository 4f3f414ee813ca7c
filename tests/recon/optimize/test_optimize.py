"""Smaller models: what nobody sees goes, what is seen stays, and every loss said is the loss measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.recon.frame.worlds import any_turn, around, blob, scene_of

from maquette.progress import CancelledError
from maquette.recon.evaluate import evaluate, to_8_bit
from maquette.recon.formats import splat
from maquette.recon.formats.errors import EmptyModelError
from maquette.recon.frame import moved
from maquette.recon.gaussians import Gaussians
from maquette.recon.optimize import (
    BadOptimizationError,
    NothingToMeasureOnError,
    OptimizeSettings,
    measured_loss,
    optimize_gaussians,
    ply_bytes,
)
from maquette.recon.optimize.lowering import lower_harmonics
from maquette.recon.optimize.weighing import weigh
from maquette.recon.photos import UnreadablePhotoError
from maquette.recon.rasterize import forward
from maquette.recon.scene import Scene

SIZE = 64
SETTINGS = OptimizeSettings(max_side_px=SIZE, weighing_side_px=SIZE)


def model(count: int = 150, seed: int = 0) -> Gaussians:
    """A ball of degree 3 whose colours do not depend on the view."""
    rng = np.random.default_rng(seed)
    sh = np.zeros((count, 16, 3), np.float32)
    sh[:, 0] = rng.normal(0, 1, (count, 3))
    return Gaussians(
        means=rng.normal(0, 0.7, (count, 3)).astype(np.float32),
        log_scales=rng.normal(-1.6, 0.3, (count, 3)).astype(np.float32),
        quaternions=rng.normal(0, 1, (count, 4)).astype(np.float32),
        opacity_logits=np.full(count, 3.0, np.float32),
        sh=sh,
    )


def joined(a: Gaussians, b: Gaussians) -> Gaussians:
    names = ("means", "log_scales", "quaternions", "opacity_logits", "sh")
    return Gaussians(**{name: np.concatenate([getattr(a, name), getattr(b, name)]) for name in names})


def unseen(count: int = 100) -> Gaussians:
    """Next to transparent ones, and such far outside of all pictures."""
    faint = model(count, seed=1)
    faint.opacity_logits[:] = -9.0
    faint.means[count // 2 :, 2] += 500.0
    return faint


def photographed(gaussians: Gaussians, folder: Path, views: int = 17) -> Scene:
    """A scene whose photos are the model's own renders with a camera's noise, which no model shows."""
    rng = np.random.default_rng(9)
    cameras = [c.resized(SIZE, 48) for c in around(np.linspace(0, 360, views, endpoint=False), elevation_deg=25)]
    scene = scene_of(cameras, blob(50))
    placed = []
    for view in scene.views:
        path = folder / view.name.replace(".jpg", ".png")
        clean = to_8_bit(forward(gaussians, view.camera).image)
        Image.fromarray(np.clip(clean + rng.normal(0, 4, clean.shape), 0, 255).astype(np.uint8)).save(path)
        placed.append(replace(view, image_path=path))
    return replace(scene, views=tuple(placed))


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return photographed(model(), tmp_path_factory.mktemp("photos"))


def test_what_is_not_seen_goes_and_unused_harmonics_too(scene: Scene) -> None:
    whole = joined(model(), unseen())
    found = optimize_gaussians(whole, scene, scene.held_out, scene.training, replace(SETTINGS, loss_db=0.05))
    details = found.details
    assert (details.gaussians_before, details.sh_degree_before) == (250, 3)
    assert details.sh_degree == found.gaussians.sh_degree == 0
    assert len(found.gaussians) == details.gaussians <= 150
    assert np.abs(found.gaussians.means).max() < 50
    assert details.weight_lost < 0.01
    assert details.bytes == ply_bytes(details.gaussians, 0) < details.bytes_before * 0.2
    assert details.split == "held_out"


def test_the_loss_said_is_the_loss_measured_and_within_its_bound(scene: Scene) -> None:
    noisy = model()
    noisy.sh[:] += np.random.default_rng(5).normal(0, 0.1, noisy.sh.shape).astype(np.float32)
    found = optimize_gaussians(noisy, scene, scene.held_out, scene.training, replace(SETTINGS, loss_db=0.3))

    def mean_psnr(gaussians: Gaussians) -> float:
        return float(np.mean([v.psnr for v in evaluate(gaussians, scene, scene.held_out, max_side_px=SIZE)]))

    loss = mean_psnr(noisy) - mean_psnr(found.gaussians)
    assert found.details.loss_psnr_db == pytest.approx(loss, abs=1e-9)
    assert loss <= 0.3
    record = found.details.as_dict()
    assert record["loss_psnr_db"] == found.details.loss_psnr_db
    assert record["tried"]


def test_colours_that_depend_on_the_view_keep_their_harmonics(tmp_path: Path) -> None:
    shiny = model(60)
    shiny.sh[:, 9:] = np.random.default_rng(2).normal(0, 0.4, (60, 7, 3)).astype(np.float32)
    there = photographed(shiny, tmp_path)
    found = optimize_gaussians(shiny, there, there.held_out, there.training, SETTINGS)
    assert found.gaussians.sh_degree == 3
    assert found.details.loss_psnr_db <= SETTINGS.loss_db


def test_lowered_harmonics_are_refitted_to_what_is_seen(tmp_path: Path) -> None:
    """From an arc of cameras, cutting off is worse than giving the colour to what stays."""
    shiny = model(60)
    shiny.sh[:, 4:9] = np.random.default_rng(2).normal(0, 0.3, (60, 5, 3)).astype(np.float32)
    there = photographed(shiny, tmp_path)
    some = tuple(i for i, view in enumerate(there.views) if view.camera.centre[0] > 1)
    seen = weigh(shiny, there, some, max_side_px=SIZE)
    fitted = lower_harmonics(shiny, 1, there, seen)
    cut = replace(shiny, sh=shiny.sh[:, :4].copy())
    better, worse = (
        np.mean([view.psnr for view in evaluate(one, there, some, max_side_px=SIZE)]) for one in (fitted, cut)
    )
    assert better > worse + 1
    assert lower_harmonics(shiny, 3, there, seen) is shiny


def test_weight_lost_is_bounded_and_counted(scene: Scene) -> None:
    seen = weigh(model(), scene, scene.training, max_side_px=SIZE)
    for share in (0.0, 0.01, 0.05):
        keep = seen.keep(share)
        assert seen.lost(keep) <= share
        assert keep.all() == (share == 0)
    dropped, kept = seen.total[~seen.keep(0.05)], seen.total[seen.keep(0.05)]
    assert dropped.max() <= kept.min()
    assert seen.apart.shape == (150, len(scene.training))


def test_what_is_lost_on_training_views_is_bounded_too(tmp_path: Path) -> None:
    """The held-out photos show next to nothing, so they would let everything go."""
    there = photographed(model(), tmp_path)
    for index in there.held_out:
        Image.new("RGB", (SIZE, 48), (90, 90, 90)).save(there.views[index].image_path)
    loose = replace(SETTINGS, training_loss_db=10.0)
    free, bound = (optimize_gaussians(model(), there, there.held_out, there.training, one) for one in (loose, SETTINGS))
    assert len(free.gaussians) < len(bound.gaussians)
    assert bound.details.training_loss_db <= SETTINGS.training_loss_db < free.details.training_loss_db


def test_only_what_is_allowed_is_done(scene: Scene) -> None:
    whole = joined(model(), unseen())
    pruned = optimize_gaussians(whole, scene, scene.held_out, scene.training, replace(SETTINGS, lower_sh=False))
    assert (pruned.gaussians.sh_degree, len(pruned.gaussians) < 200) == (3, True)
    lowered = optimize_gaussians(whole, scene, scene.held_out, scene.training, replace(SETTINGS, prune=False))
    assert (lowered.gaussians.sh_degree, len(lowered.gaussians)) == (0, 250)
    nothing = replace(SETTINGS, prune=False, lower_sh=False)
    same = optimize_gaussians(whole, scene, scene.held_out, scene.training, nothing)
    assert same.gaussians is whole
    assert same.details.loss_psnr_db == 0


def test_without_held_out_views_the_training_views_measure_and_it_is_said(scene: Scene) -> None:
    found = optimize_gaussians(joined(model(), unseen()), scene, (), scene.training, SETTINGS)
    assert (found.details.split, found.details.views) == ("training", 8)
    alone = optimize_gaussians(joined(model(), unseen()), scene, scene.held_out, (), SETTINGS)
    assert (alone.details.split, alone.details.training_loss_db) == ("held_out", 0.0)
    with pytest.raises(NothingToMeasureOnError):
        optimize_gaussians(model(), scene, (), (), SETTINGS)


def test_the_loss_of_a_file_has_what_its_format_lost_in_it(scene: Scene, tmp_path: Path) -> None:
    full = model()
    turn = any_turn(8)
    path = tmp_path / "model.splat"
    splat.write(moved(full, turn), path, provenance={})
    loss = measured_loss(full, splat.read(path), scene, scene.held_out, max_side_px=SIZE, file_from_world=turn)
    assert 0.005 < loss.psnr_db < 3, "8-bit colours and rotations"
    assert loss.full.psnr > 30
    assert 0 < loss.ssim < 0.05
    assert (loss.split, loss.views) == ("held_out", 3)
    assert loss.as_dict()["loss_psnr_db"] == loss.psnr_db
    none = measured_loss(full, full, scene, (), scene.training, max_side_px=SIZE)
    assert (none.psnr_db, none.split) == (0.0, "training")


def test_bad_input(scene: Scene) -> None:
    with pytest.raises(EmptyModelError):
        optimize_gaussians(model(0), scene, scene.held_out, scene.training, SETTINGS)
    for loss in (-1.0, float("nan"), 50.0):
        with pytest.raises(BadOptimizationError):
            OptimizeSettings(loss_db=loss)
        with pytest.raises(BadOptimizationError):
            OptimizeSettings(training_loss_db=loss)
    gone = replace(scene, views=tuple(replace(view, image_path=Path("gone.png")) for view in scene.views))
    with pytest.raises(UnreadablePhotoError):
        optimize_gaussians(model(), gone, gone.held_out, gone.training, SETTINGS)


def test_it_tells_how_far_it_is_and_can_be_stopped(scene: Scene) -> None:
    heard: list[tuple[str, float]] = []

    def listen(stage: str, fraction: float, message: str = "") -> None:
        heard.append((stage, fraction))

    optimize_gaussians(model(), scene, scene.held_out, scene.training, SETTINGS, listen)
    assert [stage for stage, fraction in heard if fraction == 1.0] == ["weighing", "optimizing"]

    def stop(stage: str, fraction: float, message: str = "") -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        optimize_gaussians(model(), scene, scene.held_out, scene.training, SETTINGS, stop)
