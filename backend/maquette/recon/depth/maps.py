"""Depth maps as files: 16-bit PNG to measure with, and a heatmap to look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy import ndarray
from PIL import Image, PngImagePlugin

from maquette.errors import BadInputError
from maquette.recon.atomic import replacing

SCALE_KEY = "maquette:depth_units_per_step"
"""The PNG text chunk that holds how many world units one step of a pixel's value is."""

MIN_ALPHA = 0.5
"""Least coverage at which a pixel has a depth: below it most of what is seen is background."""

_STEPS = 65_535
_NOTHING_GREY = 24


class BadDepthMapError(BadInputError):
    """A file that was given as a depth map is none of ours."""

    code = "bad_depth_map"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"'{name}' cannot be read as a depth map: {reason}.",
            suggestion="Give a 16-bit PNG as the generate step writes it.",
            file=name,
        )


@dataclass(frozen=True)
class DepthMapRecord:
    """Where a depth map lies and what it holds; depths in world units along the camera's z.

    ``coverage`` is the share of pixels with a depth. Where it is 0, the others are None.
    """

    depth_path: Path
    heatmap_path: Path
    depth_min: float | None
    depth_max: float | None
    depth_mean: float | None
    coverage: float
    units_per_step: float | None


def write_depth_map(
    depth: Float32[ndarray, "h w"], alpha: Float32[ndarray, "h w"], stem: Path, *, min_alpha: float = MIN_ALPHA
) -> DepthMapRecord:
    """Write ``<stem>.png`` and ``<stem>_heatmap.png``.

    ``depth``: world units along z. A pixel has a depth where that is finite and positive and ``alpha``, the share of
    the pixel that is covered (0 to 1), is at least ``min_alpha``. The PNG holds ``depth / units_per_step`` rounded, 1
    to 65535, and 0 where there is no depth; the farthest depth is 65535, so the error is at most 1/131070 of it. The
    scale stands in the PNG too (:data:`SCALE_KEY`).
    """
    valid = np.isfinite(depth) & (depth > 0) & (alpha >= min_alpha)
    depth_path = stem.with_name(f"{stem.name}.png")
    heatmap_path = stem.with_name(f"{stem.name}_heatmap.png")
    seen = depth[valid]
    farthest = float(seen.max()) if seen.size else None
    scale = None if farthest is None else farthest / _STEPS
    steps = np.zeros(depth.shape, np.uint16)
    if scale is not None:
        # A depth nearer than one step must not turn into "no depth".
        steps[valid] = np.clip(np.rint(seen / np.float64(scale)), 1, _STEPS)

    words = PngImagePlugin.PngInfo()
    words.add_text(SCALE_KEY, repr(scale or 0.0))
    with replacing(depth_path) as file:
        Image.fromarray(steps).save(file, "PNG", pnginfo=words)
    with replacing(heatmap_path) as file:
        Image.fromarray(heatmap(depth, valid)).save(file, "PNG")
    return DepthMapRecord(
        depth_path=depth_path,
        heatmap_path=heatmap_path,
        depth_min=float(seen.min()) if seen.size else None,
        depth_max=farthest,
        depth_mean=float(seen.mean(dtype=np.float64)) if seen.size else None,
        coverage=float(valid.mean()) if valid.size else 0.0,
        units_per_step=scale,
    )


def read_depth_map(path: Path) -> Float32[ndarray, "h w"]:
    """World units along z, 0 where there is no depth. Raises :class:`BadDepthMapError`."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.mode != "I;16" or not isinstance(image, PngImagePlugin.PngImageFile):
                raise BadDepthMapError(path.name, "it is no 16-bit grey PNG")
            steps = np.asarray(image, dtype=np.float64)  # text after the pixels is only known once they are read
            scale = float(image.text[SCALE_KEY])
    except KeyError as error:
        raise BadDepthMapError(path.name, "it does not say its scale") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadDepthMapError(path.name, "it is damaged or no PNG") from error
    if not 0 <= scale < np.inf:
        raise BadDepthMapError(path.name, "its scale is no positive number")
    return (steps * scale).astype(np.float32)


def heatmap(depth: Float32[ndarray, "h w"], valid: Bool[ndarray, "h w"]) -> UInt8[ndarray, "h w 3"]:
    """Depth as colours (turbo, Mikhailov 2019), near red and far blue, dark grey where ``valid`` is false.

    The ends of the scale are the 1st and 99th percentile, so that one stray pixel does not grey out the rest.
    """
    picture = np.full((*depth.shape, 3), _NOTHING_GREY, np.uint8)
    if not valid.any():
        return picture
    near, far = np.percentile(depth[valid], [1, 99])
    span = far - near if far > near else 1.0
    nearness = np.clip((far - np.where(valid, depth, far)) / span, 0, 1)
    # The two ends of turbo are nearly black: what is nearest and farthest should shine.
    levels = np.rint(12 + nearness * (243 - 12)).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    picture[valid] = colours[valid]
    return picture
