"""What a number of views together say about each pixel of another: how surely they see it, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.multiview.exposure import luma
from maquette.recon.multiview.reprojection import look_from, normals_of
from maquette.recon.multiview.settings import WeightSettings
from maquette.recon.multiview.structure import structure_similarity
from maquette.recon.multiview.views import Loaded

_STRIDE_PX = 8
_FAINTEST = 1e-6


@dataclass(frozen=True, eq=False)
class Evidence:
    """``visibility``: 1 - prod(1 - v) over the witnesses, 0 to 1. ``agreement``: 0 to 1, and 0 where nobody sees."""

    visibility: Float[ndarray, "h w"]
    agreement: Float[ndarray, "h w"]


def hear(subject: Loaded, witnesses: Iterable[tuple[Loaded, float]], settings: WeightSettings) -> Evidence:
    """Hear the ``witnesses``, each with how far it is trusted (0 to 1), about the ``subject``, one after the other.

    With v the visibility times the trust and d the colour difference of a witness, the agreement in colour is the
    mean of exp(-d^2 / 2 t^2) weighted by v. Detail is judged against the parent's render: with s and r the means of
    the structural similarity of picture and render with the witnesses, it counts exp(-max(0, r - s)^2 / 2 t^2). What
    blurs or shifts both by the same amount, a wrong depth above all, is not held against the picture.
    """
    camera, depth = subject.photo.camera, subject.depth
    normals = normals_of(camera, depth)
    pictures = np.stack([subject.photo.pixels * np.float32(1 / (255 * subject.gain)), subject.render])
    grey = np.stack([luma(picture) for picture in pictures])
    unseen = np.ones_like(depth)
    total, same_colour = np.zeros_like(depth), np.zeros_like(depth)
    detail = np.zeros_like(grey)
    for witness, trust in witnesses:
        sight = look_from(
            witness.photo.camera,
            witness.depth,
            witness.photo.pixels,
            camera=camera,
            depth=depth,
            normals=normals,
            pictures=pictures,
            gain=1.0 / witness.gain,
            settings=settings,
        )
        same, same_render = (_tolerant(one, settings.colour_tolerance) for one in sight.differences)
        visible = sight.visibility * np.maximum(same, same_render) * np.float32(trust)
        unseen *= 1 - visible
        total += visible
        same_colour += visible * same
        detail += visible * structure_similarity(luma(sight.colour), sight.visibility > 0, grey)
    share = np.divide(np.float32(1), total, out=np.zeros_like(total), where=total > _FAINTEST)
    lost = np.maximum(0, (detail[1] - detail[0]) * share)
    agreement = same_colour * share * _tolerant(lost, settings.detail_tolerance)
    return Evidence(*_pooled(1 - unseen, agreement, settings.pool_px))


def parent_agreement(subject: Loaded, settings: WeightSettings) -> Float32[ndarray, "h w"]:
    """exp(-d^2 / 2 t^2) of the difference d between the picture and the parent's render."""
    difference = subject.photo.pixels * np.float32(1 / (255 * subject.gain)) - subject.render
    return _tolerant(np.sqrt(np.square(difference).mean(axis=0)), settings.parent_tolerance)


def best_witnesses(
    camera: Camera, depth: Float32[ndarray, "h w"], cameras: Sequence[Camera], settings: WeightSettings
) -> tuple[int, ...]:
    """Indices of the at most ``settings.witnesses`` of ``cameras`` that together see most of this view, best first.

    Every eighth pixel counts by the angle between the rays, hidden or not. Each next camera is the one that adds most
    to the sum over the pixels of the root of what they are seen, so that those still hardly seen come first.
    """
    rows, columns = np.nonzero(depth[::_STRIDE_PX, ::_STRIDE_PX] > 0)
    rows, columns = rows * _STRIDE_PX, columns * _STRIDE_PX
    z = depth[rows, columns].astype(np.float64)
    x, y = (columns + 0.5 - camera.cx) / camera.fx * z, (rows + 0.5 - camera.cy) / camera.fy * z
    pose = camera.world_from_camera
    points = np.stack([x, y, z], axis=1) @ pose[:3, :3].T + pose[:3, 3]
    seen = np.stack([_seen(points, camera, other, settings) for other in cameras]) if cameras else np.empty((0, 0))
    chosen: list[int] = []
    so_far = np.zeros(len(points))
    left = {i for i in range(len(cameras)) if seen[i].any()}
    while left and len(chosen) < settings.witnesses:
        best = max(sorted(left), key=lambda i: float(np.sqrt(so_far + seen[i]).sum()))
        chosen.append(best)
        so_far += seen[best]
        left.remove(best)
    return tuple(chosen)


def _seen(points: ndarray, camera: Camera, other: Camera, settings: WeightSettings) -> ndarray:
    there = points @ other.camera_from_world[:3, :3].T + other.camera_from_world[:3, 3]
    in_front = there[:, 2] > 0
    z = np.where(in_front, there[:, 2], 1.0)
    u, v = other.fx * there[:, 0] / z + other.cx, other.fy * there[:, 1] / z + other.cy
    inside = in_front & (u >= 0) & (u < other.width) & (v >= 0) & (v < other.height)
    a, b = points - camera.centre, points - other.centre
    cosine = (a * b).sum(axis=1) / np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-12)
    angle = np.arccos(np.clip(cosine, -1, 1))
    return np.where(inside, np.maximum(0, 1 - angle / np.radians(settings.widest_angle_deg)), 0.0)


def _tolerant(difference: Float32[ndarray, "h w"], tolerance: float) -> Float32[ndarray, "h w"]:
    counted: Float32[ndarray, "h w"] = np.exp(np.square(difference) * np.float32(-0.5 / tolerance**2))
    return counted


def _pooled(
    visibility: Float32[ndarray, "h w"], agreement: Float32[ndarray, "h w"], side_px: int
) -> tuple[Float32[ndarray, "h w"], Float32[ndarray, "h w"]]:
    """Means over a square around each pixel, the agreement weighted by the visibility."""
    seen = cv2.boxFilter(visibility, cv2.CV_32F, (side_px, side_px), borderType=cv2.BORDER_REFLECT)
    agreed = cv2.boxFilter(visibility * agreement, cv2.CV_32F, (side_px, side_px), borderType=cv2.BORDER_REFLECT)
    return seen, np.divide(agreed, seen, out=np.zeros_like(seen), where=seen > _FAINTEST)
