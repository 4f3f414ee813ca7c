"""What became of one photo: a scene, and what must be said about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jaxtyping import UInt8
from numpy import ndarray

from maquette.recon.capture import Reason
from maquette.recon.scene import Scene


@dataclass(frozen=True)
class Angle:
    """From where a view looks: degrees to the right of the input view and above the horizon (a relief: above it)."""

    name: str
    azimuth_deg: float
    elevation_deg: float
    unknown_share: float = 0.0


@dataclass(frozen=True, eq=False)
class SingleViews:
    """The scene of one photo.

    ``method`` names what made its views and, of a relief, what its depth is from. ``made`` counts the views beside the
    photo itself, of ``requested``. All of ``scene.views`` are to be trained on: views that were made measure nothing,
    so none is held out. ``mask`` is the object's in the photo, None for a whole picture. ``degraded``: something stood
    in for the real thing; ``warnings`` say what. ``details`` are plain values for a record.
    """

    scene: Scene
    method: str
    degraded: bool
    warnings: tuple[Reason, ...]
    requested: int
    made: int
    angles: tuple[Angle, ...]
    mask: UInt8[ndarray, "h w"] | None
    details: dict[str, Any]

    @property
    def training(self) -> tuple[int, ...]:
        """Indices of the views to train on: all."""
        return tuple(range(len(self.scene.views)))


def fewer_views(requested: int, made: int, why: str) -> tuple[Reason, ...]:
    """The warning that fewer views were made than asked for, where that is so."""
    if made >= requested:
        return ()
    return (
        Reason(
            "fewer_views_than_asked",
            f"{requested} views were asked for and {made} made: {why}.",
            "Take more photos around the object for a whole model.",
        ),
    )
