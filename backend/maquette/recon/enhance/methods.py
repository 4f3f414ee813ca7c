"""The list of enhancement methods, and which one is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from maquette.errors import MaquetteError
from maquette.progress import Progress
from maquette.recon.cuda.availability import device_files
from maquette.recon.enhance.classical import CLASSICAL
from maquette.recon.enhance.errors import SlowWithoutGpuError, UnknownMethodError
from maquette.recon.enhance.fixer import FIXER
from maquette.recon.enhance.method import Device, Enhancer, Method
from maquette.recon.enhance.none import NONE
from maquette.recon.enhance.request import Enhanced, EnhanceRequest
from maquette.recon.enhance.sdxl import SDXL
from maquette.recon.weights import Weights

METHODS: tuple[Method, ...] = (NONE, CLASSICAL, SDXL, FIXER)
"""A new method is one new file and one entry here."""

_PREFERRED = (FIXER, SDXL)
"""What runs when nobody chose: a fixer is made for renders and needs one step where SDXL takes many."""


@dataclass(frozen=True)
class Choice:
    """The method to use, and why it is that one; ``problems`` are those of the methods that were passed over."""

    method: Method
    reason: str
    problems: tuple[MaquetteError, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a step to record."""
        return {
            "method": self.method.name,
            "reason": self.reason,
            "problems": [problem.as_dict() for problem in self.problems],
        }


def find_method(name: str) -> Method:
    """The method of this name. Raises :class:`UnknownMethodError`."""
    for method in METHODS:
        if method.name == name:
            return method
    raise UnknownMethodError(name, tuple(method.name for method in METHODS))


def choose_method(wanted: str | None, weights: Weights, *, gpu: bool | None = None) -> Choice:
    """The method that was asked for, or, where none was, the best one whose weights and a GPU are here, else ``none``.

    A method that was asked for by name is never replaced: what stands in its way is raised. ``gpu``: whether one is
    here (None: look).
    """
    if wanted is not None:
        method = find_method(wanted)
        problem = method.problem(weights)
        if problem is not None:
            raise problem
        return Choice(method, f"'{wanted}' was asked for.")
    problems: list[MaquetteError] = []
    with_gpu = bool(device_files()) if gpu is None else gpu
    for method in _PREFERRED:
        problem = method.problem(weights) or (None if with_gpu else SlowWithoutGpuError(method.name))
        if problem is None:
            return Choice(method, f"The weights of '{method.name}' are on this machine.", tuple(problems))
        problems.append(problem)
    reason = "No enhancement model can be used on this machine: views are not enhanced, the source photos alone teach."
    return Choice(NONE, reason, tuple(problems))


@contextmanager
def open_method(method: Method | str, weights: Weights | None = None, device: Device = "auto") -> Iterator[Enhancer]:
    """Load a method once, to enhance any number of views. Raises what stands in its way."""
    chosen = find_method(method) if isinstance(method, str) else method
    with chosen.open(weights or Weights(), device) as enhancer:
        yield enhancer


def enhance(
    request: EnhanceRequest,
    method: Method | str = NONE,
    weights: Weights | None = None,
    *,
    device: Device = "auto",
    progress: Progress | None = None,
) -> Enhanced:
    """Enhance one view. For several, :func:`open_method` loads the model only once."""
    with open_method(method, weights, device) as enhancer:
        return enhancer(request, progress)
