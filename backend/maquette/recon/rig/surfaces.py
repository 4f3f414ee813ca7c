"""One view as the solve looks at it: small, with its values continued beyond the object, and a sample of its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from numpy import ndarray

LEAST_SPREAD = 0.02
"""Of values, where a picture shows a plane square on: its slope is then as good as unknown."""


@dataclass(frozen=True, eq=False)
class Surface:
    """A depth picture and the colours that belong to it.

    ``field`` has two channels: the picture's numbers, 0 to 1, on the object and continued beyond it; and the distance
    to the silhouette, picture widths, 0 on the object. ``colours`` are blurred sRGB, 0 to 1. ``at`` and ``seen`` are a
    sample of the object's pixels: places (picture widths from the middle) and values. ``extent`` is the object's left,
    top, right and bottom. ``low`` is a low value, ``middle`` the median, ``spread`` the
    width of the middle 90 %.
    """

    field: Float32[ndarray, "h w 2"]
    colours: Float32[ndarray, "h w 3"]
    at: Float[ndarray, "n 2"]
    seen: Float[ndarray, " n"]
    extent: Float[ndarray, " 4"]
    low: float
    middle: float
    spread: float

    @property
    def aspect(self) -> float:
        """Height in picture widths."""
        return float(self.field.shape[0] / self.field.shape[1])


def surface_of(
    values: Float32[ndarray, "h w"],
    known: Bool[ndarray, "h w"],
    colours: UInt8[ndarray, "_ _ 3"],
    *,
    width: int,
    samples: int,
) -> Surface:
    """A view ``width`` px wide, from ``values`` (0 to 1) where ``known`` and the picture, of any size, belonging to it.

    About ``samples`` pixels lie on a regular grid, a quarter as many on the outline, which extents come from.
    """
    height = max(1, round(values.shape[0] * width / values.shape[1]))
    share = cv2.resize(known.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    total = cv2.resize(np.where(known, values, np.float32(0)), (width, height), interpolation=cv2.INTER_AREA)
    on = share >= 0.5
    if not on.any():  # thinner than a pixel everywhere
        on = share >= share.max()
    small = total / np.maximum(share, np.float32(1e-6))
    away, nearest = cv2.distanceTransformWithLabels(
        (~on).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    continued = np.zeros(int(nearest.max()) + 1, np.float32)
    continued[nearest[on]] = small[on]
    y, x = np.nonzero(_sampled(on, samples))
    rows, columns = np.flatnonzero(on.any(axis=1)), np.flatnonzero(on.any(axis=0))
    edges = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64)
    low, middle, high = (float(v) for v in np.quantile(small[on], [0.05, 0.5, 0.95]))
    shades = cv2.resize(colours, (width, height), interpolation=cv2.INTER_AREA)
    return Surface(
        field=np.stack([continued[nearest], (away / width).astype(np.float32)], axis=-1),
        colours=cv2.GaussianBlur(shades.astype(np.float32) / 255, (0, 0), 1.5),
        at=np.stack([(x + 0.5 - width / 2) / width, (y + 0.5 - height / 2) / width], axis=1),
        seen=small[y, x].astype(np.float64),
        extent=(edges - np.array([width, height, width, height]) / 2) / width,
        low=max(low, LEAST_SPREAD),
        middle=max(middle, LEAST_SPREAD),
        spread=max(high - low, LEAST_SPREAD),
    )


def look_up(picture: ndarray, at: ndarray) -> ndarray:
    """``picture`` (h, w, channels) at places (n, 2) in picture widths from its middle: (n, channels).

    Bilinear; beyond its edge the edge goes on. Called ten thousand times in a solve, so plain types stand here.
    """
    height, width = picture.shape[:2]
    if len(at) == 0:
        return np.zeros((0, *picture.shape[2:]))
    x = np.clip(at[:, 0] * width + width / 2 - 0.5, -1e4, 1e4).astype(np.float32)
    y = np.clip(at[:, 1] * width + height / 2 - 0.5, -1e4, 1e4).astype(np.float32)
    found = cv2.remap(picture, x[:, None], y[:, None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found[:, 0], np.float64)


def _sampled(on: Bool[ndarray, "h w"], samples: int) -> Bool[ndarray, "h w"]:
    step = max(1, round(float(np.sqrt(on.sum() / samples))))
    grid = np.zeros_like(on)
    grid[step // 2 :: step, step // 2 :: step] = True
    chosen = on & grid
    rim = np.flatnonzero(on & ~cv2.erode(on.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_))
    chosen.flat[rim[:: max(1, len(rim) // max(1, samples // 4))]] = True
    return np.asarray(chosen)
