"""The model rendered from the six views against what was sent: colours and depths, whole pictures.

As published systems for this input measure: the picture as it was sent, its own background and shadows included,
against the render before white; depth in the depth render's own numbers, 0 to 1, over pixels where both show something.
All six views were trained on: these numbers say how well the input is reproduced, not how the object looks from
elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from maquette.recon.depth.maps import MIN_ALPHA
from maquette.recon.evaluate import to_8_bit
from maquette.recon.gaussians import Gaussians
from maquette.recon.metrics import psnr, ssim
from maquette.recon.rasterize import rasterize
from maquette.recon.rig.reading import RigView
from maquette.recon.rig.rig import Rig
from maquette.recon.rig.scene import WHITE
from maquette.recon.rig.sides import Side

DEFINITION = "whole picture as sent, against the render before white"
SPLIT = "input views, all trained on"


@dataclass(frozen=True)
class SideMetric:
    """``psnr`` in dB, ``ssim`` up to 1, of ``width`` x ``height`` pixels; ``depth_mae`` and ``depth_rmse`` in the depth
    render's numbers, 0 to 1; ``depth_coverage``: share of the depth render's object where the model has a depth (where
    it has none, there is no error: None).
    """

    side: Side
    psnr: float
    ssim: float
    depth_mae: float | None
    depth_rmse: float | None
    depth_coverage: float
    width: int
    height: int


def measure_rig(
    gaussians: Gaussians, views: Sequence[RigView], rig: Rig, *, long_side_px: int | None = None
) -> tuple[SideMetric, ...]:
    """Measure every side at the size it was sent, or at most ``long_side_px``."""
    measured = []
    for view, side in zip(views, rig.sides, strict=True):
        camera = side.camera.resized_to(long_side_px) if long_side_px else side.camera
        size = (camera.width, camera.height)
        shown = rasterize(gaussians, camera, outputs={"image", "alpha", "median_depth"}, background=WHITE)
        sent = cv2.resize(side.lie.unmirrored(view.pixels), size, interpolation=cv2.INTER_AREA)
        values = cv2.resize(side.lie.unmirrored(view.values), size, interpolation=cv2.INTER_NEAREST)
        known = cv2.resize(
            side.lie.unmirrored(view.known).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST
        ).astype(np.bool_)
        both = known & (shown.alpha >= MIN_ALPHA) & (shown.median_depth > 0)
        errors = (side.values(shown.median_depth) - values)[both].astype(np.float64)
        render = to_8_bit(np.ascontiguousarray(shown.image.transpose(2, 0, 1)))
        measured.append(
            SideMetric(
                side=view.side,
                psnr=psnr(render, sent),
                ssim=ssim(render, sent),
                depth_mae=float(np.abs(errors).mean()) if both.any() else None,
                depth_rmse=float(np.sqrt(np.square(errors).mean())) if both.any() else None,
                depth_coverage=float(both.sum() / known.sum()),
                width=camera.width,
                height=camera.height,
            )
        )
    return tuple(measured)
