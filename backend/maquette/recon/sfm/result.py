"""What placing cameras found: plain data, stored as JSON beside the scene."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from jaxtyping import Float32, Int32
from numpy import ndarray

from maquette.recon.scene import Scene

DEGRADED_CODES = frozenset(
    {"cameras_relaxed", "points_from_silhouettes", "points_in_volume", "poses_unchecked", "turntable_assumed"}
)
"""Warnings of a result that a fallback stood in for: a run that carries one is degraded."""


@dataclass(frozen=True)
class Placement:
    """One photo: placed or not, and what it had to offer.

    ``features`` found in it; ``matched_photos`` share verified matches with it; ``points`` of the sparse cloud it
    sees. ``code``, ``sentence`` and ``action`` say why it was not placed; empty when it was.
    """

    name: str
    placed: bool
    features: int
    matched_photos: int
    points: int
    code: str = ""
    sentence: str = ""
    action: str = ""


@dataclass(frozen=True)
class Attempt:
    """One try at placing all photos; ``passed`` the gate or not."""

    name: str
    placed: int
    points: int
    mean_track_length: float
    passed: bool
    seconds: float


@dataclass(frozen=True, eq=False)
class Observations:
    """Which view saw which sparse point where: row i is point ``point[i]`` at ``xy[i]`` in view ``view[i]``.

    ``xy`` in pixels of the undistorted view, pixel centres at +0.5. The depth is the camera's z of the point.
    """

    view: Int32[ndarray, " m"]
    point: Int32[ndarray, " m"]
    xy: Float32[ndarray, "m 2"]


@dataclass(frozen=True, eq=False)
class SfmResult:
    """Cameras of the photos that could be placed.

    ``scene``: undistorted pinhole views in name order and sparse points, in an arbitrary world frame and scale.
    ``placements``: one per photo in name order. ``warnings``: ``{"code", "message", "suggestion"}`` each, of the
    gate's softer limits.
    ``reprojection_error_px``: mean over all observations, in pixels of the photos given.
    ``method``: the attempt whose cameras these are: ``as_set more_features camera_each relaxed
    turntable``, or ``known_poses``
    for cameras that came with the photos. ``points_from``: ``matches``, or what stood in for too few of them,
    ``silhouettes`` or ``volume``; points that came with the poses are among them.
    ``flat_share``: of the pairs of photos that share matches, those that a homography explains: their cameras only
    turned, or what they show is flat.
    ``seconds``: per stage (``features``, ``matching``, ``mapping``, ``undistort``), all attempts together.
    """

    scene: Scene
    placements: tuple[Placement, ...]
    attempts: tuple[Attempt, ...]
    warnings: tuple[dict[str, str], ...]
    observations: Observations
    mean_track_length: float
    reprojection_error_px: float
    seconds: dict[str, float]
    peak_memory_mb: float
    method: str = "as_set"
    points_from: str = "matches"
    flat_share: float = 0.0

    @property
    def placed(self) -> tuple[str, ...]:
        """Names of the photos that are views of the scene."""
        return tuple(photo.name for photo in self.placements if photo.placed)

    @property
    def dropped(self) -> tuple[Placement, ...]:
        """The photos that fell off, each with its reason."""
        return tuple(photo for photo in self.placements if not photo.placed)

    @property
    def point_count(self) -> int:
        """Sparse points."""
        return len(self.scene.points)

    def summary(self) -> dict[str, Any]:
        """For JSON: everything but the scene and the observations."""
        return {
            "photos": len(self.placements),
            "placed": list(self.placed),
            "dropped": [asdict(photo) for photo in self.dropped],
            "points": self.point_count,
            "mean_track_length": self.mean_track_length,
            "reprojection_error_px": self.reprojection_error_px,
            "warnings": list(self.warnings),
            "attempts": [asdict(attempt) for attempt in self.attempts],
            "seconds": self.seconds,
            "peak_memory_mb": self.peak_memory_mb,
            "method": self.method,
            "points_from": self.points_from,
            "flat_share": self.flat_share,
        }
