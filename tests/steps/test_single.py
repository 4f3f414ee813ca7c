"""One photo through upload and generate: a relief that says what it is, or the views of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from tests.recon.single.conftest import diffusion as diffusion  # a fixture, used by its name
from tests.recon.single.conftest import vase
from tests.steps.conftest import Recorder, StoppedError

from maquette.models.manifest import ListedFile, Manifest, write_manifest
from maquette.models.registry import find_model
from maquette.recon.digest import sha256_of
from maquette.recon.enhance.errors import ModelCodeRefusedError
from maquette.recon.single.errors import BadViewsRequestError, SinglePhotoRefusedError
from maquette.steps import generate, upload
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import DepthMaps, Images, Model, Views

SHORT = {"preset": "fastest", "iterations": 30, "long_side": 96, "max_gaussians": 3000}


def sent(root: Path, pixels: np.ndarray, **parameters: Any) -> Folder:
    """The project after an upload of one photo."""
    folder = Folder(root)
    folder.incoming.mkdir(parents=True)
    Picture.fromarray(pixels).save(folder.incoming / "0000", "PNG")
    write_json(root / "incoming.json", [{"file": "0000", "filename": "vase.png", "field": "file"}])
    sink = Recorder()
    assert upload.run(root, parameters, sink) == {"images": 1, "usable": 1}
    (images,) = sink.records
    assert isinstance(images, Images)
    (image,) = images.images
    assert image.processed is not None
    index = {"name": "0000.jpg", "filename": image.filename, "kind": image.kind, "details": image.details}
    size = {"original_width": image.original_width, "original_height": image.original_height}
    write_json(root / "images.json", [{**index, **size}])
    return folder


def pulled(folder: Path) -> None:
    """The folder as a pull of the registry's revision leaves it: code runs only where it is listed."""
    entry = find_model(folder.name)
    files = {
        path.relative_to(folder).as_posix(): ListedFile(path.stat().st_size, sha256_of(path), "nothing")
        for path in folder.rglob("*")
        if path.is_file()
    }
    write_manifest(folder, Manifest(folder.name, entry.revision, "2026-01-01T00:00:00Z", files))


def record(sink: Recorder, kind: type) -> Any:
    return next(one for one in sink.records if isinstance(one, kind))


def test_one_photo_becomes_a_relief_of_fewer_views_and_says_so(tmp_path: Path) -> None:
    folder, sink = sent(tmp_path, vase()[0], remove_bg=True), Recorder()
    result = generate.run(tmp_path, SHORT, sink)
    views = record(sink, Views)
    assert views.statistics["method"] == "relief:classical_relief"
    assert views.statistics["views_requested"] == 16 and 2 <= views.statistics["views_made"] < 16
    assert views.statistics["details"]["background"] == "alpha", "the subject that upload found"
    assert len(views.views) == views.statistics["views_made"] + 1 == result["views_generated"]
    assert (result["photos"], result["photos_placed"], result["psnr"]) == (1, 1, None)
    assert views.eval_names == () and {view.split for view in views.views} == {"training"}
    for view in views.views:
        assert (view.photo, view.method) == ("0000.jpg", "relief:classical_relief")
        assert view.image.made_from == ("images/0000.jpg",) and abs(view.details["azimuth_deg"]) <= 10
    assert {one.code for one in sink.warnings if one.degraded} >= {"relief_only", "depth_made_up"}
    assert "fewer_views_than_asked" in {one.code for one in sink.warnings}
    model = record(sink, Model)
    assert {metric.split for metric in model.metrics} == {"training"}, "nothing may pass for held out"
    assert len(record(sink, DepthMaps).depth_maps) == len(views.views)

    # A killed attempt's views are used again; on another machine they come from the records.
    before = (folder.scene / "single.json").stat().st_mtime_ns
    again = Recorder(stop=lambda stage, message: stage == "training")
    with pytest.raises(StoppedError):
        generate.run(tmp_path, {**SHORT, "seed": 1}, again)
    assert (folder.scene / "single.json").stat().st_mtime_ns == before
    assert {one.code for one in again.warnings} >= {"relief_only"} and record(again, Views).views == views.views
    (folder.scene / "single.json").unlink()
    write_json(tmp_path / "project.json", {"views_kept": True, "versions_of_run": [0], "depth_maps_kept": 1})
    third = Recorder()
    assert generate.run(tmp_path, SHORT, third)["views_generated"] == len(views.views)
    assert third.records == []


def test_a_photo_that_no_views_can_be_made_of_is_refused_with_its_reasons(tmp_path: Path) -> None:
    thin = np.random.default_rng(1).integers(0, 255, (300, 1200, 3), dtype=np.uint8)
    sent(tmp_path / "thin", thin)
    with pytest.raises(SinglePhotoRefusedError, match=r"vase\.png"):
        generate.run(tmp_path / "thin", SHORT, Recorder())
    sent(tmp_path / "method", vase()[0])
    with pytest.raises(BadViewsRequestError, match="no method 'magic'"):
        generate.run(tmp_path / "method", {**SHORT, "view_method": "magic"}, Recorder())


@pytest.mark.usefixtures("diffusion")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_view_model_makes_its_six_and_its_code_runs_only_where_it_is_trusted(tmp_path: Path) -> None:
    from tests.recon.single.tiny import save_zero123plus

    models = tmp_path / "models"
    pulled(save_zero123plus(models / "zero123plus"))
    folder = sent(tmp_path / "project", vase()[0], remove_bg=True)
    wanted = {**SHORT, "view_method": "zero123plus"}
    folder.describe_machine(models, allow_noncommercial=True, trust_code=[])
    with pytest.raises(ModelCodeRefusedError):
        generate.run(folder.root, wanted, Recorder())

    folder.describe_machine(models, allow_noncommercial=True, trust_code=["zero123plus"])
    sink = Recorder()
    assert generate.run(folder.root, wanted, sink)["views_generated"] == 6
    views = record(sink, Views)
    assert [view.details["azimuth_deg"] for view in views.views] == [30, 90, 150, 210, 270, 330]
    assert views.statistics["method"].startswith("zero123plus") and views.statistics["views_made"] == 6
    assert "relief_only" not in {one.code for one in sink.warnings}
