"""Points in the life of a run, told by what lies in its folder and in its records, not by the time that passed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Sight:
    """A run as it is seen: its row with counts of its records, and its folder where a worker has one."""

    run: dict[str, Any]
    folder: Path | None
    working: bool
    """Its step's process is there."""

    @property
    def status(self) -> str:
        return str(self.run["status"])

    @property
    def ended(self) -> bool:
        return self.status in ("completed", "failed", "cancelled")

    def there(self, *patterns: str) -> bool:
        """Whether the folder holds something by one of these names."""
        return self.folder is not None and any(any(self.folder.glob(pattern)) for pattern in patterns)

    def records(self, kind: str) -> int:
        return int(self.run[kind])


@dataclass(frozen=True)
class Moment:
    """``come``: whether it is reached; a moment that a run passed unseen counts as reached."""

    step: str
    name: str
    come: Callable[[Sight], bool]

    @property
    def during_sfm(self) -> bool:
        return self.name in ("features", "matching", "mapping")


def at_work(*patterns: str) -> Callable[[Sight], bool]:
    return lambda sight: sight.working and sight.there(*patterns)


MOMENTS = (
    Moment("generate", "queued", lambda sight: True),
    Moment("generate", "filling", lambda sight: sight.there("images.json", "images")),
    Moment("generate", "starting", lambda sight: sight.working),
    Moment("generate", "features", at_work("sfm/scratch/work/*.db", "sfm/scene")),
    Moment("generate", "matching", at_work("sfm/scratch/work/*.pairs.txt", "sfm/scene")),
    Moment("generate", "mapping", at_work("sfm/scratch/work/models_*", "sfm/scene")),
    Moment("generate", "undistorting", at_work("sfm/scratch/work/undistorted", "sfm/scene")),
    Moment("generate", "keeping views", at_work("evaluation.json")),
    Moment("generate", "training", at_work("training/work.json")),
    Moment("generate", "evaluation", at_work("training/settled.npz")),
    Moment("generate", "keeping the model", at_work("models/v*/preview.jpg")),
    Moment("generate", "depth", at_work("depth/*")),
    Moment(
        "generate", "keeping depth", lambda sight: sight.there("depth/*_heatmap.png") and sight.records("models") > 0
    ),
    Moment("generate", "ending", lambda sight: sight.records("depths") > 0),
    Moment("refine", "queued", lambda sight: True),
    Moment("refine", "filling", lambda sight: sight.there("models/v*")),
    Moment("refine", "starting", lambda sight: sight.working),
    Moment("refine", "round 1", at_work("models/v*/rendered-*")),
    Moment("refine", "keeping round 1", at_work("models/v*/preview.jpg")),
    Moment("refine", "round 2", lambda sight: sight.records("models") > 0),
    Moment("refine", "ending", lambda sight: sight.records("models") > 1),
    Moment("export", "queued", lambda sight: True),
    Moment("export", "starting", lambda sight: sight.working),
    Moment("export", "keeping", lambda sight: sight.there("exports/*")),
    Moment("export", "ending", lambda sight: sight.records("exports") > 0),
)
"""In the order in which a run passes them."""


def moments_of(step: str) -> list[Moment]:
    return [moment for moment in MOMENTS if moment.step == step]
