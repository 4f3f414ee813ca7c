"""A camera on one spot, through the whole search: it places every photo, and the doctor says what that is worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from maquette.recon.cameras import Camera
from maquette.recon.doctor import judge_placed
from maquette.recon.sfm import SfmSettings, place_cameras
from maquette.recon.synthetic import photograph
from maquette.recon.synthetic.diorama import VILLAGE
from maquette.recon.synthetic.orbit import look_at


def test_a_panorama_is_told_from_a_capture(tmp_path: Path) -> None:
    up, eye = np.array([0.0, 0.0, 1.0]), np.array([3.5, -2.5, 2.4])
    ahead = np.array([0.0, 0.0, 0.3]) - eye
    (tmp_path / "images").mkdir()
    for index, angle in enumerate(np.radians(np.linspace(-20, 20, 6))):
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        camera = Camera(400, 300, 410.0, 410.0, 200.0, 150.0, look_at(eye, eye + turn @ ahead, up))
        Image.fromarray(photograph(VILLAGE, camera)).save(tmp_path / "images" / f"{index}.jpg", quality=94)
    found = place_cameras(tmp_path / "images", tmp_path / "work", settings=SfmSettings(max_features=1500))
    assert found.flat_share > 0.9
    verdict = judge_placed(found)
    assert verdict.status == "warning"
    assert "turned_only" in [reason.code for reason in verdict.reasons]
