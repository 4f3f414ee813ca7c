"""A relief: one picture with a depth for each pixel, which says what is in front and nothing of what is behind."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy import ndarray
from scipy.ndimage import distance_transform_edt

from maquette.recon.cameras import Camera
from maquette.recon.single.rings import ring_camera

OBJECT_DEPTH = 0.6
"""How deep what is seen of an object is taken to be, of the shorter side of its outline."""
FARTHEST = 3.0
"""How far the farthest of a whole picture is taken to be, the nearest being 1."""
_WIDTHS_PX = 256
_MIXED_PX = 0.004
"""Of the longer side: so near to an outline a depth is a mixture of object and background."""


@dataclass(frozen=True, eq=False)
class Relief:
    """``depth`` along z of ``camera``, world units, everywhere known; ``inside`` where there is something at all.

    The world's origin is the relief's middle, at ``distance`` from the camera, which looks along +z. ``behind`` is how
    far behind the surface the unseen part may reach, world units: an object is taken to be as deep as it is wide there,
    and behind a whole picture's surfaces nothing is known however far.
    """

    pixels: UInt8[ndarray, "h w 3"]
    depth: Float32[ndarray, "h w"]
    inside: Bool[ndarray, "h w"]
    camera: Camera
    distance: float
    behind: Float32[ndarray, "h w"]
    whole: bool

    def resized_to(self, long_side_px: int) -> Relief:
        """The same relief with its longer side reduced to ``long_side_px``."""
        camera = self.camera.resized_to(long_side_px)
        if camera is self.camera:
            return self
        size = (camera.width, camera.height)
        return replace(
            self,
            pixels=cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA),
            depth=cv2.resize(self.depth, size, interpolation=cv2.INTER_AREA),
            behind=cv2.resize(self.behind, size, interpolation=cv2.INTER_AREA),
            inside=cv2.resize(self.inside.astype(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA) >= 128,
            camera=camera,
        )


def make_relief(
    pixels: UInt8[ndarray, "h w 3"],
    inverse: Float32[ndarray, "h w"],
    mask: UInt8[ndarray, "h w"] | None,
    vertical_fov_deg: float,
) -> Relief:
    """A relief of ``inverse``, a relative inverse depth of unknown scale and shift (higher is nearer).

    Those two are made up, for one picture does not hold them: an object (``mask``) is :data:`OBJECT_DEPTH` as deep as
    its outline is wide, a whole picture reaches from 1 to :data:`FARTHEST`. Its size is plausible, never measured.
    """
    height, width = inverse.shape
    inside = np.ones(inverse.shape, np.bool_) if mask is None else mask >= 128
    core = _core(inside)
    nearness = _from_core(inverse, core)
    low, high = np.percentile(nearness[inside], [2, 98])
    rising = np.clip((nearness - low) / (high - low), 0, 1) if high - low > 1e-6 else np.zeros_like(nearness)
    focal = height / 2 / np.tan(np.radians(vertical_fov_deg) / 2)
    if mask is None:
        near, far, behind = 1.0, FARTHEST, np.full(inverse.shape, FARTHEST, np.float32)
    else:
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        narrow = min(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
        thick = min(0.8, OBJECT_DEPTH * float(narrow) / focal)
        near, far = 1 - thick / 2, 1 + thick / 2
        behind = np.minimum(_local_width(inside) / focal, thick).astype(np.float32)
    depth = (1 / (1 / far + rising * (1 / near - 1 / far))).astype(np.float32)
    distance = float(np.median(depth[inside]))
    camera = ring_camera(0.0, 0.0, distance, vertical_fov_deg, width, height)
    return Relief(pixels, depth, inside, camera, distance, behind, whole=mask is None)


def _local_width(inside: Bool[ndarray, "h w"]) -> Float32[ndarray, "h w"]:
    """Diameter, pixels, of about the largest disc within the outline that covers each pixel; steps of a third."""
    # At a small size: discs of hundreds of pixels would take minutes.
    shrink = min(1.0, _WIDTHS_PX / max(inside.shape))
    size = (max(1, round(inside.shape[1] * shrink)), max(1, round(inside.shape[0] * shrink)))
    small = cv2.resize(inside.astype(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_AREA) >= 64
    framed = np.pad(small, 1).astype(np.uint8)
    width = small.astype(np.float32)
    diameter, widest = 3, 2 * float(cv2.distanceTransform(framed, cv2.DIST_L2, 5).max())
    while diameter <= widest:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter))
        opened = cv2.morphologyEx(framed, cv2.MORPH_OPEN, disc, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        width[opened[1:-1, 1:-1] > 0] = diameter
        diameter = max(diameter + 2, 2 * round(diameter * 2 / 3) + 1)
    full = cv2.resize(width, (inside.shape[1], inside.shape[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(full / np.float32(shrink), np.float32)


def _core(inside: Bool[ndarray, "h w"]) -> Bool[ndarray, "h w"]:
    radius = max(1, round(_MIXED_PX * max(inside.shape)))
    if inside.all():
        return inside
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    core = cv2.erode(inside.astype(np.uint8), window).astype(np.bool_)
    return core if core.any() else inside


def _from_core(values: Float32[ndarray, "h w"], core: Bool[ndarray, "h w"]) -> Float32[ndarray, "h w"]:
    """Values outside the core replaced by those of its nearest pixel."""
    if core.all():
        return values
    row, column = distance_transform_edt(~core, return_distances=False, return_indices=True)
    return np.ascontiguousarray(values[row, column])
