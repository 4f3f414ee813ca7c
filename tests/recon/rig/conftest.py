"""One rig that several modules look at: solving it takes longer than anything that is done with it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tests.recon.rig.figure import Making, write

from maquette.recon.rig.reading import NamedFile, RigView, read_rig
from maquette.recon.rig.rig import Rig, solve_rig


@dataclass(frozen=True)
class Solved:
    """The six pictures and depths as they were sent, as they were read, and what was found out about them."""

    sent: tuple[list[NamedFile], list[NamedFile]]
    views: tuple[RigView, ...]
    rig: Rig


@pytest.fixture(scope="session")
def solved(tmp_path_factory: pytest.TempPathFactory) -> Solved:
    sent = write(Making(size=96), tmp_path_factory.mktemp("rig"))
    views = read_rig(*sent)
    return Solved(sent, views, solve_rig(views))
