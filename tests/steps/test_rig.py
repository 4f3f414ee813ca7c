"""Six views with depth through upload and generate, on the real ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.steps.conftest import Recorder

from maquette.recon.rig.errors import RigCountError
from maquette.steps import generate, upload
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import Images, Model, Views

SIX = Path(__file__).parents[3] / "shared" / "captures" / "sixviews"
needs_captures = pytest.mark.skipif(not SIX.is_dir(), reason="the real six views are not here")


def sent(root: Path, leave_out: str = "") -> Folder:
    """The twelve pictures in ``incoming``, in no order."""
    (root / "incoming").mkdir()
    entries = []
    for field, folder in (("depth_renders", "depth_renders"), ("views", "multi_views")):
        for path in sorted((SIX / folder).glob("*.png"), reverse=True):
            if f"{folder}/{path.stem}" != leave_out:
                name = f"{len(entries):04d}"
                (root / "incoming" / name).symlink_to(path)
                entries.append({"file": name, "filename": path.name, "field": field})
    write_json(root / "incoming.json", entries)
    return Folder(root)


@needs_captures
def test_a_set_of_eleven_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    sink = Recorder()
    sent(tmp_path, leave_out="depth_renders/top")
    with pytest.raises(RigCountError):
        upload.run(tmp_path, {}, sink)
    assert sink.records == []


@needs_captures
def test_six_views_become_a_model_that_is_measured_against_them(tmp_path: Path) -> None:
    folder, sink = sent(tmp_path), Recorder()
    assert upload.run(tmp_path, {}, sink) == {"images": 12, "usable": 12}
    (images,) = sink.records
    assert isinstance(images, Images)
    sides = ["front", "back", "left", "right", "top", "bottom"]
    assert [(image.kind, image.details["side"]) for image in images.images] == [
        (kind, side) for kind in ("view", "depth_render") for side in sides
    ]
    index = [
        {
            "name": Path(image.processed.path).name,
            "filename": image.filename,
            "kind": image.kind,
            "details": image.details,
        }
        for image in images.images
        if image.processed
    ]
    write_json(folder.root / "images.json", index)

    sink = Recorder()
    result = generate.run(tmp_path, {"preset": "fastest", "iterations": 96, "long_side": 160}, sink)
    views, model = (next(r for r in sink.records if isinstance(r, kind)) for kind in (Views, Model))
    assert isinstance(views, Views) and isinstance(model, Model)
    assert [view.split for view in views.views] == ["training"] * 6 and views.eval_names == ()
    assert all(view.prior is not None and (tmp_path / view.prior.path).is_file() for view in views.views)
    assert views.statistics["method"] == "orthogonal_rig_by_depth_consistency"
    assert {metric.split for metric in model.metrics} == {"training"}, "nothing may pass for held out"
    measured = result["inputs_measured"]
    assert measured is not None and measured["psnr"] > 15 and measured["depth_mae"] < 0.1
    assert (result["psnr"], result["views_generated"], result["depth_maps_generated"]) == (None, 6, 6)

    again = Recorder()
    write_json(folder.root / "project.json", {"views_kept": True, "versions_of_run": [0], "depth_maps_kept": 6})
    assert generate.run(tmp_path, {"preset": "fastest", "iterations": 96, "long_side": 160}, again) == result
    assert again.records == [], "what was kept is not kept twice"
