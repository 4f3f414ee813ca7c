"""What a version must pass and what is measured of it, through the real generate step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.recon.lpips.weights import LINEAR_FILE, write_model
from tests.steps.conftest import GENERATE, Recorder, StoppedError

from maquette.recon.checkpoint import load_checkpoint
from maquette.recon.gaussians import Gaussians
from maquette.recon.quality import Quality
from maquette.recon.sanity import UnsoundModelError
from maquette.recon.scenes.saved import load_saved_scene
from maquette.steps import STEPS, evaluation
from maquette.steps.folder import Folder, write_json
from maquette.steps.training import Trained
from maquette.steps.versions import NewVersion, promoted_standing, standing_of, write_version


def break_model(folder: Folder, how: Callable[[Gaussians], None]) -> None:
    """Train to the end, then damage what came out, before it is measured."""
    with pytest.raises(StoppedError):
        STEPS["generate"].run(folder.root, GENERATE, Recorder(stop=lambda stage, message: stage == "evaluation"))
    path = folder.training / "settled.npz"
    checkpoint = load_checkpoint(path)
    copied = Gaussians(**{name: array.copy() for name, array in vars(checkpoint.gaussians).items()})
    how(copied)
    replace(checkpoint, gaussians=copied).save(path)


def transparent(model: Gaussians) -> None:
    model.opacity_logits[:] = -12.0


def behind_everything(model: Gaussians) -> None:
    model.means[:, 1] += 40.0


def all_black(model: Gaussians) -> None:
    model.sh[:] = 0.0
    model.sh[:, 0] = -9.0


@pytest.mark.parametrize(
    ("how", "reasons"),
    [
        (transparent, {"opacity_collapsed"}),
        (behind_everything, {"renders_empty", "renders_one_colour"}),
        (all_black, {"renders_one_colour"}),
    ],
)
def test_what_is_no_model_fails_the_run_and_leaves_no_version(
    folder: Folder, how: Callable[[Gaussians], None], reasons: set[str]
) -> None:
    break_model(folder, how)
    sink = Recorder()
    with pytest.raises(UnsoundModelError) as refused:
        STEPS["generate"].run(folder.root, GENERATE, sink)
    assert {reason["code"] for reason in refused.value.details["reasons"]} == reasons
    assert refused.value.code == "model_not_sound" and refused.value.suggestion
    assert sink.models == [] and folder.next_version() == 0


def test_an_undefined_number_is_refused_before_anything_is_drawn(generated: Folder) -> None:
    """A checkpoint that holds one is not gone on with, so only training itself could bring one here."""
    checkpoint = load_checkpoint(generated.training / "settled.npz")
    checkpoint.gaussians.means[3, 1] = np.nan
    trained = Trained(checkpoint, checkpoint.gaussians, checkpoint.gaussians, {}, 1.0, "cpu")
    scene, eval_set = load_saved_scene(generated.scene), evaluation.load(generated)
    assert eval_set is not None
    with pytest.raises(UnsoundModelError) as refused:
        write_version(generated, scene, eval_set, trained, NewVersion(1, None, "generate", None, {}), Recorder())
    assert [reason["code"] for reason in refused.value.details["reasons"]] == ["model_not_finite"]
    assert not generated.model(1).exists()


def flung(model: Gaussians) -> None:
    """A twentieth of the Gaussians, out of everybody's sight."""
    model.means[: len(model) // 20] = [0.0, 1e6, 0.0]


@pytest.mark.parametrize(
    ("promoted", "takes_its_place"),
    [
        (None, True),
        ({"psnr": 1, "ssim": 0.01, "degraded": False}, False),
        ({"psnr": 1, "ssim": 0.01, "degraded": True}, True),
    ],
)
def test_a_degraded_version_is_kept_and_takes_no_sound_ones_place(
    folder: Folder, promoted: dict | None, takes_its_place: bool
) -> None:
    break_model(folder, flung)
    write_json(folder.root / "project.json", {"views_kept": True, "promoted": promoted})
    sink = Recorder()
    STEPS["generate"].run(folder.root, GENERATE, sink)
    (model,) = sink.models
    assert model.degraded and model.promote is takes_its_place
    assert [(found["code"], found["hard"]) for found in model.details["sanity"]] == [("model_outside_scene", False)]
    told = [warning for warning in sink.warnings if warning.degraded]
    assert [warning.code for warning in told] == ["model_outside_scene"] and told[0].suggestion
    standing = standing_of(model)
    assert standing is not None and not standing.sound
    assert model.bounds is not None and model.bounds["max"][1] == 1e6 > 1e4 * model.bounds["p99"][0]


def test_a_sound_version_says_what_it_is(generated: Folder) -> None:
    model = generated.load_model(0)
    assert not model.degraded and model.details["sanity"] == []
    assert model.bytes == (generated.root / model.model.path).stat().st_size
    assert model.seconds is not None and model.seconds > 0
    assert model.bounds is not None
    for low, inner_low, inner_high, high in zip(*(model.bounds[n] for n in ("min", "p1", "p99", "max")), strict=True):
        assert low <= inner_low < inner_high <= high


def test_every_metric_says_how_it_was_taken(generated: Folder) -> None:
    model = generated.load_model(0)
    for metric in model.metrics:
        assert (metric.width, metric.height, metric.mask) == (120, 90, "none")
        assert metric.colour == "sRGB 8-bit, as photographed"
        assert metric.lpips is None and metric.lpips_weights is None, "no weights, no number"
        assert metric.depth_consistency is None or 0 <= metric.depth_consistency <= 1
        assert (metric.overall_quality is None) == (metric.view_index is not None)
    mean = model.mean()
    assert mean is not None and mean.depth_consistency is not None
    views = [m.depth_consistency or 0.0 for m in model.metrics if m.split == "held_out" and m.view_index is not None]
    assert mean.depth_consistency == pytest.approx(np.mean(views))
    assert mean.overall_quality == Quality(mean.psnr, mean.ssim, None, mean.depth_consistency).overall


def test_lpips_is_measured_where_its_weights_are(folder: Folder, tmp_path: Path) -> None:
    write_model(tmp_path / "models" / "lpips-alex")
    folder.describe_machine(tmp_path / "models", allow_noncommercial=False, trust_code=())
    sink = Recorder()
    STEPS["generate"].run(folder.root, GENERATE, sink)
    (model,) = sink.models
    assert all(m.lpips is not None and m.lpips > 0 and m.lpips_weights == "lpips-alex local" for m in model.metrics)
    mean = model.mean()
    assert mean is not None
    assert mean.lpips == pytest.approx(
        np.mean([m.lpips for m in model.metrics if m.split == "held_out" and m.view_index is not None])
    )
    assert mean.quality().terms == ("psnr", "ssim", "lpips", "depth_consistency")
    assert not any(warning.code == "lpips_not_measured" for warning in sink.warnings)


def test_damaged_weights_of_a_metric_cost_no_version(folder: Folder, tmp_path: Path) -> None:
    model_folder = write_model(tmp_path / "models" / "lpips-alex").folder
    (model_folder / LINEAR_FILE).write_bytes(b"damaged")
    folder.describe_machine(tmp_path / "models", allow_noncommercial=False, trust_code=())
    sink = Recorder()
    STEPS["generate"].run(folder.root, GENERATE, sink)
    assert [model.mean().lpips for model in sink.models if model.mean()] == [None]  # type: ignore[union-attr]
    (told,) = [warning for warning in sink.warnings if warning.code == "lpips_not_measured"]
    assert LINEAR_FILE in told.message and not told.degraded and told.suggestion


def test_the_promoted_version_as_the_project_tells_it(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert promoted_standing(folder) is None
    write_json(tmp_path / "project.json", {"promoted": {"psnr": 20, "ssim": 1, "lpips": None, "degraded": True}})
    standing = promoted_standing(folder)
    assert standing is not None
    assert (standing.quality, standing.sound) == (Quality(20.0, 1.0), False)
