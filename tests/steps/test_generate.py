"""Generate: what it writes, what it overrides, and that it goes on where it was stopped."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.steps.conftest import GENERATE, Recorder, StoppedError

from maquette.recon.checkpoint import load_checkpoint
from maquette.recon.formats import format_named
from maquette.recon.scenes.saved import load_saved_scene, save_scene
from maquette.steps import STEPS, evaluation
from maquette.steps.folder import Folder, write_json
from maquette.steps.limits import StepLimits, write_limits
from maquette.steps.records import DepthMaps


def test_a_version_its_metrics_its_files_and_depth_maps(
    generated_folder: tuple[Path, dict[str, Any]], folder: Folder
) -> None:
    sink = Recorder()
    result = STEPS["generate"].run(folder.root, GENERATE, sink)
    (model,) = sink.models
    assert (model.version, model.parent_version, model.promote, result["version"]) == (0, None, True, 0)
    for file in (model.model, model.unfiltered, model.filtered, model.checkpoint, model.preview):
        assert (folder.root / file.path).stat().st_size > 0
    assert model.num_gaussians == len(format_named("ply").read(folder.root / model.model.path)) <= 600
    assert model.details["long_side"] == 120 and model.details["settings"]["max_side_px"] == 120
    assert model.details["settings"]["iterations"] == model.iterations == 60
    (depth,) = [record for record in sink.records if isinstance(record, DepthMaps)]
    assert [one.view_index for one in depth.depth_maps] == list(range(10))
    assert all((folder.root / one.depth.path).is_file() for one in depth.depth_maps)
    assert any(warning.code == "depth_from_model" for warning in sink.warnings)
    # the same seed gives the same numbers
    assert (result["psnr"], result["ssim"]) == (generated_folder[1]["psnr"], generated_folder[1]["ssim"])


def test_held_out_and_training_photos_never_mix(generated: Folder) -> None:
    model = generated.load_model(0)
    held_out = {m.view_index for m in model.metrics if m.split == "held_out"} - {None}
    training = {m.view_index for m in model.metrics if m.split == "training"} - {None}
    assert held_out == {0, 8} and training and not held_out & training
    made_from = {Path(path).name for path in model.model.made_from}
    assert not made_from & {"0000.jpg", "0008.jpg"} and "0001.jpg" in made_from
    for split in ("held_out", "training"):
        views = [m for m in model.metrics if m.split == split and m.view_index is not None]
        mean = model.mean(split)  # type: ignore[arg-type]
        assert mean is not None
        assert mean.psnr == pytest.approx(np.mean([m.psnr for m in views]))
        assert mean.ssim == pytest.approx(np.mean([m.ssim for m in views]))


@pytest.mark.parametrize("at", [30, 55])
def test_training_goes_on_from_the_checkpoint_of_a_killed_attempt(
    at: int, folder: Folder, generated_folder: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before floaters are filtered (at 51 of 60) and after."""
    monkeypatch.setattr("maquette.steps.training.CHECKPOINT_EVERY", 10)
    with pytest.raises(StoppedError):
        STEPS["generate"].run(
            folder.root, GENERATE, Recorder(stop=lambda stage, message: f"iteration {at}/" in message)
        )
    sink = Recorder()
    result = STEPS["generate"].run(folder.root, GENERATE, sink)
    assert min(sink.iterations()) > at - 11, "it began again"
    assert result["version"] == 0
    assert result["psnr"] == generated_folder[1]["psnr"], "going on changes nothing"


def test_a_checkpoint_of_other_cameras_is_not_gone_on_with(folder: Folder) -> None:
    """Another camera search of the same photos gives another world."""
    with pytest.raises(StoppedError):
        STEPS["generate"].run(folder.root, GENERATE, Recorder(stop=lambda stage, message: stage == "evaluation"))
    scene = load_saved_scene(folder.scene)
    save_scene(dataclasses.replace(scene, points=scene.points * 1.01), folder.scene)
    sink = Recorder()
    STEPS["generate"].run(folder.root, GENERATE, sink)
    assert min(sink.iterations()) == 1


def test_a_broken_checkpoint_is_told_and_training_begins_again(folder: Folder) -> None:
    with pytest.raises(StoppedError):
        STEPS["generate"].run(folder.root, GENERATE, Recorder(stop=lambda stage, message: stage == "evaluation"))
    for checkpoint in folder.training.glob("*.npz"):
        checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    sink = Recorder()
    STEPS["generate"].run(folder.root, GENERATE, sink)
    assert min(sink.iterations()) == 1
    assert any(warning.code == "corrupt_checkpoint" for warning in sink.warnings)


def test_an_attempt_after_the_model_was_kept_only_makes_the_depth_maps(generated: Folder) -> None:
    write_json(generated.root / "project.json", {"views_kept": True, "versions_of_run": [0], "latest_version": 0})
    sink = Recorder()
    result = STEPS["generate"].run(generated.root, GENERATE, sink)
    assert sink.models == [] and sink.iterations() == []
    assert result["version"] == 0 and result["depth_maps_generated"] == 10


@pytest.mark.parametrize(
    ("standing", "promoted"),
    [
        ({"psnr": 0.0, "ssim": 0.0}, True),
        ({"psnr": 40.0, "ssim": 1.0}, False),
        ({"psnr": 40.0, "ssim": 1.0, "lpips": 0.9, "depth_consistency": None}, False),
        ({"psnr": 40.0, "ssim": 1.0, "degraded": True}, True),
    ],
)
def test_a_later_generate_is_promoted_only_where_it_is_better(
    generated: Folder, standing: dict[str, Any], promoted: bool
) -> None:
    write_json(
        generated.root / "project.json",
        {"views_kept": True, "latest_version": 4, "promoted": standing},
    )
    sink = Recorder()
    STEPS["generate"].run(generated.root, {**GENERATE, "iterations": 5}, sink)
    assert [(model.version, model.promote) for model in sink.models] == [(5, promoted)]


def test_a_preset_stays_within_the_machines_limit_and_the_user_is_told(folder: Folder) -> None:
    write_limits(folder, StepLimits(max_gaussians=300))
    sink = Recorder()
    result = STEPS["generate"].run(folder.root, {**GENERATE, "iterations": 5, "max_gaussians": None}, sink)
    assert 0 < result["num_gaussians"] <= 300
    assert sink.models[0].details["settings"]["max_gaussians"] == 300
    assert "gaussians_limited" in [warning.code for warning in sink.warnings]


def test_the_evaluation_set_stays_when_photos_are_added(folder: Folder) -> None:
    scene = load_saved_scene(folder.scene)
    fewer = dataclasses.replace(scene, views=scene.views[1:6])
    first = evaluation.fix(folder, fewer, 100, Recorder())
    assert first.names == ("0001.jpg",)
    more = evaluation.fix(folder, scene, 999, Recorder())
    assert more == first, "neither names nor size change"
    assert more.held_out(scene) == (1,)
    assert more.training(scene) == (0, 2, 3, 4, 5, 6, 7, 8, 9), "new photos train"


def test_lost_held_out_photos_are_told_or_refused(folder: Folder) -> None:
    scene = load_saved_scene(folder.scene)
    evaluation.fix(folder, scene, 100, Recorder())
    sink = Recorder()
    evaluation.fix(folder, dataclasses.replace(scene, views=scene.views[:8]), 100, sink)
    assert [warning.code for warning in sink.warnings] == ["held_out_photos_missing"]
    from maquette.recon.scenes.errors import SceneUnreadableError

    with pytest.raises(SceneUnreadableError):
        evaluation.fix(folder, dataclasses.replace(scene, views=scene.views[1:8]), 100, Recorder())


def test_floaters_that_photos_need_stay_and_that_is_told(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    # no loss is small enough, so the filter is refused
    monkeypatch.setattr("maquette.steps.training.FLOATER_TOLERANCE_DB", -100.0)
    sink = Recorder()
    STEPS["generate"].run(folder.root, GENERATE, sink)
    (model,) = sink.models
    assert model.details["floaters"]["accepted"] is False
    assert model.model == model.unfiltered or model.model.path == model.unfiltered.path
    assert any(warning.code == "floater_filter_not_applied" and warning.suggestion for warning in sink.warnings)
    kept = format_named("ply").read(folder.root / model.filtered.path)
    assert len(kept) <= model.num_gaussians


def test_next_version_counts_finished_versions_only(tmp_path: Path, generated: Folder) -> None:
    folder = Folder(tmp_path / "new")
    assert folder.next_version() == 0
    folder.model(3).mkdir(parents=True)
    assert folder.next_version() == 0, "a version without its record is unfinished"
    folder.save_model(generated.load_model(0))
    assert folder.next_version() == 1
    write_json(folder.root / "project.json", {"latest_version": 7})
    assert folder.next_version() == 8


def test_checkpoints_carry_the_iteration(generated: Folder) -> None:
    assert load_checkpoint(generated.model(0) / "checkpoint.npz").iteration == 60
    assert json.loads((generated.training / "floaters.json").read_text())["accepted"] in (True, False)
