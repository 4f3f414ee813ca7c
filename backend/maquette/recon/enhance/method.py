"""What every enhancement method is: a name, whether it can be used here, and how to open it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from maquette.errors import MaquetteError
from maquette.progress import Progress
from maquette.recon.enhance.request import Enhanced, EnhanceRequest
from maquette.recon.weights import Weights

Device = Literal["auto", "cpu", "cuda"]


class Enhancer(Protocol):
    """An opened method, its model loaded once for any number of views."""

    def __call__(self, request: EnhanceRequest, progress: Progress | None = None) -> Enhanced:
        """Enhance one view. ``progress`` hears of the stage ``enhancing`` and may cancel by raising."""


@dataclass(frozen=True)
class Method:
    """One way to enhance a view."""

    name: str
    summary: str
    invents: bool
    """Whether it can show what no photo shows: such views must be weighed before they teach a model."""
    models: tuple[str, ...]
    """Names of the weights it needs."""
    problem: Callable[[Weights], MaquetteError | None]
    """Why it cannot be used with these weights, with what to do; None where it can."""
    open: Callable[[Weights, Device], AbstractContextManager[Enhancer]]
    """Load what is needed; raises what ``problem`` would say, and errors of broken folders."""
