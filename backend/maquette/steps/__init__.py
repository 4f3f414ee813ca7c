"""The steps: a folder, parameters and a sink in; a result out. ``STEPS`` is the list; a new step is one entry.

Compute libraries are imported when a step runs, not when this list is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from maquette.steps.parameters import ExportParameters, GenerateParameters, RefineParameters, UploadParameters
from maquette.steps.sink import Sink

StepFunction = Callable[[Path, Mapping[str, Any], Sink], dict[str, Any]]


@dataclass(frozen=True)
class Step:
    """A step's name, what may be said to it, and the module whose ``run`` carries it out."""

    name: str
    parameters: type[BaseModel]
    module: str

    def run(self, folder: Path, parameters: Mapping[str, Any], sink: Sink) -> dict[str, Any]:
        """Carry the step out in ``folder`` and return its result."""
        return self.load()(folder, parameters, sink)

    def load(self) -> StepFunction:
        """The function that carries it out, with all that it imports."""
        return cast(StepFunction, import_module(self.module).run)


STEPS: dict[str, Step] = {
    step.name: step
    for step in (
        Step("upload", UploadParameters, "maquette.steps.upload"),
        Step("generate", GenerateParameters, "maquette.steps.generate"),
        Step("refine", RefineParameters, "maquette.steps.refine"),
        Step("export", ExportParameters, "maquette.steps.export"),
    )
}
"""Every step, in the order a project takes them."""
