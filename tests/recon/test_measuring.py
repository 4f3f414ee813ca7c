"""All numbers of one view are those of their own definitions, of the same pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.recon.lpips.weights import write_model

from maquette.recon.depth_consistency import depth_consistency
from maquette.recon.evaluate import evaluate
from maquette.recon.gaussians import Gaussians
from maquette.recon.lpips import Lpips, load_lpips
from maquette.recon.masks import write_mask
from maquette.recon.measuring import measure
from maquette.recon.scene import Scene
from maquette.recon.synthetic import make_capture
from maquette.recon.train import first_state
from maquette.recon.train_settings import TrainSettings


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_capture(tmp_path_factory.mktemp("capture"), views=6, width=96, height=72).scene(600)


@pytest.fixture(scope="module")
def gaussians(scene: Scene) -> Gaussians:
    return first_state(scene, TrainSettings(iterations=1, max_gaussians=600)).gaussians


@pytest.fixture(scope="module")
def lpips(tmp_path_factory: pytest.TempPathFactory) -> Lpips:
    return load_lpips(write_model(tmp_path_factory.mktemp("models") / "lpips-alex"))


def test_each_number_is_its_own_definition(scene: Scene, gaussians: Gaussians, lpips: Lpips) -> None:
    measured = measure(gaussians, scene, (1, 4), max_side_px=64, lpips=lpips)
    expected = evaluate(gaussians, scene, (1, 4), max_side_px=64)
    assert [(m.psnr, m.ssim) for m in measured] == [(m.psnr, m.ssim) for m in expected]
    assert [(m.view_index, m.width, m.height, m.masked) for m in measured] == [(1, 64, 48, False), (4, 64, 48, False)]
    consistent = depth_consistency(gaussians, [view.camera for view in scene.views], (1, 4))
    assert {m.view_index: m.depth_consistency for m in measured} == {1: consistent.get(1), 4: consistent.get(4)}
    assert all(m.lpips is not None and m.lpips > 0 for m in measured)
    assert all(0 < m.shown.coverage <= 1 and m.shown.photo_steps > 10 for m in measured)


def test_without_weights_and_in_tiny_pictures_there_is_no_lpips(
    scene: Scene, gaussians: Gaussians, lpips: Lpips
) -> None:
    assert measure(gaussians, scene, (2,), max_side_px=64)[0].lpips is None
    assert measure(gaussians, scene, (2,), max_side_px=32, lpips=lpips)[0].lpips is None


def test_a_mask_counts_in_every_number(scene: Scene, gaussians: Gaussians, lpips: Lpips, tmp_path: Path) -> None:
    mask = np.zeros((72, 96), np.uint8)
    mask[20:60, 10:50] = 255
    write_mask(mask, tmp_path / "mask.png")
    views = tuple(replace(view, mask_path=tmp_path / "mask.png") for view in scene.views[:3])
    masked = replace(scene, views=(*views, *scene.views[3:]))
    (with_mask,) = measure(gaussians, masked, (2,), max_side_px=96, lpips=lpips)
    (without,) = measure(gaussians, scene, (2,), max_side_px=96, lpips=lpips)
    assert with_mask.masked and not without.masked
    assert with_mask.psnr != without.psnr and with_mask.ssim != without.ssim and with_mask.lpips != without.lpips
    assert with_mask.psnr == evaluate(gaussians, masked, (2,), max_side_px=96)[0].psnr


def test_no_views_no_numbers(scene: Scene, gaussians: Gaussians) -> None:
    assert measure(gaussians, scene, (), max_side_px=64) == []
