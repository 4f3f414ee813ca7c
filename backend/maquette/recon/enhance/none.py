"""The method that changes nothing: refinement then optimises against the source photos alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from maquette.progress import Progress
from maquette.recon.enhance.method import Device, Enhancer, Method
from maquette.recon.enhance.request import Enhanced, EnhanceRecord, EnhanceRequest
from maquette.recon.weights import Weights


def unchanged(request: EnhanceRequest, progress: Progress | None = None) -> Enhanced:
    """A copy of the render, recorded as what it is."""
    return Enhanced(request.render.copy(), EnhanceRecord(method=NONE.name))


@contextmanager
def _open(weights: Weights, device: Device) -> Iterator[Enhancer]:
    yield unchanged


NONE = Method(
    name="none",
    summary="no change: the render as it is; refinement optimises against the source photos only",
    invents=False,
    models=(),
    problem=lambda weights: None,
    open=_open,
)
