"""What comes with a scene's photos: masks and depths, brought to the size and lens of the photos they belong to."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maquette.recon.arrays import DamagedArraysError, read_array
from maquette.recon.atomic import replacing
from maquette.recon.depth.priors import BadDepthPriorError
from maquette.recon.masks import BadMaskError, read_mask, write_mask

MILLIMETRE = 1e-3
"""World units per step of a depth image: nerfstudio reads millimetres in a world of metres."""

Straighten = Callable[[Any, int], Any]
"""Takes the lens distortion out of a picture, sampling it in the given way of OpenCV."""


def named_mask(file: Path, view: str) -> Path:
    """``file``, or :class:`BadMaskError` where a scene names a mask that is not there."""
    if not file.is_file():
        raise BadMaskError(view, f"is missing: there is no '{file.name}'", "Copy the mask to where the scene names it.")
    return file


def straight_mask(file: Path, view: str, width: int, height: int, straighten: Straighten, target: Path) -> Path:
    """Write the mask of a photo of ``width`` x ``height`` pixels as its straightened photo needs it, to ``target``."""
    write_mask(straighten(read_mask(file, view, width, height), cv2.INTER_LINEAR), target)
    return target


def straight_depth(
    file: Path,
    view: str,
    width: int,
    height: int,
    units_per_step: float,
    straighten: Straighten | None,
    target: Path,
) -> Path:
    """Write nerfstudio's depth of a photo of ``width`` x ``height`` pixels as the .npy that a view has, to ``target``.

    ``file`` is a 16-bit PNG or a .npy whose numbers times ``units_per_step`` are world units along z, 0 unknown.
    Depth sensors are coarser than cameras: another size of the same shape is brought to the photo's, as nerfstudio
    does it, by the nearest pixel. Raises :class:`BadDepthPriorError`.
    """
    depth: ndarray = _read_steps(file, view) * np.float32(units_per_step)
    if not math.isclose(depth.shape[1] / depth.shape[0], width / height, rel_tol=0.02):
        raise BadDepthPriorError(
            view,
            f"has {depth.shape[1]} x {depth.shape[0]} pixels, its photo {width} x {height}",
            "Give a depth image of the photo's shape.",
        )
    # Between two surfaces there is none: depths are never mixed.
    depth = cv2.resize(depth, (width, height), interpolation=cv2.INTER_NEAREST)
    if straighten is not None:
        depth = straighten(depth, cv2.INTER_NEAREST)
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as out:
        np.save(out, depth.astype(np.float32), allow_pickle=False)
    return target


def _read_steps(file: Path, view: str) -> Float32[ndarray, "h w"]:
    if not file.is_file():
        raise BadDepthPriorError(
            view, f"is missing: there is no '{file.name}'", "Copy the depth to where the scene names it."
        )
    if file.suffix.lower() == ".npy":
        try:
            steps = read_array(file)
        except DamagedArraysError as error:
            raise BadDepthPriorError(view, "cannot be read", "Check that the .npy file is whole.") from error
        if steps.ndim == 2 and steps.size and steps.dtype.kind in "fui":
            return np.asarray(steps, np.float32)
        raise BadDepthPriorError(view, f"is {steps.dtype}{steps.shape}", "Save one number for each pixel.")
    read = cv2.imread(str(file), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if read is None or read.dtype != np.uint16 or read.ndim != 2:
        raise BadDepthPriorError(view, "is no 16-bit grey PNG", "Save depths in millimetres as a 16-bit grey PNG.")
    return np.asarray(read, np.float32)
