"""A photo ready to paint from: its pixels at several sizes, what it sees of the mesh, how far each pixel is trusted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.capture import sharpness
from maquette.recon.mesh.mesh import Mesh
from maquette.recon.mesh.raster import fill_mesh
from maquette.recon.photos import Photo, load_photo
from maquette.recon.scene import View

JUMP = 0.015
"""Bend of the inverse depth between three pixels in a row, of its size, from which they are not one surface. On a plane
the inverse depth is linear in the picture, however slanted: it does not bend."""
EDGE_SHARE, BORDER_SHARE = 0.006, 0.04
"""Width of the ramps beside depth edges and the photo's border, of its long side."""


@dataclass(frozen=True, eq=False)
class Sight:
    """One photo over the mesh."""

    name: str
    camera: Camera
    texels: UInt8[ndarray, "n 3"]
    """sRGB pixels, and smaller versions after them."""
    levels: Int64[ndarray, "l 3"]
    """Offset, width and height of each version."""
    depth: Float32[ndarray, "h w"]
    """Of the mesh, along z in world units, 0 where it is not."""
    trust: Float32[ndarray, "h w"]
    """0 to 1: the mask, less towards depth edges and borders."""
    sharpness: float
    """Variance of the Laplacian, as photos are judged by."""

    @property
    def lens(self) -> Float64[ndarray, " 4"]:
        """fx, fy, cx, cy in pixels."""
        return np.array([self.camera.fx, self.camera.fy, self.camera.cx, self.camera.cy])


def sight_of(view: View, mesh: Mesh, photo_side_px: int) -> Sight:
    """Load a view's photo at most ``photo_side_px`` long and look at ``mesh`` from there.

    Raises ``unreadable_photo``, ``training_size_too_small`` or ``bad_mask``. Memory: 20 bytes a pixel.
    """
    photo = load_photo(view, 1.0, photo_side_px)
    depth = fill_mesh(mesh, photo.camera).depth
    image = np.ascontiguousarray(photo.pixels.transpose(1, 2, 0))
    texels, levels = _versions(image)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return Sight(view.name, photo.camera, texels, levels, depth, _trust(depth, photo), sharpness(grey))


def _versions(image: UInt8[ndarray, "h w 3"]) -> tuple[UInt8[ndarray, "n 3"], Int64[ndarray, "l 3"]]:
    pictures, rows, offset = [], [], 0
    while True:
        height, width = image.shape[:2]
        pictures.append(image.reshape(-1, 3))
        rows.append((offset, width, height))
        offset += width * height
        if min(width, height) < 8:
            return np.concatenate(pictures), np.array(rows, np.int64)
        image = cv2.resize(image, (width // 2, height // 2), interpolation=cv2.INTER_AREA)


def _trust(depth: Float32[ndarray, "h w"], photo: Photo) -> Float32[ndarray, "h w"]:
    long_side = max(depth.shape)
    away = cv2.distanceTransform((~_jumps(depth)).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    trust = _ramp(away - 1.0, max(2.0, EDGE_SHARE * long_side))
    rows, columns = (np.minimum(np.arange(n), np.arange(n)[::-1]).astype(np.float32) for n in depth.shape)
    border = max(2.0, BORDER_SHARE * long_side)
    trust *= _ramp(rows, border)[:, None] * _ramp(columns, border)[None]
    if photo.weights is not None:
        trust *= photo.weights.astype(np.float32) / np.float32(255)
    return trust


def _ramp(distance: Float32[ndarray, ...], width: float) -> Float32[ndarray, ...]:
    return np.clip(distance / np.float32(width), 0, 1).astype(np.float32)


def _jumps(depth: Float32[ndarray, "h w"]) -> ndarray:
    """Pixels at which one surface ends before another, or before nothing."""
    inverse = np.divide(1, depth, out=np.zeros_like(depth), where=depth > 0)
    jumps = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        middle = inverse.take(range(1, depth.shape[axis] - 1), axis)
        before, after = (inverse.take(range(i, depth.shape[axis] - 2 + i), axis) for i in (0, 2))
        bent = np.abs(before + after - 2 * middle) > JUMP * np.maximum(middle, np.maximum(before, after))
        rows = slice(1, -1)
        jumps[(rows, slice(None)) if axis == 0 else (slice(None), rows)] |= bent
    return jumps
