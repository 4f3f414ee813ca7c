"""The real six views: what was found out about them, and the quality that a short training reaches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maquette.recon.rig.measuring import measure_rig
from maquette.recon.rig.presets import rig_settings
from maquette.recon.rig.reading import read_rig
from maquette.recon.rig.rig import solve_rig
from maquette.recon.rig.scene import write_scene
from maquette.recon.rig.training import train_rig


@pytest.mark.captures
def test_the_shoe_is_solved_and_reproduced(captures: Path, tmp_path: Path) -> None:
    folder = captures / "sixviews"
    if not folder.is_dir():
        pytest.skip("no six views among the real captures")
    files = {
        kind: [(path.name, path) for path in (folder / kind).glob("*.png")] for kind in ("multi_views", "depth_renders")
    }
    views = read_rig(files["multi_views"], files["depth_renders"])
    rig = solve_rig(views)
    # Whoever rendered the depths used a field of view of 60 degrees, z over the farthest z, and the shoe's own left.
    assert rig.depth_model == "proportional_white_far"
    assert rig.field_of_view_deg == pytest.approx(60.0, abs=2.0)
    assert rig.sides_swapped
    assert [(side.lie.quarter_turns, side.lie.mirrored) for side in rig.sides[4:]] == [(2, False), (0, False)]
    for side in rig.sides:
        assert side.object_scale == pytest.approx(1.0, abs=0.02)
        assert side.agreement.outside < 0.02

    scene = write_scene(views, rig, tmp_path, long_side_px=320)
    assert len(scene.scene.points) > 10_000
    settings = replace(rig_settings("fastest"), iterations=192, max_side_px=320)
    for step in train_rig(scene, settings):
        gaussians = step.gaussians
    metrics = measure_rig(gaussians, views, rig, long_side_px=320)
    assert np.mean([metric.psnr for metric in metrics]) > 24.0
    assert np.mean([metric.ssim for metric in metrics]) > 0.85
    assert np.mean([metric.depth_mae or 1.0 for metric in metrics]) < 0.0276
