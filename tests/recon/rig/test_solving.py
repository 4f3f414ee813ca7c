"""The solve finds again how pictures of a known figure were made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.recon.rig.conftest import Solved
from tests.recon.rig.figure import Making, rotation, write

from maquette.recon.rig.errors import RigDisagreesError
from maquette.recon.rig.reading import read_rig
from maquette.recon.rig.rig import solve_rig
from maquette.recon.rig.sides import SIDES

AS_CAPTURED = Making(
    field_of_view_deg=45.0,
    quarter_turns={"top": 2, "bottom": 1},
    mirrored=("bottom",),
    sides_swapped=True,
    object_scales={"top": 1.08, "left": 0.95},
)
WHITE_NEAR = Making(white_near=True, quarter_turns={"top": 3})


@pytest.mark.parametrize(
    ("making", "tolerance_deg"),
    # Where a depth scale begins is as free as the lens: with both unknown, one makes up for part of the other.
    [(AS_CAPTURED, 3.0), (WHITE_NEAR, 9.0)],
    ids=["all_at_once", "white_near"],
)
def test_the_making_is_found_again(making: Making, tolerance_deg: float, tmp_path: Path) -> None:
    rig = solve_rig(read_rig(*write(making, tmp_path)))
    assert rig.sides_swapped == making.sides_swapped
    assert rig.depth_model == ("white_near" if making.white_near else "proportional_white_far")
    assert rig.field_of_view_deg == pytest.approx(making.field_of_view_deg, abs=tolerance_deg)
    mean = np.exp(np.mean([np.log(making.object_scales.get(side, 1.0)) for side in SIDES]))
    for side in rig.sides:
        np.testing.assert_allclose(side.camera.camera_from_world[:3, :3], rotation(making, side.side), atol=1e-12)
        assert side.lie.mirrored == (side.side in making.mirrored)
        assert side.object_scale == pytest.approx(making.object_scales.get(side.side, 1.0) / mean, abs=0.03)
        assert side.agreement.outside + side.agreement.in_front < 0.1
    codes = {warning.code for warning in rig.warnings}
    assert ("rig_side_mirrored" in codes) == bool(making.mirrored)
    assert ("rig_scale_differs" in codes) == bool(making.object_scales)


def test_the_same_files_give_the_same_rig_in_any_order(solved: Solved) -> None:
    views, depths = solved.sent
    one, other = solved.rig, solve_rig(read_rig(views[::-1], depths[::-1]))
    assert one.field_of_view_deg == other.field_of_view_deg
    for a, b in zip(one.sides, other.sides, strict=True):
        assert a.camera.as_dict() == b.camera.as_dict()
        assert (a.offset, a.slope) == (b.offset, b.slope)


def test_sides_of_different_objects_are_refused(tmp_path: Path) -> None:
    views, depths = write(Making(size=96), tmp_path / "dog")
    other_views, other_depths = write(Making(size=96, field_of_view_deg=8.0, shown=1), tmp_path / "ball")
    with pytest.raises(RigDisagreesError) as caught:
        solve_rig(read_rig([*views[:3], *other_views[3:]], [*depths[:3], *other_depths[3:]]))
    assert caught.value.details["side"] in SIDES
