"""Refine round by round, and export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image
from tests.steps.conftest import Recorder, StoppedError

from maquette.recon.metrics import psnr as measure_psnr
from maquette.recon.photos import load_photo
from maquette.recon.quality import overall_quality
from maquette.recon.scenes.saved import load_saved_scene
from maquette.steps import STEPS
from maquette.steps.folder import Folder, write_json
from maquette.steps.parameters import ExportParameters, RefineParameters
from maquette.steps.refine import NotMeasuredError
from maquette.steps.selection import DEFAULT_VIEWS, BadViewsError

REFINE = {"from_version": 0, "num_iterations": 2, "steps_per_iteration": 30, "convergence_threshold": 0}


def read_picture(path: Path) -> UInt8[ndarray, "h w 3"]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def quality(folder: Folder, version: int) -> float:
    mean = folder.load_model(version).mean()
    assert mean is not None
    return mean.quality().overall


def test_each_round_is_a_version_measured_on_the_same_photos(generated: Folder) -> None:
    sink = Recorder()
    result = STEPS["refine"].run(generated.root, REFINE, sink)
    assert [(m.version, m.parent_version) for m in sink.models] == [(1, 0), (2, 1)]
    assert [m.iterations for m in sink.models] == [90, 120]
    assert result["versions"] == [1, 2] and result["from_version"] == 0
    for model in sink.models:
        assert {m.view_index for m in model.metrics if m.split == "held_out"} == {None, 0, 8}
        assert model.iteration is not None
        before, after = quality(generated, model.parent_version or 0), quality(generated, model.version)
        assert model.iteration.quality_before == pytest.approx(before)
        assert model.iteration.relative_gain == pytest.approx((after - before) / before)
        assert model.num_gaussians == generated.load_model(0).num_gaussians, "refining adds none"
    assert quality(generated, 2) > quality(generated, 0), "60 iterations leave much to gain"


def test_a_round_keeps_what_its_parent_showed_of_the_worst_views(generated: Folder) -> None:
    sink = Recorder()
    STEPS["refine"].run(generated.root, {**REFINE, "num_iterations": 1}, sink)
    (made,) = sink.models
    assert made.iteration is not None
    looked_at = made.iteration.views
    parent = generated.load_model(0)
    psnr = {m.view_index: m.psnr for m in parent.metrics if m.split == "training" and m.view_index is not None}
    assert [view.view_index for view in looked_at] == sorted(psnr, key=lambda index: psnr[index])[:DEFAULT_VIEWS]
    scene = load_saved_scene(generated.scene)
    for view in looked_at:
        assert (view.method, view.enhanced) == ("none", None)
        picture = read_picture(generated.root / view.rendered.path)
        photo = load_photo(scene.views[view.view_index], 1.0, max(picture.shape[:2]))
        # The picture is the parent's render of that very view: the PSNR is the one that was measured.
        seen = np.ascontiguousarray(photo.pixels.transpose(1, 2, 0))
        assert measure_psnr(picture, seen) == pytest.approx(psnr[view.view_index], abs=0.01)


def test_named_views_are_the_ones_looked_at(generated: Folder) -> None:
    sink = Recorder()
    STEPS["refine"].run(generated.root, {**REFINE, "num_iterations": 1, "views_to_refine": [4, 5]}, sink)
    assert sink.models[0].iteration is not None
    assert {view.view_index for view in sink.models[0].iteration.views} == {4, 5}


def test_rounds_that_a_killed_attempt_kept_are_not_done_again(generated: Folder) -> None:
    whole = Folder(generated.root)
    first = Recorder(stop=lambda stage, message: message.startswith("round 2 of 2, training"))
    with pytest.raises(StoppedError):
        STEPS["refine"].run(generated.root, REFINE, first)
    assert [m.version for m in first.models] == [1]
    write_json(
        generated.root / "project.json",
        {"versions_of_run": [1], "latest_version": 1, "promoted": {"psnr": 1.0, "ssim": 0.1}},
    )
    second = Recorder()
    result = STEPS["refine"].run(generated.root, REFINE, second)
    assert [m.version for m in second.models] == [2] and min(second.iterations()) == 91
    assert result["versions"] == [1, 2] and result["iterations_completed"] == 2
    assert result["from_version"] == 0 and len(result["metrics"]) == 2
    assert whole.next_version() == 3


def test_a_round_that_is_worse_is_kept_but_not_promoted(generated: Folder) -> None:
    parent = generated.load_model(0)
    better = tuple(metric.model_copy(update={"psnr": 45.0, "ssim": 0.99}) for metric in parent.metrics)
    generated.save_model(parent.model_copy(update={"metrics": better}))
    sink = Recorder()
    result = STEPS["refine"].run(generated.root, REFINE, sink)
    (model,) = sink.models
    assert model.iteration is not None and model.iteration.relative_gain < 0
    assert not model.promote and model.iteration.converged
    assert result["promoted_version"] is None and result["final_version"] == 1


def test_a_version_that_was_not_measured_is_refused_before_it_is_trained(generated: Folder) -> None:
    parent = generated.load_model(0)
    training = tuple(metric for metric in parent.metrics if metric.split == "training")
    generated.save_model(parent.model_copy(update={"metrics": training}))
    write_json(generated.root / "project.json", {"promoted": {"psnr": 20.0, "ssim": 0.5}})
    sink = Recorder()
    with pytest.raises(NotMeasuredError):
        STEPS["refine"].run(generated.root, REFINE, sink)
    assert sink.iterations() == []


def test_a_branch_is_measured_against_the_promoted_version(generated: Folder) -> None:
    write_json(
        generated.root / "project.json",
        {"latest_version": 5, "promoted": {"psnr": 39.9, "ssim": 1.0, "degraded": False}},
    )
    sink = Recorder()
    STEPS["refine"].run(generated.root, {**REFINE, "num_iterations": 1}, sink)
    assert [(m.version, m.parent_version, m.promote) for m in sink.models] == [(6, 0, False)]


def test_it_stops_when_a_round_gains_too_little(generated: Folder) -> None:
    result = STEPS["refine"].run(
        generated.root,
        {**REFINE, "num_iterations": 5, "steps_per_iteration": 1, "convergence_threshold": 1},
        Recorder(),
    )
    assert result["converged"] is True and result["iterations_completed"] == 1


def test_the_same_seed_repeats_the_same_round(generated: Folder) -> None:
    ask = {**REFINE, "num_iterations": 1, "steps_per_iteration": 10}
    results = [STEPS["refine"].run(generated.root, {**ask, "seed": seed}, Recorder()) for seed in (1, 1, 2)]
    psnr = [result["metrics"][0]["psnr"] for result in results]
    assert psnr[0] == psnr[1] != psnr[2]


@pytest.mark.parametrize("views", [[0], [8, 1], [10], [-1]])
def test_held_out_and_unknown_views_are_refused(generated: Folder, views: list[int]) -> None:
    with pytest.raises(BadViewsError) as refused:
        STEPS["refine"].run(generated.root, {**REFINE, "views_to_refine": views}, Recorder())
    assert refused.value.suggestion


def test_parameters_out_of_bounds_and_unknown_ones() -> None:
    for wrong in (
        {"num_iterations": 0},
        {"learning_rate": 0},
        {"views_to_refine": []},
        {"rounds": 3},
        {"seed": -1},
        {"enhancement": "magic"},
    ):
        with pytest.raises(ValueError, match="validation error"):
            RefineParameters.model_validate(wrong)
    with pytest.raises(ValueError, match="validation error"):
        ExportParameters.model_validate({"version": -1})
    for crop in ([float("nan"), 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, float("inf")]):
        with pytest.raises(ValueError, match="validation error"):
            ExportParameters.model_validate({"crop": crop})


def test_every_stage_that_is_reported_moves_the_bar(generated: Folder, tmp_path: Path) -> None:
    from maquette.steps.stages import STAGES, percentage

    sink = Recorder()
    STEPS["refine"].run(generated.root, REFINE, sink)
    assert {stage for stage, _, _ in sink.progressed} <= set(STAGES["refine"])
    shown = [percentage("refine", stage, fraction) for stage, fraction, _ in sink.progressed]
    assert shown == sorted(shown) and shown[-1] == pytest.approx(100)


def test_a_round_is_compared_with_its_parent_by_the_terms_of_both(generated: Folder) -> None:
    """A parent of before depth consistency was measured: what only the round has is no gain and no loss."""
    parent = generated.load_model(0)
    old = tuple(m.model_copy(update={"depth_consistency": None}) for m in parent.metrics)
    generated.save_model(parent.model_copy(update={"metrics": old}))
    sink = Recorder()
    STEPS["refine"].run(generated.root, {**REFINE, "num_iterations": 1}, sink)
    (made,) = sink.models
    before, after = generated.load_model(0).mean(), made.mean()
    assert before is not None and after is not None and made.iteration is not None
    assert after.depth_consistency is not None
    assert made.iteration.quality_before == overall_quality(before.psnr, before.ssim)
    assert made.iteration.quality_after == overall_quality(after.psnr, after.ssim) != after.overall_quality


def test_a_round_takes_the_place_of_a_degraded_version_however_good(generated: Folder) -> None:
    told = {"psnr": 39.9, "ssim": 1.0, "degraded": True}
    write_json(generated.root / "project.json", {"latest_version": 0, "promoted": told})
    sink = Recorder()
    STEPS["refine"].run(generated.root, {**REFINE, "num_iterations": 1}, sink)
    assert [model.promote for model in sink.models] == [True]
