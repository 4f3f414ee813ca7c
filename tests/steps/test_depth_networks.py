"""Generate with a depth network in the models folder: priors, depth maps, and what is told where it is of no use."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

from tests.recon.sfm.test_known_poses import as_opengl, write_transforms
from tests.steps.conftest import Recorder, StoppedError
from tests.steps.depth_models import NAME, install, ramp
from tests.steps.test_replacement import patched, wait_for

from maquette.recon.depth.maps import read_depth_map
from maquette.recon.depth.priors import read_depth_prior
from maquette.recon.scenes.saved import load_saved_scene
from maquette.recon.synthetic import SyntheticCapture, make_capture
from maquette.steps import STEPS
from maquette.steps.depth import make_depth_maps
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import DepthMap, DepthMaps, RenewedViews, Views

WIDTH, HEIGHT, PHOTOS = 320, 240, 5
GENERATE = {"preset": "fastest", "iterations": 4, "long_side": 120, "max_gaussians": 6000, "seed": 3}
FITTED = ("confidence", "scale", "shift", "residual", "inlier_share", "points")


@pytest.fixture(scope="session")
def village(tmp_path_factory: pytest.TempPathFactory) -> SyntheticCapture:
    return make_capture(tmp_path_factory.mktemp("village"), views=PHOTOS, width=WIDTH, height=HEIGHT)


@pytest.fixture(scope="session")
def placed_folder(village: SyntheticCapture, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An attempt that ended when the cameras had been found, before the first prior."""
    folder = Folder(tmp_path_factory.mktemp("placed") / "run")
    names = [f"{index:04d}.jpg" for index in range(PHOTOS)]
    folder.images.mkdir(parents=True)
    for name, path in zip(names, village.paths, strict=True):
        shutil.copyfile(path, folder.images / name)
    index = [
        {"name": name, "filename": f"IMG_{name}", "original_width": WIDTH, "original_height": HEIGHT} for name in names
    ]
    write_json(folder.root / "images.json", index)
    write_transforms(folder.poses, [f"IMG_{name}" for name in names], as_opengl(village), village.cameras[0])
    with pytest.raises(StoppedError):
        STEPS["generate"].run(folder.root, GENERATE, Recorder(stop=lambda stage, message: stage == "priors"))
    return folder.root


@pytest.fixture
def placed(placed_folder: Path, tmp_path: Path) -> Folder:
    shutil.copytree(placed_folder, tmp_path / "run")
    return Folder(tmp_path / "run")


def maps_of(sink: Recorder) -> tuple[DepthMap, ...]:
    (found,) = [record for record in sink.records if isinstance(record, DepthMaps)]
    return found.depth_maps


def views_of(sink: Recorder) -> Views:
    (found,) = [record for record in sink.records if isinstance(record, Views)]
    return found


def codes(sink: Recorder) -> dict[str, bool]:
    """What was warned of, and whether it stood in for the real thing."""
    told = [warning.code for warning in sink.warnings]
    assert len(set(told)) == len(told), "said twice"
    return {warning.code: warning.degraded for warning in sink.warnings}


def generate(folder: Folder, **more: Any) -> Recorder:
    sink = Recorder()
    STEPS["generate"].run(folder.root, {**GENERATE, **more}, sink)
    return sink


def test_a_network_gives_depth_maps_and_what_the_first_gaussians_are_sown_from(
    placed: Folder, village: SyntheticCapture, tmp_path: Path
) -> None:
    file = install(placed, tmp_path / "models", ramp(tmp_path / "ramp.onnx"))
    sink = generate(placed)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert not any(codes(sink).values()) and "depth_from_model" not in codes(sink)

    depths = maps_of(sink)
    assert [one.method for one in depths] == [NAME] * PHOTOS
    for one in depths:
        assert 0.3 < (one.confidence or 0) <= 1 and (one.residual or 1) < 0.05 and (one.scale or 0) > 0
        assert (one.points or 0) > 100 and 0.5 < (one.inlier_share or 0) <= 1 and one.shift is not None
        assert (one.details["revision"], one.details["sha256"], one.details["provider"]) == ("local", digest, "cpu")
        assert (one.details["input_width"], one.details["width"], one.details["height"]) == (112, 120, 90)
        assert one.depth.made_from == (f"sfm/scene/images/{one.view_index:04d}.jpg", "sfm/scene/points.npz")
        found = read_depth_map(placed.root / one.depth.path)
        assert found.shape == (90, 120) and (placed.root / one.heatmap.path).is_file()
        # The ground is where the network says it is; what stands on it is not.
        truth = village.depth(one.view_index)[4::8, 4::8]
        error = np.abs(found[1::3, 1::3] - truth) / truth
        assert np.median(error) < 0.06
        assert one.depth_min == pytest.approx(found[found > 0].min(), rel=1e-3)

    views = views_of(sink).views
    assert [view.prior is not None for view in views] == [view.split == "training" for view in views]
    assert "training" in {view.split for view in views} and "held_out" in {view.split for view in views}
    (model,) = sink.models
    assert model.details["settings"]["depth_seeds"] and model.details["settings"]["depth_weight"] == 0
    for view in views:
        if view.prior is None:
            assert "prior" not in view.details
            continue
        assert view.prior.made_from == (f"images/{view.name}",) and view.prior.path in model.model.made_from
        assert (view.details["prior"]["method"], view.details["prior"]["sha256"]) == (NAME, digest)
        assert view.details["prior"]["scale"] > 0
        assert (read_depth_prior(placed.root / view.prior.path, view.name, WIDTH, HEIGHT) > 0).mean() > 0.5
    assert model.num_gaussians > 2 * len(load_saved_scene(placed.scene).points)


def test_without_a_network_points_are_interpolated_and_depth_maps_rendered_and_both_said(placed: Folder) -> None:
    sink = generate(placed)
    assert codes(sink)["depth_classical"] is True and codes(sink)["depth_from_model"] is False
    (told,) = [warning for warning in sink.warnings if warning.code == "depth_from_model"]
    assert f"models pull {NAME}" in told.suggestion
    for one in maps_of(sink):
        assert one.method == "rendered_median" and all(getattr(one, name) is None for name in FITTED)
    methods = [view.details["prior"]["method"] for view in views_of(sink).views if view.prior is not None]
    assert set(methods) == {"classical_interpolated"}


def test_a_network_that_contradicts_the_points_is_passed_over_view_by_view(placed: Folder, tmp_path: Path) -> None:
    install(placed, tmp_path / "models", ramp(tmp_path / "ramp.onnx", near_below=False))
    sink = generate(placed)
    told = [warning for warning in sink.warnings if warning.code == "depth_network_disagrees"]
    assert len(told) == 2 and all(warning.degraded and NAME in warning.message for warning in told)
    assert "IMG_0001.jpg" in told[1].message and f"{PHOTOS} of {PHOTOS} views" in told[1].message
    for one in maps_of(sink):
        assert one.method == "rendered_median" and one.details["passed_over"]["code"] == "depth_not_aligned"
        assert one.details["passed_over"]["details"]["points"] > 100
    assert {view.details["prior"]["passed_over"]["code"] for view in views_of(sink).views if view.prior} == {
        "depth_not_aligned"
    }


@pytest.mark.parametrize(
    ("kind", "code"), [("corrupt", "depth_model_broken"), ("absent", "depth_model_broken"), ("planes", "depth_failed")]
)
def test_a_network_that_cannot_be_used_is_named_and_the_step_goes_on(
    generated: Folder, tmp_path: Path, kind: str, code: str
) -> None:
    good = ramp(tmp_path / "ramp.onnx", planes=2 if kind == "planes" else 1).read_bytes()
    file = install(generated, tmp_path / "models", good[: len(good) // 2] if kind == "corrupt" else good)
    if kind == "absent":
        file.rename(file.with_name("other.onnx"))
    sink = Recorder()
    found = make_depth_maps(generated, load_saved_scene(generated.scene), generated.load_model(0), 120, sink, views=[2])
    assert codes(sink)[code] is True
    assert [one.method for one in found.depth_maps] == ["rendered_median"]
    assert str(tmp_path) not in str(sink.warnings)


def test_weights_whose_licence_was_not_accepted_are_not_used_and_that_is_said(
    generated: Folder, tmp_path: Path
) -> None:
    network = ramp(tmp_path / "ramp.onnx")
    install(generated, tmp_path / "models", network, allow=False, name="depth-anything-v2-base")
    scene, model = load_saved_scene(generated.scene), generated.load_model(0)
    sink = Recorder()
    (one,) = make_depth_maps(generated, scene, model, 120, sink, views=[1]).depth_maps
    assert one.method == "rendered_median"
    assert "depth-anything-v2-base" in sink.warnings[0].suggestion and "CC-BY-NC" in sink.warnings[0].suggestion
    install(generated, tmp_path / "models", network, allow=True, name="depth-anything-v2-base")
    (one,) = make_depth_maps(generated, scene, model, 120, Recorder(), views=[1]).depth_maps
    assert one.method == "depth-anything-v2-base"


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_gpu_that_is_listed_and_not_used_is_told_of(
    generated: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    install(generated, tmp_path / "models", ramp(tmp_path / "ramp.onnx"))
    there = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    sink = Recorder()
    scene = load_saved_scene(generated.scene)
    (one,) = make_depth_maps(generated, scene, generated.load_model(0), 120, sink, views=[0]).depth_maps
    assert (one.method, one.details["provider"]) == (NAME, "cpu")
    assert codes(sink) == {"depth_on_cpu": False}


@pytest.mark.parametrize("kept", [False, True], ids=["views_not_kept", "views_kept"])
def test_priors_of_a_killed_attempt_are_not_made_again(placed: Folder, tmp_path: Path, kept: bool) -> None:
    install(placed, tmp_path / "models", ramp(tmp_path / "ramp.onnx"))
    first = Recorder(stop=lambda stage, message: "iteration 3/" in message)
    with pytest.raises(StoppedError):
        STEPS["generate"].run(placed.root, GENERATE, first)
    files = {path: path.stat().st_mtime_ns for path in (placed.scene / "depths").iterdir()}
    work = (placed.training / "work.json").read_text()
    assert len(files) == PHOTOS - 1
    if kept:
        write_json(placed.root / "project.json", {"views_kept": True})
    second = generate(placed)
    assert "priors" not in {stage for stage, _, _ in second.progressed}
    assert {path: path.stat().st_mtime_ns for path in (placed.scene / "depths").iterdir()} == files
    assert (placed.training / "work.json").read_text() == work, "training goes on with what it began with"
    if not kept:
        assert views_of(second) == views_of(first)
        assert [warning.code for warning in second.warnings] == [warning.code for warning in first.warnings]


def test_priors_that_were_half_made_are_made_again(placed: Folder, tmp_path: Path) -> None:
    install(placed, tmp_path / "models", ramp(tmp_path / "ramp.onnx"))
    with pytest.raises(StoppedError):
        stop = Recorder(stop=lambda stage, message: stage == "priors" and message == "0002.jpg")
        STEPS["generate"].run(placed.root, GENERATE, stop)
    assert len(list((placed.scene / "depths").iterdir())) == 1
    assert sum(view.prior is not None for view in views_of(generate(placed)).views) == PHOTOS - 1


def test_a_refine_asks_the_network_for_the_depth_of_the_photo_that_was_replaced(placed: Folder, tmp_path: Path) -> None:
    install(placed, tmp_path / "models", ramp(tmp_path / "ramp.onnx"))
    generate(placed)
    wait_for(placed, patched(placed, 2), 2)
    sink = Recorder()
    refine = {"from_version": 0, "num_iterations": 1, "steps_per_iteration": 2, "convergence_threshold": 0}
    STEPS["refine"].run(placed.root, refine, sink)
    (one,) = maps_of(sink)
    assert (one.view_index, one.method) == (2, NAME)
    assert "sfm/scene/images/0002.jpg" in one.depth.made_from
    (renewed,) = [record for record in sink.records if isinstance(record, RenewedViews)]
    assert renewed.views[0].prior is None
    # What the old photo was sown from says nothing of the new one.
    still = [view.name for view in load_saved_scene(placed.scene).views if view.depth_path is not None]
    assert still == ["0001.jpg", "0003.jpg", "0004.jpg"]
    (model,) = sink.models
    assert not any("0002.jpg.npy" in path for path in model.model.made_from)
