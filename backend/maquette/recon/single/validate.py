"""The verdict on a lone photo before views are made of it: its size and shape, its sharpness, its object."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maquette.recon.background import Removed
from maquette.recon.capture import BLURRED_ABSOLUTE, Reason, Status, measure
from maquette.recon.images import Photo

LEAST_SIDE_PX, MOST_SIDE_PX = 256, 4096
LEAST_ASPECT, MOST_ASPECT = 0.33, 3.0
"""Width over height."""
LEAST_SHARE, SMALL_SHARE, LARGE_SHARE = 0.01, 0.05, 0.9
"""Of the picture, that the object takes: refused under the first, a warning under the second and over the third."""
CUT_OFF = 0.02
"""Share of the picture's border that may show object."""
SECOND_OBJECT = 0.2
"""Size of a further piece, of the largest, from which on it counts as an object of its own."""
UNSURE = 0.5
"""Confidence of a mask made by colour below which it may well be wrong."""


@dataclass(frozen=True)
class SingleVerdict:
    """``rejected``: no views can be made. ``object_share``, ``objects`` and ``border_share`` are None without a mask.

    ``sharpness`` as :class:`maquette.recon.capture.Measures` has it.
    """

    status: Status
    reasons: tuple[Reason, ...]
    width: int
    height: int
    sharpness: float
    object_share: float | None = None
    objects: int | None = None
    border_share: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def judge_single(photo: Photo, removed: Removed | None = None) -> SingleVerdict:
    """Judge the photo, and its object where the background was removed; every finding says what to do about it."""
    measures = measure(photo)
    refusing = shape_findings(photo.name, (photo.original_width, photo.original_height), (photo.width, photo.height))
    warning: list[Reason] = []
    if measures.sharpness < BLURRED_ABSOLUTE:
        warning.append(
            Reason(
                "blurred",
                f"'{photo.name}' is blurred (sharpness {measures.sharpness:.0f}).",
                "Take it again with a steady hand, more light, and the subject in focus.",
            )
        )
    share, objects, border = None, None, None
    if removed is not None:
        inside = (removed.mask >= 128).astype(np.uint8)
        share, objects, border = float(inside.mean()), _objects(inside), _border_share(inside)
        (refusing if share < LEAST_SHARE else warning).extend(_object_findings(photo.name, share, objects, border))
        if removed.degraded and removed.confidence < UNSURE:
            warning.append(
                Reason(
                    "object_uncertain",
                    f"Object and background of '{photo.name}' have much the same colours; its outline may be wrong.",
                    "Take it before a plain background, or install a background model:"
                    " `maquette models pull isnet-general-use`.",
                )
            )
    return SingleVerdict(
        status="rejected" if refusing else "warning" if warning else "ok",
        reasons=(*refusing, *warning),
        width=photo.original_width,
        height=photo.original_height,
        sharpness=measures.sharpness,
        object_share=share,
        objects=objects,
        border_share=border,
    )


def shape_findings(name: str, original: tuple[int, int], kept: tuple[int, int]) -> list[Reason]:
    """What refuses a lone photo by its width and height alone: as it was sent, and as it is kept, px."""
    width, height = original
    found = []
    if min(width, height) < LEAST_SIDE_PX:
        found.append(
            Reason(
                "too_small",
                f"'{name}' has {width} x {height} pixels; one photo needs {LEAST_SIDE_PX} on its shorter side.",
                "Send the original, not a thumbnail.",
            )
        )
    # What is read reduced is reduced already; only an original that is kept can be too large.
    if max(kept) > MOST_SIDE_PX:
        found.append(
            Reason(
                "too_large",
                f"'{name}' is kept at {kept[0]} x {kept[1]} pixels; {MOST_SIDE_PX} is the most.",
                "Leave original_resolution off.",
            )
        )
    aspect = width / height
    if not LEAST_ASPECT <= aspect <= MOST_ASPECT:
        found.append(
            Reason(
                "bad_aspect",
                f"'{name}' is {'wider' if aspect > 1 else 'taller'} than three times its other side.",
                "Crop it to the object.",
            )
        )
    return found


def _object_findings(name: str, share: float, objects: int, border: float) -> list[Reason]:
    found = []
    if share < SMALL_SHARE:
        found.append(
            Reason("object_small", f"The object takes {share:.1%} of '{name}'.", "Go nearer, or crop to the object.")
        )
    if share > LARGE_SHARE:
        found.append(
            Reason(
                "object_fills_picture",
                f"The object takes {share:.0%} of '{name}': its outline is hardly in the picture.",
                "Step back until there is background all around it.",
            )
        )
    if border > CUT_OFF:
        found.append(
            Reason(
                "object_cut_off",
                f"The object in '{name}' reaches over {border:.0%} of the picture's border.",
                "Take it whole: what is cut off ends there in the model too.",
            )
        )
    if objects > 1:
        found.append(
            Reason(
                "several_objects",
                f"'{name}' shows {objects} separate objects; one is expected.",
                "Crop to one of them.",
            )
        )
    return found


def _objects(inside: UInt8[ndarray, "h w"]) -> int:
    _, _, statistics, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    areas = statistics[1:, cv2.CC_STAT_AREA]
    return int((areas >= SECOND_OBJECT * areas.max(initial=1)).sum())


def _border_share(inside: UInt8[ndarray, "h w"]) -> float:
    border = np.concatenate([inside[0], inside[-1], inside[1:-1, 0], inside[1:-1, -1]])
    return float(border.mean())
