"""All that is measured of a model from a number of views: each rendered once at full size, and small for its depth.

PSNR, SSIM and LPIPS compare with the photo; depth consistency and coverage look at the model alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maquette.recon.depth_consistency import LONG_SIDE_PX, depth_consistency
from maquette.recon.evaluate import Comparison, compare
from maquette.recon.gaussians import Gaussians
from maquette.recon.lpips import Lpips, fits
from maquette.recon.masks import shrunk_weights
from maquette.recon.metrics import psnr, ssim
from maquette.recon.rasterize import rasterize
from maquette.recon.sanity import Shown, look_of
from maquette.recon.scene import Scene

COLOUR = "sRGB 8-bit, as photographed"
"""How colours are compared: the values of the files, both rounded to 8 bit, no exposure or white balance fitted."""


@dataclass(frozen=True)
class Measured:
    """One view's numbers, with the size in pixels they were taken at and whether a mask said what counts.

    ``lpips`` is None without its weights or for a picture it cannot see; ``depth_consistency`` where no other view
    shows what this one does.
    """

    view_index: int
    psnr: float
    ssim: float
    lpips: float | None
    depth_consistency: float | None
    width: int
    height: int
    masked: bool
    shown: Shown


def measure(
    gaussians: Gaussians, scene: Scene, views: Sequence[int], *, max_side_px: int, lpips: Lpips | None = None
) -> list[Measured]:
    """Measure each of ``views``, at most ``max_side_px`` long. Raises ``unreadable_photo`` or ``bad_mask``."""
    consistent = depth_consistency(gaussians, [view.camera for view in scene.views], views)
    measured = []
    for seen in compare(gaussians, scene, views, max_side_px=max_side_px):
        height, width = seen.photo.shape[:2]
        measured.append(
            Measured(
                view_index=seen.view_index,
                psnr=psnr(seen.render, seen.photo, seen.weights),
                ssim=ssim(seen.render, seen.photo, seen.weights),
                lpips=lpips(seen.render, seen.photo, seen.weights) if lpips is not None and fits(seen.photo) else None,
                depth_consistency=consistent.get(seen.view_index),
                width=width,
                height=height,
                masked=seen.weights is not None,
                shown=_shown(gaussians, scene, seen),
            )
        )
    return measured


def _shown(gaussians: Gaussians, scene: Scene, seen: Comparison) -> Shown:
    camera = scene.views[seen.view_index].camera.resized_to(LONG_SIDE_PX)
    alpha = rasterize(gaussians, camera, outputs={"alpha"}).alpha
    weights = None if seen.weights is None else shrunk_weights(seen.weights, camera.width, camera.height)
    return look_of(alpha, seen.render, seen.photo, weights)
