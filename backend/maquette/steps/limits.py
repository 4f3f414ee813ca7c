"""What the machine that carries out a step lets it read and make: ``limits.json`` in the step's folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from maquette.errors import TooLargeError
from maquette.recon.train_settings import TrainSettings
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import Warn
from maquette.steps.sink import Sink


class TooManyPhotosError(TooLargeError):
    """More photos than a project may hold."""

    code = "too_many_photos"


def too_many_photos(limit: int, already: int) -> TooManyPhotosError:
    """More than a project may hold, counting those that are there."""
    there = f"; {already} are there already" if already else ""
    return TooManyPhotosError(
        f"A project takes at most {limit} photos{there}.",
        suggestion="Leave out photos that show nearly the same view, or raise MAQUETTE_MAX_PHOTOS on the server.",
        max_photos=limit,
        already=already,
    )


@dataclass(frozen=True)
class StepLimits:
    """None: the step's own. On the command line nobody sets any."""

    max_pixels: int | None = None
    """Width times height of a photo."""
    max_gaussians: int | None = None
    """Of one model. A preset that makes more is lowered to it, with a warning."""
    photos: int | None = None
    """That a project may hold, whatever they come in."""
    photos_already: int = 0
    """That the project of an upload holds already."""
    file_bytes: int | None = None
    """Of one file out of an archive."""
    total_bytes: int | None = None
    """Of all files out of archives."""


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
