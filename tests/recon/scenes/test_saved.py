"""Scenes in our own form: moved, written onto themselves, damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.recon.scenes.given import assert_same_cameras

from maquette.errors import MaquetteError
from maquette.recon.scene_files import load_saved_scene, load_scene, save_scene
from maquette.recon.synthetic import SyntheticCapture


def test_our_own_form_can_be_moved(capture: SyntheticCapture, tmp_path: Path) -> None:
    truth = capture.scene(points=30)
    save_scene(truth, tmp_path / "one")
    save_scene(load_saved_scene(tmp_path / "one"), tmp_path / "one")  # onto itself: nothing is lost
    shutil.move(tmp_path / "one", tmp_path / "two")
    for scene in (load_saved_scene(tmp_path / "two"), load_scene(tmp_path / "two", cache_dir=tmp_path / "cache")):
        assert_same_cameras(scene, capture)
        assert np.array_equal(scene.points, truth.points)
        assert np.array_equal(scene.colors, truth.colors)
        assert all(view.image_path.is_relative_to(tmp_path / "two") for view in scene.views)


def test_our_own_form_damaged(capture: SyntheticCapture, tmp_path: Path) -> None:
    save_scene(capture.scene(points=30), tmp_path / "one")
    (tmp_path / "one" / "cameras.json").write_text('{"views": [{}]}')
    with pytest.raises(MaquetteError) as raised:
        load_saved_scene(tmp_path / "one")
    assert raised.value.code == "scene_unreadable"
    with pytest.raises(MaquetteError) as raised:
        load_saved_scene(tmp_path / "none")
    assert raised.value.code == "scene_not_found"
