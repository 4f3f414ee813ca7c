"""Depth of a placed view in the scene's units: by a network where there is one that agrees with the points, else by
the points alone, and always with how it was made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from numpy import ndarray

from maquette.errors import MaquetteError
from maquette.recon.atomic import replacing
from maquette.recon.cameras import Camera
from maquette.recon.depth.align import Alignment, align
from maquette.recon.depth.classical import INTERPOLATED, errors_unseen, interpolated
from maquette.recon.depth.confidence import confidence_map
from maquette.recon.depth.errors import DepthFailedError, DepthNotAlignedError
from maquette.recon.depth.estimator import DepthEstimate, DepthEstimator, UnfitPhotoError
from maquette.recon.depth.maps import DepthMapRecord, write_depth_map
from maquette.recon.depth.priors import shrunk_inverse_depth
from maquette.recon.depth.sightings import sight

NOT_BELIEVED = (DepthNotAlignedError, DepthFailedError, UnfitPhotoError)
"""Why a view has no depth of a network that works: what it says contradicts the points, is none, or none could be."""
PRIOR_CONFIDENCE = 0.15
"""Pixels trusted less teach nothing."""


@dataclass(frozen=True, eq=False)
class ViewDepth:
    """``inverse``: one over world units along z, 0 unknown; ``confidence``: 0 to 1.

    ``method`` is the network's name or ``classical_interpolated``, which is ``degraded``; then ``passed_over`` says
    why the network that was there was not believed (None: there was none).
    """

    inverse: Float32[ndarray, "h w"]
    confidence: Float32[ndarray, "h w"]
    method: str
    points: int
    alignment: Alignment | None = None
    estimate: DepthEstimate | None = None
    passed_over: MaquetteError | None = None

    @property
    def degraded(self) -> bool:
        """Whether no network said this."""
        return self.alignment is None

    @property
    def mean_confidence(self) -> float:
        """Over the pixels that have a depth."""
        known = self.inverse > 0
        return float(self.confidence[known].mean(dtype=np.float64)) if known.any() else 0.0

    def shown(self, mask: Bool[ndarray, "h w"]) -> ViewDepth:
        """With a depth only where ``mask`` is true: what was cut out of a photo has none."""
        return replace(self, inverse=np.where(mask, self.inverse, np.float32(0.0)))

    def resized(self, width: int, height: int) -> ViewDepth:
        """The same with fewer pixels."""
        confidence = cv2.resize(self.confidence, (width, height), interpolation=cv2.INTER_AREA)
        return replace(self, inverse=shrunk_inverse_depth(self.inverse, width, height), confidence=confidence)

    def details(self) -> dict[str, Any]:
        """For a record: everything but the pixels."""
        height, width = self.inverse.shape
        found: dict[str, Any] = {
            "method": self.method,
            "degraded": self.degraded,
            "width": width,
            "height": height,
            "points": self.points,
            "confidence": self.mean_confidence,
        }
        if self.alignment is not None:
            found |= self.alignment.as_dict()
        if self.estimate is not None:
            found |= {
                "revision": self.estimate.revision,
                "provider": self.estimate.provider,
                "input_width": self.estimate.input_size[0],
                "input_height": self.estimate.input_size[1],
                "tiles": self.estimate.tiles,
                "tiles_planned": self.estimate.tiles_planned,
            }
        if self.passed_over is not None:
            found["passed_over"] = self.passed_over.as_dict()
        return found


def view_depth(
    image: UInt8[ndarray, "h w 3"],
    camera: Camera,
    points: Float[ndarray, "n 3"],
    estimator: DepthEstimator | None = None,
    *,
    tiles: bool = False,
) -> ViewDepth:
    """Depth of an sRGB photo of exactly the ``camera``'s size, in the units of the sparse ``points``.

    Raises ``too_few_depth_points`` where neither the network nor the points can say anything.
    """
    passed_over: MaquetteError | None = None
    if estimator is not None:
        try:
            return network_depth(image, camera, points, estimator, tiles=tiles)
        except NOT_BELIEVED as error:
            passed_over = error
    seen = sight(camera, points)
    inverse = interpolated(image, seen)
    confidence = confidence_map(inverse, seen, errors_unseen(image, seen))
    return ViewDepth(inverse, confidence, INTERPOLATED, len(seen), passed_over=passed_over)


def network_depth(
    image: UInt8[ndarray, "h w 3"],
    camera: Camera,
    points: Float[ndarray, "n 3"],
    estimator: DepthEstimator,
    *,
    tiles: bool = False,
) -> ViewDepth:
    """The same by the network or not at all. Raises one of :data:`NOT_BELIEVED`."""
    seen = sight(camera, points)
    estimate = estimator(image, tiles=tiles)
    alignment = align(estimate.inverse, seen)
    inverse = alignment.inverse(estimate.inverse)
    # Farther than ten times the farthest point a line through points says nothing any more.
    inverse[inverse < 0.1 * seen.inverse.min()] = 0.0
    return ViewDepth(
        inverse, confidence_map(inverse, seen), estimate.method, len(seen), alignment=alignment, estimate=estimate
    )


def write_view_depth(found: ViewDepth, stem: Path) -> DepthMapRecord:
    """Write ``<stem>.png`` (16 bit, world units) and ``<stem>_heatmap.png``, with minimum, maximum and mean."""
    return write_depth_map(_depth(found.inverse), (found.inverse > 0).astype(np.float32), stem)


def write_depth_prior(found: ViewDepth, path: Path) -> bool:
    """Write what may teach a model as the .npy of :attr:`maquette.recon.scene.View.depth_path`: distances along z in
    world units, 0 where the depth is trusted less than :data:`PRIOR_CONFIDENCE`. False, and no file, if that is all.
    """
    depth = np.where(found.confidence >= PRIOR_CONFIDENCE, _depth(found.inverse), np.float32(0.0))
    if not depth.any():
        return False
    with replacing(path) as file:
        np.save(file, depth.astype(np.float32), allow_pickle=False)
    return True


def _depth(inverse: Float32[ndarray, "h w"]) -> Float32[ndarray, "h w"]:
    depth: Float32[ndarray, "h w"] = np.zeros_like(inverse)
    np.divide(1.0, inverse, out=depth, where=inverse > 0, casting="same_kind")
    return depth
