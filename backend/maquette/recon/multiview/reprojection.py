"""What another view sees at each pixel of this one: where it falls there, whether it is visible, and its colour.

A pixel x with rendered depth z is the point X = z K^-1 x. The other view sees it as far as its own rendered depth says
that X is the first thing on its ray (the geometric consistency of Schoenberger et al. 2016, Pixelwise View Selection
for Unstructured Multi-View Stereo, with depths instead of reprojection errors: two cameras side by side have no
parallax that could show an occlusion), as the two rays at X are close (angBlend of Buehler et al. 2001, Unstructured
Lumigraph Rendering, section 4), and as its ray is not grazing (the incident prior of Schoenberger et al.).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import acos, exp, floor, sqrt

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numba import prange
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.multiview.settings import WeightSettings
from maquette.recon.rasterize.compiled import inlined_kernel, parallel_kernel

NORMAL_REACH_PX = 3
"""Normals are fitted over a square of 7 x 7 pixels: rendered median depths jump from one Gaussian to the next."""

_MARGIN = 1e-9


@dataclass(frozen=True, eq=False)
class Sight:
    """What another view sees of this view's pixels.

    ``visibility`` 0 to 1; ``colour`` is the other picture, sRGB 0 to 1, sampled where the pixels fall, 0 where the
    visibility is; ``differences[k]`` is how far picture k is from all that the other shows within a pixel of there,
    root mean square of the channels.
    """

    visibility: Float32[ndarray, "h w"]
    colour: Float32[ndarray, "3 h w"]
    differences: Float32[ndarray, "k h w"]


def look_from(
    other: Camera,
    other_depth: Float32[ndarray, "h2 w2"],
    other_photo: UInt8[ndarray, "3 h2 w2"],
    *,
    camera: Camera,
    depth: Float32[ndarray, "h w"],
    normals: Float32[ndarray, "3 h w"],
    pictures: Float32[ndarray, "k 3 h w"],
    gain: float = 1.0,
    settings: WeightSettings,
) -> Sight:
    """Reproject every pixel of ``camera`` by its ``depth`` into the ``other`` view.

    Depths: world units along z, 0 = nothing there. ``normals``: see :func:`normals_of`. ``pictures``: what is compared,
    sRGB 0 to 1, on ``camera``'s pixels; the other photo (0 to 255) is multiplied by ``gain`` first.
    """
    height, width = depth.shape
    other_from_own = other.camera_from_world @ camera.world_from_camera
    eye = np.linalg.inv(other_from_own)[:3, 3]
    sight = Sight(
        np.zeros((height, width), np.float32),
        np.zeros((3, height, width), np.float32),
        np.zeros((len(pictures), height, width), np.float32),
    )
    _look(
        depth,
        normals,
        pictures,
        np.array([camera.fx, camera.fy, camera.cx, camera.cy]),
        np.ascontiguousarray(other_from_own),
        eye,
        np.array([other.fx, other.fy, other.cx, other.cy]),
        other_depth,
        other_photo,
        gain / 255.0,
        settings.depth_tolerance,
        np.radians(settings.widest_angle_deg),
        settings.grazing_cosine,
        sight.visibility,
        sight.colour,
        sight.differences,
    )
    return sight


def normals_of(camera: Camera, depth: Float32[ndarray, "h w"]) -> Float32[ndarray, "3 h w"]:
    """Unit surface normals in camera axes, towards the camera; 0 where a hole in the depth is within 3 pixels.

    On a plane n . X = d the inverse depth is n . (x, y, 1) / d, linear in the normalised image coordinates, so its
    least-squares slopes over a square of pixels are those of the normal.
    """
    reach = NORMAL_REACH_PX
    offsets = np.arange(-reach, reach + 1, dtype=np.float32)
    slope, flat = offsets / np.square(offsets).sum(), np.full(offsets.size, 1.0 / offsets.size, np.float32)
    square = np.ones((offsets.size, offsets.size), np.uint8)
    holes = (depth <= 0).astype(np.uint8)
    # Outside the picture nothing is known either
    near_hole = cv2.dilate(holes, square, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    inverse = np.divide(np.float32(1), depth, out=np.zeros_like(depth), where=depth > 0)
    along_x = cv2.sepFilter2D(inverse, cv2.CV_32F, slope, flat) * np.float32(camera.fx)
    along_y = cv2.sepFilter2D(inverse, cv2.CV_32F, flat, slope) * np.float32(camera.fy)
    x = (np.arange(camera.width, dtype=np.float32) + np.float32(0.5 - camera.cx)) / np.float32(camera.fx)
    y = (np.arange(camera.height, dtype=np.float32) + np.float32(0.5 - camera.cy)) / np.float32(camera.fy)
    along_z = inverse - x * along_x - y[:, None] * along_y
    normals = np.stack([along_x, along_y, along_z])
    length = np.sqrt(np.square(normals).sum(axis=0))
    # n . X = d > 0 points away from the camera
    normals *= np.where((near_hole == 0) & (length > 0), -1.0 / np.maximum(length, 1e-12), 0.0).astype(np.float32)
    return np.ascontiguousarray(normals, dtype=np.float32)


@inlined_kernel
def depth_agreement(error: float, tolerance: float) -> float:
    """exp(-e^2 / 2 t^2) of the relative depth difference e; 0 beyond three tolerances."""
    return exp(-0.5 * (error / tolerance) ** 2) if error < 3.0 * tolerance else 0.0


@inlined_kernel
def angle_agreement(cosine: float, widest: float) -> float:
    """max(0, 1 - angle / widest) of two rays with this cosine between them; radians."""
    return max(0.0, 1.0 - acos(min(1.0, max(-1.0, cosine))) / widest)


@inlined_kernel
def facing(cosine: float, grazing: float) -> float:
    """0 for a surface seen from behind or from its edge, 1 from the cosine ``grazing`` on, linear between."""
    return min(1.0, max(0.0, cosine / grazing))


@parallel_kernel
def _look(
    depth: ndarray,
    normals: ndarray,
    pictures: ndarray,
    lens: ndarray,
    other_from_own: ndarray,
    eye: ndarray,
    other_lens: ndarray,
    other_depth: ndarray,
    other_photo: ndarray,
    scale: float,
    depth_tolerance: float,
    widest_angle: float,
    grazing: float,
    visibility: ndarray,
    colour: ndarray,
    differences: ndarray,
) -> None:
    height, width = depth.shape
    other_height, other_width = other_depth.shape
    fx, fy, cx, cy = lens
    gx, gy, hx, hy = other_lens
    m = other_from_own
    for row in prange(height):
        y = (row + 0.5 - cy) / fy
        for column in range(width):
            z = float(depth[row, column])
            if not z > 0.0:
                continue
            px, py, pz = (column + 0.5 - cx) / fx * z, y * z, z
            qz = m[2, 0] * px + m[2, 1] * py + m[2, 2] * pz + m[2, 3]
            if qz <= _MARGIN:
                continue
            u = gx * (m[0, 0] * px + m[0, 1] * py + m[0, 2] * pz + m[0, 3]) / qz + hx - 0.5
            v = gy * (m[1, 0] * px + m[1, 1] * py + m[1, 2] * pz + m[1, 3]) / qz + hy - 0.5
            if not (-0.5 <= u < other_width - 0.5 and -0.5 <= v < other_height - 0.5):
                continue

            # The best of the four pixels around: at an edge of an object the others belong to what is behind it
            left, top = floor(u), floor(v)
            error = 1e9
            for j in range(max(0, top), min(other_height, top + 2)):
                for i in range(max(0, left), min(other_width, left + 2)):
                    there = float(other_depth[j, i])
                    if there > 0.0:
                        error = min(error, abs(qz / there - 1.0))
            seen = depth_agreement(error, depth_tolerance)
            if seen <= 0.0:
                continue
            ex, ey, ez = eye[0] - px, eye[1] - py, eye[2] - pz
            away, near = sqrt(ex * ex + ey * ey + ez * ez), sqrt(px * px + py * py + pz * pz)
            seen *= angle_agreement(-(px * ex + py * ey + pz * ez) / (away * near), widest_angle)
            nx, ny, nz = normals[0, row, column], normals[1, row, column], normals[2, row, column]
            if nx != 0.0 or ny != 0.0 or nz != 0.0:
                seen *= facing((nx * ex + ny * ey + nz * ez) / away, grazing)
            if seen <= 0.0:
                continue
            visibility[row, column] = seen

            right, bottom = min(left + 1, other_width - 1), min(top + 1, other_height - 1)
            a, b = u - left, v - top
            left, top = max(left, 0), max(top, 0)
            middle_x, middle_y = floor(u + 0.5), floor(v + 0.5)
            for channel in range(3):
                upper = (1.0 - a) * other_photo[channel, top, left] + a * other_photo[channel, top, right]
                lower = (1.0 - a) * other_photo[channel, bottom, left] + a * other_photo[channel, bottom, right]
                colour[channel, row, column] = scale * ((1.0 - b) * upper + b * lower)
                low, high = 255.0, 0.0
                for j in range(max(0, middle_y - 1), min(other_height, middle_y + 2)):
                    for i in range(max(0, middle_x - 1), min(other_width, middle_x + 2)):
                        value = float(other_photo[channel, j, i])
                        low, high = min(low, value), max(high, value)
                for k in range(pictures.shape[0]):
                    value = pictures[k, channel, row, column]
                    outside = max(0.0, max(scale * low - value, value - scale * high))
                    differences[k, row, column] += outside * outside
            for k in range(pictures.shape[0]):
                differences[k, row, column] = sqrt(differences[k, row, column] / 3.0)
