"""The photos a trainer compares with: loaded once, 8 bit, at the training resolution, coarser levels beside them.

With a photo come its mask and what is known of its depth, at the same sizes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.cameras import Camera
from maquette.recon.depth.priors import read_depth_prior, shrunk_inverse_depth
from maquette.recon.masks import read_mask, refuse_empty, shrunk_weights
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
    """A photo at one resolution: sRGB 0 to 255 in colour planes, with the camera of that size and its view's name.

    ``weights`` are its mask: how much each pixel counts, 255 fully and 0 not at all (none: all fully).
    ``inverse_depth`` is one over the distance along z that is known beforehand, world units, 0 where it is not.
    """

    camera: Camera
    pixels: UInt8[ndarray, "3 h w"]
    name: str = ""
    weights: UInt8[ndarray, "h w"] | None = None
    inverse_depth: Float32[ndarray, "h w"] | None = None


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


def load_photo(view: View, downscale: float, max_side_px: int | None = None, *, with_depth: bool = False) -> Photo:
    """Read a view's photo with its mask, and its depth where asked for, and shrink them by area averaging.

    Raises :class:`UnreadablePhotoError`, ``bad_mask`` or ``bad_depth_prior``.
    """
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
    weights, inverse_depth = None, None
    if view.mask_path is not None:
        mask = read_mask(view.mask_path, view.name, view.camera.width, view.camera.height)
        weights = refuse_empty(shrunk_weights(mask, width, height), view.name)
    if with_depth and view.depth_path is not None:
        known = read_depth_prior(view.depth_path, view.name, view.camera.width, view.camera.height)
        inverse_depth = shrunk_inverse_depth(known, width, height)
    return Photo(view.camera.resized(width, height), planes, view.name, weights, inverse_depth)


def halved(photo: Photo) -> Photo:
    """The same photo, mask and depth at half their size, by area averaging."""
    width, height = max(1, photo.camera.width // 2), max(1, photo.camera.height // 2)
    planes = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA) for plane in photo.pixels]
    return Photo(
        photo.camera.resized(width, height),
        np.ascontiguousarray(np.stack(planes), dtype=np.uint8),
        photo.name,
        None if photo.weights is None else shrunk_weights(photo.weights, width, height),
        None if photo.inverse_depth is None else shrunk_inverse_depth(photo.inverse_depth, width, height),
    )
