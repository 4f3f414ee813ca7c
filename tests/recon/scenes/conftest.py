"""One capture whose cameras are known, for scenes given as files."""

from __future__ import annotations

import pytest

from maquette.recon.synthetic import SyntheticCapture, make_capture


@pytest.fixture(scope="session")
def capture(tmp_path_factory: pytest.TempPathFactory) -> SyntheticCapture:
    return make_capture(tmp_path_factory.mktemp("scene"), views=8, width=320, height=240)
