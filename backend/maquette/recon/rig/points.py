"""Coloured points of the six depth pictures, without those that another side contradicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from numpy import ndarray

from maquette.recon.cameras import Camera

WANTED = 30_000
"""About so many points of all sides together."""
IN_FRONT, BESIDE_PX = 0.03, 0.012
"""A point this far (camera distances) before another side's surface, or this far (picture widths) beside its object,
is contradicted by it."""
CONTRADICTIONS = 2
"""Sides that must contradict: pictures that were not made from one model never agree everywhere."""
EDGE = 0.04
"""Depth difference, camera distances, between neighbouring pixels across which a surface ends: what lies between is
no surface."""


@dataclass(frozen=True, eq=False)
class DepthPicture:
    """What one side knows: its camera, distances along z (world units, 0 unknown), colours, and what is the object."""

    camera: Camera
    depth: Float32[ndarray, "h w"]
    pixels: UInt8[ndarray, "h w 3"]
    silhouette: UInt8[ndarray, "h w"]


def fuse(
    pictures: Sequence[DepthPicture], wanted: int = WANTED
) -> tuple[Float[ndarray, "n 3"], UInt8[ndarray, "n 3"], float]:
    """World points, their colours (sRGB 0 to 255), and the share that was dropped because others contradict."""
    usable = [_surface_pixels(one) for one in pictures]
    step = max(1, round(float(np.sqrt(sum(int(one.sum()) for one in usable) / max(1, wanted)))))
    places, colours, kept = [], [], []
    for index, (picture, pixels) in enumerate(zip(pictures, usable, strict=True)):
        grid = np.zeros_like(pixels)
        grid[step // 2 :: step, step // 2 :: step] = True
        y, x = np.nonzero(pixels & grid)
        points = _world(picture, x, y)
        against = sum(
            (_contradicts(other, points).astype(np.int64) for i, other in enumerate(pictures) if i != index),
            start=np.zeros(len(points), np.int64),
        )
        places.append(points)
        colours.append(picture.pixels[y, x])
        kept.append(against < CONTRADICTIONS)
    keep = np.concatenate(kept)
    if not keep.any():
        keep[:] = True
    return np.concatenate(places)[keep], np.concatenate(colours)[keep], 1.0 - float(keep.mean())


def _surface_pixels(picture: DepthPicture) -> Bool[ndarray, "h w"]:
    known = picture.depth > 0
    kernel = np.ones((3, 3), np.uint8)
    highest = cv2.dilate(picture.depth, kernel)
    lowest = cv2.erode(np.where(known, picture.depth, np.float32(1e9)).astype(np.float32), kernel)
    return np.asarray(known & (highest - lowest < EDGE) & (picture.silhouette >= 128))


def _world(picture: DepthPicture, x: ndarray, y: ndarray) -> Float[ndarray, "n 3"]:
    camera, z = picture.camera, picture.depth[y, x].astype(np.float64)
    local = np.column_stack([(x + 0.5 - camera.cx) / camera.fx * z, (y + 0.5 - camera.cy) / camera.fy * z, z])
    pose = camera.camera_from_world
    return np.asarray((local - pose[:3, 3]) @ pose[:3, :3])


def _contradicts(picture: DepthPicture, points: Float[ndarray, "n 3"]) -> Bool[ndarray, " n"]:
    camera, pose = picture.camera, picture.camera.camera_from_world
    local = points @ pose[:3, :3].T + pose[:3, 3]
    z = np.maximum(local[:, 2], 1e-6)
    u = np.clip((camera.fx * local[:, 0] / z + camera.cx).astype(np.int64), 0, camera.width - 1)
    v = np.clip((camera.fy * local[:, 1] / z + camera.cy).astype(np.int64), 0, camera.height - 1)
    known = picture.depth > 0
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, 5) / camera.width
    there = picture.depth[v, u]
    return np.asarray(np.where(there > 0, z < there - IN_FRONT, away[v, u] > BESIDE_PX))
