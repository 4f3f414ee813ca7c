"""What is trained on the rig's six views: scene files, both backgrounds by turns, and how it is measured."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from tests.recon.rig.conftest import Solved

from maquette.recon.rig.measuring import measure_rig
from maquette.recon.rig.presets import rig_settings
from maquette.recon.rig.scene import RigScene, write_scene
from maquette.recon.rig.sides import SIDES
from maquette.recon.rig.training import TURN, train_rig

SETTINGS = replace(rig_settings("fastest"), iterations=2 * TURN, max_side_px=64, coarse_levels=0)


@pytest.fixture(scope="module")
def made(solved: Solved, tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple, object, RigScene]:
    views, rig = solved.views, solved.rig
    return views, rig, write_scene(views, rig, tmp_path_factory.mktemp("scene"), long_side_px=80)


def test_the_scene_holds_what_the_trainer_reads(made: tuple) -> None:
    _, _, scene = made
    assert [view.name for view in scene.scene.views] == list(SIDES)
    assert scene.training == (0, 1, 2, 3, 4, 5)
    for view, white, outline in zip(scene.scene.views, scene.over_white.views, scene.silhouettes, strict=True):
        empty = cv2.imread(str(outline), cv2.IMREAD_GRAYSCALE) == 0
        assert empty.any()
        assert (cv2.imread(str(view.image_path))[empty] == 0).all()
        assert (cv2.imread(str(white.image_path))[empty] == 255).all()
        depth = np.load(view.depth_path)
        assert depth.shape == (view.camera.height, view.camera.width)
        assert view.mask_path is None
    # Points lie where the figure is: within the half axes of its parts.
    assert len(scene.scene.points) > 1000
    assert scene.dropped < 0.2
    assert np.abs(scene.scene.points).max() < 0.5


def test_training_brings_the_six_views_near(made: tuple) -> None:
    views, rig, scene = made
    steps = list(train_rig(scene, SETTINGS))
    assert [step.iteration for step in steps] == list(range(1, 2 * TURN + 1))
    metrics = measure_rig(steps[-1].gaussians, views, rig, long_side_px=64)
    assert [metric.side for metric in metrics] == list(SIDES)
    for metric in metrics:
        assert metric.psnr > 20
        assert metric.ssim > 0.85
        assert metric.depth_coverage > 0.9
    # At 64 px many pixels are edges between two depths, where the model may show either.
    assert np.mean([metric.depth_mae or 1.0 for metric in metrics]) < 0.04


def test_a_resumed_run_goes_on_as_it_would_have(made: tuple) -> None:
    _, _, scene = made
    stop = TURN // 2
    half = None
    for step in train_rig(scene, replace(SETTINGS, schedule_iterations=2 * TURN)):
        if step.iteration == stop:
            half = step.checkpoint()
    whole = step.gaussians
    assert half is not None
    step = list(train_rig(scene, SETTINGS, start=half))[-1]
    np.testing.assert_array_equal(step.gaussians.means, whole.means)
