"""The photos that measure: fixed once, and again only where nothing was."""

from __future__ import annotations

from pathlib import Path

from tests.steps.conftest import Recorder

from maquette.recon.scenes.saved import load_saved_scene
from maquette.steps import evaluation
from maquette.steps.folder import Folder


def test_a_project_that_held_nothing_out_fixes_its_photos_when_it_has_some(scene_folder: Path, tmp_path: Path) -> None:
    folder, scene, sink = Folder(tmp_path), load_saved_scene(scene_folder), Recorder()
    evaluation.none_held_out(folder, 100)
    fixed = evaluation.fix(folder, scene, 160, sink)
    assert fixed.names == ("0000.jpg", "0008.jpg") and fixed.long_side == 160
    assert evaluation.fix(folder, scene, 320, sink) == fixed == evaluation.load(folder), "from then on they stay"
    assert sink.warnings == []
