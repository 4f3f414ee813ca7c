"""The torch engine on every rasteriser there is here: the twin on the CPU, and gsplat where it finds a GPU."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from tests.recon.cuda.twin_rasterizer import rasterize_with_twin

from maquette.errors import UnavailableError
from maquette.recon.cuda.gpu import open_gpu
from maquette.recon.cuda.rasterizing import DeviceRasterizer, rasterize_with_gsplat


@dataclass(frozen=True)
class Engine:
    """A device and its rasteriser; ``loose`` multiplies tolerances, for float32 with fast mathematics."""

    device: torch.device
    rasterizer: DeviceRasterizer
    loose: float


ENGINES = [pytest.param("twin"), pytest.param("gsplat", marks=pytest.mark.cuda)]


def engine(name: str) -> Engine:
    """The engine of this name; skips the test, saying why, where there is no GPU for gsplat."""
    if name == "twin":
        # Pictures this small are not worth a second thread, and threads that wait for each other cost most of the time.
        torch.set_num_threads(1)
        return Engine(torch.device("cpu"), rasterize_with_twin, 1.0)
    try:
        return Engine(open_gpu(), rasterize_with_gsplat, 10.0)
    except UnavailableError as error:
        pytest.skip(f"{error.code}: {error.message}")
