"""What the machine that carries out a step lets it read and make: ``limits.json`` in the step's folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from maquette.recon.train_settings import TrainSettings
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import Warn
from maquette.steps.sink import Sink


@dataclass(frozen=True)
class StepLimits:
    """None: the step's own. On the command line nobody sets any."""

    max_pixels: int | None = None
    """Width times height of a photo."""
    max_gaussians: int | None = None
    """Of one model. A preset that makes more is lowered to it, with a warning."""


def write_limits(folder: Folder, limits: StepLimits) -> None:
    """Write what :func:`read_limits` reads."""
    write_json(folder.root / "limits.json", asdict(limits))


def read_limits(folder: Folder) -> StepLimits:
    """The limits of this machine; none where nobody wrote any."""
    path = folder.root / "limits.json"
    return StepLimits(**json.loads(path.read_text())) if path.exists() else StepLimits()


def lowered(settings: TrainSettings, limits: StepLimits, sink: Sink) -> TrainSettings:
    """Settings whose model stays within the limits; where that is less than they ask for, the user is told."""
    most = limits.max_gaussians
    if most is None or settings.max_gaussians <= most:
        return settings
    sink.warn(
        Warn(
            code="gaussians_limited",
            message=f"The model has at most {most} Gaussians, which is this server's limit, where"
            f" {settings.max_gaussians} were asked for.",
            suggestion="Choose a smaller preset, or raise MAQUETTE_MAX_GAUSSIANS on the server.",
        )
    )
    return replace(settings, max_gaussians=most)
