"""Zero123++'s cameras and its sheet of views are where its authors have them; the object is shown as it wants."""

from __future__ import annotations

import numpy as np
import pytest
from tests.recon.single.conftest import vase

from maquette.models.registry import find_model
from maquette.recon.background import Removed
from maquette.recon.single.crop import square_crop
from maquette.recon.single.errors import ViewsFailedError
from maquette.recon.single.view_models import HALF_EXTENT, KNOWN, ZERO123PLUS


def test_cameras_stand_where_the_angles_say() -> None:
    made = KNOWN[ZERO123PLUS]
    assert made.azimuths_deg == (30, 90, 150, 210, 270, 330)
    assert made.elevations_deg == (20, -10, 20, -10, 20, -10)
    for camera, azimuth, elevation in zip(made.cameras(), made.azimuths_deg, made.elevations_deg, strict=True):
        centre = camera.centre
        distance = np.linalg.norm(centre)
        assert 2 * np.degrees(np.arctan(camera.height / 2 / camera.fy)) == pytest.approx(30)
        assert distance * np.tan(np.radians(15)) == pytest.approx(HALF_EXTENT)
        # y points down; azimuth 0 stands at -z and goes to the right, which is +x there.
        assert np.degrees(np.arcsin(-centre[1] / distance)) == pytest.approx(elevation)
        assert np.degrees(np.arctan2(centre[0], -centre[2])) % 360 == pytest.approx(azimuth)
        at = camera.camera_from_world @ [0, 0, 0, 1]
        assert at[:3] == pytest.approx([0, 0, distance], abs=1e-9), "all look at the middle"
        assert camera.camera_from_world[1, 1] > 0, "upright"


def test_the_sheet_is_read_line_by_line() -> None:
    sheet = np.zeros((960, 640, 3), np.float32)
    for place in range(6):
        top, left = place // 2 * 320, place % 2 * 320
        sheet[top : top + 320, left : left + 320] = (place + 1) / 10
    views = KNOWN[ZERO123PLUS].cut("zero123plus", sheet[None])
    assert [sorted({int(level) for level in view.ravel()}) for view in views] == [
        [round(255 * (place + 1) / 10)] for place in range(6)
    ]
    with pytest.raises(ViewsFailedError, match="2 pictures instead of 1"):
        KNOWN[ZERO123PLUS].cut("zero123plus", [sheet, sheet])


def test_the_object_fills_the_middle_of_a_grey_square() -> None:
    pixels, mask = vase()
    for side in (320, 900):
        square = square_crop(pixels, Removed(mask, "grabcut", True, 1.0), side, 0.1, 127)
        assert square.shape == (side, side, 3)
        object_here = np.abs(square.astype(int) - 127).max(axis=2) > 6
        rows, columns = np.flatnonzero(object_here.any(axis=1)), np.flatnonzero(object_here.any(axis=0))
        assert rows[0] == pytest.approx(0.1 * side, abs=3) and rows[-1] == pytest.approx(0.9 * side, abs=3)
        assert columns[0] + columns[-1] == pytest.approx(side, abs=4)
        assert (square[0] == 127).all() and (square[:, -1] == 127).all()


def test_what_is_known_here_can_be_pulled() -> None:
    for name in KNOWN:
        entry = find_model(name)
        assert (entry.kind, entry.brings_code, entry.commercial) == ("diffusers", True, False)
