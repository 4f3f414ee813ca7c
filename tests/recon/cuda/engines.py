"""The torch engine on each rasteriser: the twin, gsplat over its own definitions, and gsplat where there is a GPU."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from tests.recon.cuda.twin_rasterizer import rasterize_with_twin

from maquette.recon.cuda.rasterizing import DeviceRasterizer


@dataclass(frozen=True)
class Engine:
    """A device and its rasteriser; ``loose`` multiplies tolerances, for float32 with fast mathematics."""

    name: str
    device: torch.device
    rasterizer: DeviceRasterizer
    loose: float = 1.0


TWIN = Engine("twin", torch.device("cpu"), rasterize_with_twin)
