"""Kernels that fill triangles: homogeneous edge functions, a depth buffer in bands of rows.

Olano and Greer 1997 ("Triangle Scan Conversion using 2D Homogeneous Coordinates"): with the corners p, q, r of a
triangle in the camera's frame, a pixel's ray d meets the plane at barycentrics in proportion to d.(q x r), d.(r x p),
d.(p x q), and their sum over the volume det(p, q, r) is one over the depth. All are linear in the pixel: no division
per corner, so what reaches behind the camera needs no new corners, only a bounding box that knows of it.

Only what takes long is compiled for all cores: each such kernel takes seconds to compile.
"""

from __future__ import annotations

import math

import numpy as np
from numba import prange
from numpy import ndarray

from maquette.recon.rasterize.compiled import Scalar, exact_kernel, kernel, parallel_kernel

BAND_ROWS = 16
_SLACK_PX = 1e-3
"""Bounding boxes are wider by this: a centre exactly on a corner must not be lost to both its triangles."""


@exact_kernel
def _plane(p: ndarray, q: ndarray, lens: ndarray, sign: Scalar, plane: ndarray) -> None:
    """The edge function of p to q in pixels. Exact: the neighbour's, from q to p, is its negative to the last bit,
    so that a pixel on the edge is never lost between them."""
    a = p[1] * q[2] - p[2] * q[1]
    b = p[2] * q[0] - p[0] * q[2]
    c = p[0] * q[1] - p[1] * q[0]
    a, b = a / lens[0], b / lens[1]
    plane[0], plane[1], plane[2] = sign * a, sign * b, sign * (c - (a * lens[2] + b * lens[3]))


@exact_kernel
def edge_at(plane: ndarray, x: Scalar, y: Scalar) -> Scalar:
    """Value of an edge function at a place in pixels; 0 or more inside."""
    return plane[0] * x + plane[1] * y + plane[2]


@exact_kernel
def _widen(px: Scalar, py: Scalar, pz: Scalar, lens: ndarray, box: ndarray) -> None:
    x, y = lens[0] * px / pz + lens[2], lens[1] * py / pz + lens[3]
    box[0], box[1] = min(box[0], x), max(box[1], x)
    box[2], box[3] = min(box[2], y), max(box[3], y)


@kernel
def set_up(
    points: ndarray, faces: ndarray, lens: ndarray, size: ndarray, near: Scalar, planes: ndarray, volumes: ndarray,
    boxes: ndarray,
) -> None:  # fmt: skip
    """Edge functions (f, 3, 3), volumes and pixel boxes (x first, x end, y first, y end) of all faces.

    ``points`` (v, 3) in the camera's frame, float64. What lies before the plane z = ``near``, is seen exactly from the
    side or holds NaN gets an empty box.
    """
    width, height = size[0], size[1]
    for f in range(faces.shape[0]):
        boxes[f] = 0
        p, q, r = points[faces[f, 0]], points[faces[f, 1]], points[faces[f, 2]]
        volume = (
            p[0] * (q[1] * r[2] - q[2] * r[1]) + p[1] * (q[2] * r[0] - q[0] * r[2]) + p[2] * (q[0] * r[1] - q[1] * r[0])
        )
        volumes[f] = abs(volume)
        if not (volumes[f] > 0.0):
            continue
        sign = 1.0 if volume > 0 else -1.0
        _plane(q, r, lens, sign, planes[f, 0])
        _plane(r, p, lens, sign, planes[f, 1])
        _plane(p, q, lens, sign, planes[f, 2])
        box = np.array([np.inf, -np.inf, np.inf, -np.inf])
        for corner in range(3):
            a, b = points[faces[f, corner]], points[faces[f, (corner + 1) % 3]]
            if a[2] >= near:
                _widen(a[0], a[1], a[2], lens, box)
            if (a[2] >= near) != (b[2] >= near):
                t = (near - a[2]) / (b[2] - a[2])
                _widen(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), near, lens, box)
        if not (box[0] <= box[1]):
            continue
        boxes[f, 0] = math.ceil(min(max(box[0] - 0.5 - _SLACK_PX, 0.0), width))
        boxes[f, 1] = math.floor(min(max(box[1] + 0.5 + _SLACK_PX, 0.0), width))
        boxes[f, 2] = math.ceil(min(max(box[2] - 0.5 - _SLACK_PX, 0.0), height))
        boxes[f, 3] = math.floor(min(max(box[3] + 0.5 + _SLACK_PX, 0.0), height))


@kernel
def count_bands(boxes: ndarray, counts: ndarray) -> None:
    """How many faces each band of rows holds."""
    for f in range(boxes.shape[0]):
        if boxes[f, 0] < boxes[f, 1] and boxes[f, 2] < boxes[f, 3]:
            for band in range(boxes[f, 2] // BAND_ROWS, (boxes[f, 3] - 1) // BAND_ROWS + 1):
                counts[band] += 1


@kernel
def list_bands(boxes: ndarray, cursors: ndarray, listed: ndarray) -> None:
    """The faces of each band in their order, from ``cursors`` on, which move."""
    for f in range(boxes.shape[0]):
        if boxes[f, 0] < boxes[f, 1] and boxes[f, 2] < boxes[f, 3]:
            for band in range(boxes[f, 2] // BAND_ROWS, (boxes[f, 3] - 1) // BAND_ROWS + 1):
                listed[cursors[band]] = f
                cursors[band] += 1


@parallel_kernel
def fill(
    planes: ndarray, volumes: ndarray, boxes: ndarray, starts: ndarray, listed: ndarray, near: Scalar, depth: ndarray,
    face: ndarray,
) -> None:  # fmt: skip
    """The nearest face of each pixel and its depth; of two at one depth the first. A band belongs to one thread."""
    height = depth.shape[0]
    for band in prange(starts.shape[0] - 1):
        first, end = band * BAND_ROWS, min(height, (band + 1) * BAND_ROWS)
        inverse = np.zeros((end - first, depth.shape[1]))
        limit = 1.0 / near
        for at in range(starts[band], starts[band + 1]):
            f = listed[at]
            p, q, r = planes[f, 0], planes[f, 1], planes[f, 2]
            shrink = 1.0 / volumes[f]
            for y in range(max(first, boxes[f, 2]), min(end, boxes[f, 3])):
                for x in range(boxes[f, 0], boxes[f, 1]):
                    a = edge_at(p, x + 0.5, y + 0.5)
                    b = edge_at(q, x + 0.5, y + 0.5)
                    c = edge_at(r, x + 0.5, y + 0.5)
                    if a >= 0.0 and b >= 0.0 and c >= 0.0:
                        nearness = (a + b + c) * shrink
                        if nearness > inverse[y - first, x] and nearness <= limit:
                            inverse[y - first, x] = nearness
                            face[y, x] = f
        for y in range(first, end):
            for x in range(depth.shape[1]):
                found = inverse[y - first, x]
                depth[y, x] = 1.0 / found if found > 0.0 else 0.0


@kernel
def resolve(planes: ndarray, face: ndarray, barycentrics: ndarray) -> None:
    """Perspective-correct barycentrics of each pixel's face, 0 where there is none."""
    for y in range(face.shape[0]):
        for x in range(face.shape[1]):
            f = face[y, x]
            if f < 0:
                barycentrics[y, x] = 0.0
                continue
            a = edge_at(planes[f, 0], x + 0.5, y + 0.5)
            b = edge_at(planes[f, 1], x + 0.5, y + 0.5)
            c = edge_at(planes[f, 2], x + 0.5, y + 0.5)
            total = a + b + c
            barycentrics[y, x, 0], barycentrics[y, x, 1], barycentrics[y, x, 2] = a / total, b / total, c / total
