"""Refine rounds with enhanced views: what is rendered, enhanced, weighed, recorded and learned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

import cv2
import numpy as np
import pytest
from tests.steps.conftest import Recorder, StoppedError

from maquette.progress import Progress
from maquette.recon.enhance.method import Device, Enhancer, Method
from maquette.recon.enhance.methods import METHODS
from maquette.recon.enhance.request import Enhanced, EnhanceParameters, EnhanceRecord, EnhanceRequest
from maquette.recon.masks import read_mask
from maquette.recon.photos import load_photo
from maquette.recon.scenes.saved import load_saved_scene
from maquette.recon.train_settings import TrainSettings
from maquette.recon.weights import Weights, WeightsMissingError
from maquette.steps import STEPS
from maquette.steps.enhancing import Enhancing, look_at
from maquette.steps.folder import Folder
from maquette.steps.parameters import WITHOUT_WEIGHTS, Enhancement
from maquette.steps.records import EnhancedView
from maquette.steps.selection import select_views

CLASSICAL = {
    "from_version": 0,
    "num_iterations": 1,
    "steps_per_iteration": 30,
    "convergence_threshold": 0,
    "enhancement": "classical",
}


def looked_at(sink: Recorder) -> tuple[EnhancedView, ...]:
    (model,) = sink.models
    assert model.iteration is not None and model.iteration.method == "classical"
    return model.iteration.views


def test_every_part_of_a_round_is_recorded(generated: Folder) -> None:
    sink = Recorder()
    result = STEPS["refine"].run(generated.root, {**CLASSICAL, "strength": 0.5, "seed": 3}, sink)
    assert result["method"] == "classical" and "asked for" in result["method_reason"]
    views = looked_at(sink)
    assert len(views) == 4
    for view in views:
        assert view.enhanced is not None and view.confidence is not None
        pictures = [cv2.imread(str(generated.root / file.path)) for file in (view.rendered, view.enhanced)]
        assert pictures[0].shape == pictures[1].shape
        assert not np.array_equal(*pictures)
        height, width = pictures[0].shape[:2]
        mask = read_mask(generated.root / view.confidence.path, "confidence", width, height)
        assert 0 < mask.mean() / 255 <= 1
        assert view.details["confidence"]["mean_weight"] == pytest.approx(mask.mean() / 255, abs=0.01)
        assert view.enhanced.path in view.confidence.made_from and view.rendered.path in view.enhanced.made_from
        assert (view.strength, view.details["settings"]["iterations"]) == (0.5, 8)
        taught = {view.enhanced.path, view.confidence.path} <= set(sink.models[0].model.made_from)
        assert taught == view.details["confidence"]["taught"], "what a version learned from is part of its lineage"


def test_a_held_out_view_may_be_enhanced_but_its_photo_is_never_used(generated: Folder) -> None:
    scene_photo = generated.scene / "images" / "0000.jpg"
    photo = next(path for path in (generated.scene / "images").iterdir() if path.stem == scene_photo.stem)
    sink = Recorder()
    STEPS["refine"].run(generated.root, {**CLASSICAL, "views_to_refine": [0, 3]}, sink)
    by_index = {view.view_index: view for view in looked_at(sink)}
    assert set(by_index) == {0, 3}
    held_out = by_index[0]
    assert held_out.enhanced is not None and held_out.confidence is not None
    assert generated.relative(photo) not in held_out.enhanced.made_from
    assert held_out.details["photo_used"] is False


def test_only_the_photos_of_training_views_are_shown_to_a_method(generated: Folder) -> None:
    shown = []

    def look(request: EnhanceRequest, progress: Progress | None = None) -> Enhanced:
        shown.append(request.photo)
        return Enhanced(request.render, EnhanceRecord(method="looking"))

    @contextmanager
    def opened(weights: Weights, device: Device) -> Iterator[Enhancer]:
        yield look

    looking = Method("looking", "keeps what it is shown", False, (), lambda weights: None, opened)
    scene, parent = load_saved_scene(generated.scene), generated.load_model(0)
    settings = TrainSettings(max_side_px=parent.details["long_side"])
    how = Enhancing(looking, Weights(), EnhanceParameters())
    look_at(generated, scene, parent, (0, 3), scene.training, settings, how, Recorder())
    held_out, training = shown
    assert held_out is None
    photo = load_photo(scene.views[3], 1.0, settings.max_side_px)
    np.testing.assert_array_equal(training, photo.pixels.transpose(1, 2, 0))


def test_every_method_can_be_asked_for() -> None:
    assert set(get_args(Enhancement)) == {method.name for method in METHODS}
    assert set(WITHOUT_WEIGHTS) == {method.name for method in METHODS if not method.models}


def test_views_that_a_killed_attempt_enhanced_are_not_enhanced_again(generated: Folder) -> None:
    with pytest.raises(StoppedError):
        STEPS["refine"].run(generated.root, CLASSICAL, Recorder(stop=lambda stage, message: ", training" in message))
    made = sorted(generated.model(1).glob("enhanced-*.png"))
    assert len(made) == 4
    times = [path.stat().st_mtime_ns for path in made]
    STEPS["refine"].run(generated.root, CLASSICAL, Recorder())
    assert [path.stat().st_mtime_ns for path in made] == times
    assert generated.load_model(1).iteration is not None


def test_other_parameters_enhance_again(generated: Folder) -> None:
    with pytest.raises(StoppedError):
        STEPS["refine"].run(generated.root, CLASSICAL, Recorder(stop=lambda stage, message: ", training" in message))
    made = sorted(generated.model(1).glob("enhanced-*.png"))
    before = [path.read_bytes() for path in made]
    STEPS["refine"].run(generated.root, {**CLASSICAL, "strength": 0.2}, Recorder())
    assert all(path.read_bytes() != old for path, old in zip(made, before, strict=True))


def test_what_a_killed_attempt_enhanced_teaches_nothing_where_nothing_enhances_now(generated: Folder) -> None:
    """Weights may go between two attempts of the same call."""
    with pytest.raises(StoppedError):
        STEPS["refine"].run(generated.root, CLASSICAL, Recorder(stop=lambda stage, message: ", training" in message))
    named = [view for view in range(10) if (generated.model(1) / f"enhanced-{view:04d}.png").exists()]
    taught = sorted(set(named) - {0, 8})
    assert taught
    sink = Recorder()
    STEPS["refine"].run(generated.root, {**CLASSICAL, "enhancement": "none", "views_to_refine": taught}, sink)
    (model,) = sink.models
    assert model.iteration is not None
    assert [(view.method, view.enhanced, view.confidence) for view in model.iteration.views] == [
        ("none", None, None) for _ in taught
    ]


def test_a_method_without_its_weights_is_refused_before_anything_is_done(generated: Folder) -> None:
    with pytest.raises(WeightsMissingError) as refused:
        STEPS["refine"].run(generated.root, {**CLASSICAL, "enhancement": "sdxl"}, Recorder())
    assert "maquette models pull" in str(refused.value.suggestion)
    assert not generated.model(1).exists()


def test_without_weights_and_without_a_wish_the_photos_alone_teach_and_that_is_said(generated: Folder) -> None:
    sink = Recorder()
    result = STEPS["refine"].run(generated.root, {**CLASSICAL, "enhancement": None}, sink)
    assert result["method"] == "none"
    assert [warning.code for warning in sink.warnings] == ["no_enhancement"]
    quiet = Recorder()
    STEPS["refine"].run(generated.root, {**CLASSICAL, "enhancement": "none"}, quiet)
    assert quiet.warnings == []


def test_the_worst_views_come_first_and_held_out_ones_only_where_views_are_enhanced(generated: Folder) -> None:
    from maquette.steps import evaluation

    scene, eval_set = load_saved_scene(generated.scene), evaluation.load(generated)
    assert eval_set is not None
    parent = generated.load_model(0)
    psnr = {m.view_index: m.psnr for m in parent.metrics if m.view_index is not None}
    found = select_views(scene, eval_set, parent, None, enhanced=True)
    assert list(found) == sorted(psnr, key=lambda index: psnr[index])[: len(found)]
    photos_only = select_views(scene, eval_set, parent, None, enhanced=False)
    assert not set(photos_only) & set(eval_set.held_out(scene))
