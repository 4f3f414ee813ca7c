"""How close pictures of a painted mesh come to the photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.mesh.mesh import Mesh
from maquette.recon.mesh.raster import fill_mesh
from maquette.recon.mesh.raster_shading import shade
from maquette.recon.metrics import psnr, ssim
from maquette.recon.photos import load_photo
from maquette.recon.scene import Scene, View

MAX_SIDE_PX = 1600
"""Longer photos are compared at this size."""
BACKGROUND = (0, 0, 0)
"""Behind the mesh, where whole frames are compared."""


class MeshNotSeenError(BadInputError):
    """No photo to measure by shows the mesh."""

    code = "mesh_not_seen"


@dataclass(frozen=True)
class ViewQuality:
    """One photo. ``psnr`` (dB) and ``ssim`` of the pixels that the mesh covers, ``frame_psnr`` and ``frame_ssim`` of
    the whole frame with black where it covers nothing; of both only what the photo's mask counts.
    """

    name: str
    covered_share: float
    psnr: float
    ssim: float
    frame_psnr: float
    frame_ssim: float


@dataclass(frozen=True)
class MeshQuality:
    """Means over the photos in which the mesh is seen at all."""

    views: tuple[ViewQuality, ...]

    @property
    def psnr(self) -> float:
        """dB, of the pixels that the mesh covers."""
        return self._mean("psnr")

    @property
    def ssim(self) -> float:
        """Of the pixels that the mesh covers."""
        return self._mean("ssim")

    @property
    def frame_psnr(self) -> float:
        """dB, of whole frames, black where there is no mesh."""
        return self._mean("frame_psnr")

    @property
    def frame_ssim(self) -> float:
        """Of whole frames, black where there is no mesh."""
        return self._mean("frame_ssim")

    @property
    def covered_share(self) -> float:
        """Of the frames' pixels that count."""
        return self._mean("covered_share")

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON, per view too."""
        means = {name: self._mean(name) for name in ("psnr", "ssim", "frame_psnr", "frame_ssim", "covered_share")}
        return {**means, "per_view": [asdict(view) for view in self.views]}

    def _mean(self, name: str) -> float:
        return float(np.mean([getattr(view, name) for view in self.views]))


def measure_mesh(mesh: Mesh, scene: Scene, views: Sequence[int], *, max_side_px: int = MAX_SIDE_PX) -> MeshQuality:
    """Render ``mesh``, in the scene's frame, into the photos of ``views`` and compare.

    Photos that do not show it at all are left out. Raises :class:`MeshNotSeenError` where none does, and what
    reading a photo raises.
    """
    found = [quality for index in views if (quality := _measured(mesh, scene.views[index], max_side_px)) is not None]
    if not found:
        raise MeshNotSeenError(
            f"None of the {len(views)} photos to measure by shows the mesh.",
            suggestion="Give views of the scene that the mesh was made from, and the mesh in that scene's frame.",
            views=len(views),
        )
    return MeshQuality(tuple(found))


def _measured(mesh: Mesh, view: View, max_side_px: int) -> ViewQuality | None:
    photo = load_photo(view, 1.0, max_side_px)
    truth: UInt8[ndarray, "h w 3"] = np.ascontiguousarray(photo.pixels.transpose(1, 2, 0))
    picture = shade(mesh, photo.camera, background=BACKGROUND, head_light=False)
    counted = np.full(truth.shape[:2], 255, np.uint8) if photo.weights is None else photo.weights
    covered = np.where(fill_mesh(mesh, photo.camera).face >= 0, counted, np.uint8(0))
    if not covered.any():
        return None
    return ViewQuality(
        view.name,
        float(covered.sum(dtype=np.int64) / counted.sum(dtype=np.int64)),
        psnr(picture, truth, covered),
        ssim(picture, truth, covered),
        psnr(picture, truth, photo.weights),
        ssim(picture, truth, photo.weights),
    )
