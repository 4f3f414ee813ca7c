"""The engine under test, on every rasteriser there is."""

from __future__ import annotations

import pytest
import torch
from tests.recon.cuda.engines import TWIN, Engine
from tests.recon.cuda.gsplat_definitions import put_definitions_behind_gsplat

from maquette.errors import UnavailableError
from maquette.recon.cuda.gpu import open_gpu
from maquette.recon.cuda.rasterizing import rasterize_with_gsplat


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Pictures this small are not worth a second thread, and threads waiting for each other cost most of the time."""
    torch.set_num_threads(1)


@pytest.fixture(params=["twin", "gsplat definitions", pytest.param("gsplat", marks=pytest.mark.cuda)])
def on(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The torch engine; tests of gsplat itself are skipped, saying why, where there is no GPU for it."""
    if request.param == "twin":
        return TWIN
    if request.param == "gsplat definitions":
        put_definitions_behind_gsplat(monkeypatch)
        return Engine(request.param, torch.device("cpu"), rasterize_with_gsplat)
    try:
        return Engine(request.param, open_gpu(), rasterize_with_gsplat, loose=10.0)
    except UnavailableError as error:
        pytest.skip(f"{error.code}: {error.message}")
