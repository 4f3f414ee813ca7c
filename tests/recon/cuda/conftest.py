"""The engine under test, on every rasteriser there is."""

from __future__ import annotations

import pytest
import torch
from tests.recon.cuda.engines import TWIN, Engine
from tests.recon.cuda.gsplat_definitions import put_definitions_behind_gsplat

from maquette.recon.cuda.errors import CudaExtraMissingError, CudaUnavailableError
from maquette.recon.cuda.gpu import open_gpu
from maquette.recon.cuda.rasterizing import rasterize_with_gsplat


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Pictures this small are not worth a second thread, and threads waiting for each other cost most of the time."""
    torch.set_num_threads(1)


GSPLAT = ["gsplat definitions", pytest.param("gsplat", marks=pytest.mark.cuda)]


@pytest.fixture(params=["twin", *GSPLAT])
def on(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The torch engine on each rasteriser; skipped, saying why, where gsplat or a GPU is missing."""
    return TWIN if request.param == "twin" else with_gsplat(request.param, monkeypatch)


@pytest.fixture(params=GSPLAT)
def on_gsplat(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The same without the twin."""
    return with_gsplat(request.param, monkeypatch)


def with_gsplat(name: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    if name == "gsplat definitions":
        put_definitions_behind_gsplat(monkeypatch)
        return Engine(name, torch.device("cpu"), rasterize_with_gsplat)
    try:
        return Engine(name, open_gpu(), rasterize_with_gsplat, loose=10.0)
    except (CudaExtraMissingError, CudaUnavailableError) as error:
        pytest.skip(f"{error.code}: {error.message}")
