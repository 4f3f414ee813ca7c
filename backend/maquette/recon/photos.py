"""The photos a trainer compares with: loaded once, 8 bit, at the training resolution, coarser levels beside them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.cameras import Camera
from maquette.recon.scene import View

MIN_SIDE_PX = 16
"""Smaller training images than this carry nothing to learn from."""


class UnreadablePhotoError(BadInputError):
    """A view's photo is missing, broken or of another size than its camera."""

    code = "unreadable_photo"


class TooSmallError(BadInputError):
    """The training resolution would be next to nothing."""

    code = "training_size_too_small"


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo at one resolution: sRGB 0 to 255 in colour planes, with the camera of that size."""

    camera: Camera
    pixels: UInt8[ndarray, "3 h w"]


def training_size(camera: Camera, downscale: float, max_side_px: int | None = None) -> tuple[int, int]:
    """Width and height, pixels, that a photo of ``camera`` is trained at: divided by ``downscale``, then limited to
    ``max_side_px`` on its longer side. Raises :class:`TooSmallError` below 16 pixels.
    """
    divisor = downscale
    if max_side_px is not None:
        divisor = max(divisor, max(camera.width, camera.height) / max_side_px)
    width, height = round(camera.width / divisor), round(camera.height / divisor)
    if min(width, height) < MIN_SIDE_PX:
        raise TooSmallError(
            f"Photos of {camera.width} x {camera.height} pixels would shrink to {width} x {height}; at least "
            f"{MIN_SIDE_PX} pixels a side are needed.",
            suggestion="Use a smaller downscale.",
            width=width,
            height=height,
        )
    return width, height


def load_photo(view: View, downscale: float, max_side_px: int | None = None) -> Photo:
    """Read a view's photo and shrink it by area averaging. Raises :class:`UnreadablePhotoError`."""
    width, height = training_size(view.camera, downscale, max_side_px)
    bgr = cv2.imread(str(view.image_path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise UnreadablePhotoError(
            f"The photo of view {view.name} cannot be read.", suggestion="Check that the file is there and whole."
        )
    if bgr.shape[:2] != (view.camera.height, view.camera.width):
        raise UnreadablePhotoError(
            f"The photo of view {view.name} has {bgr.shape[1]} x {bgr.shape[0]} pixels, its camera "
            f"{view.camera.width} x {view.camera.height}.",
            suggestion="Use the undistorted photos that belong to these cameras.",
        )
    small = cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA)
    planes = np.ascontiguousarray(small[..., ::-1].transpose(2, 0, 1), dtype=np.uint8)
    return Photo(view.camera.resized(width, height), planes)


def halved(photo: Photo) -> Photo:
    """The same photo at half its size, by area averaging."""
    width, height = max(1, photo.camera.width // 2), max(1, photo.camera.height // 2)
    planes = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA) for plane in photo.pixels]
    return Photo(photo.camera.resized(width, height), np.ascontiguousarray(np.stack(planes), dtype=np.uint8))
