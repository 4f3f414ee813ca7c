"""Colours for vertices, from the model's own renderings: what shows where there is no texture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8
from numpy import ndarray
from scipy.spatial import cKDTree

from maquette.recon.mesh.sights import Sight

UNSEEN = 160
"""Grey of a mesh that no view shows anything of."""


def vertex_colors(
    vertices: Float32[ndarray, "v 3"], normals: Float32[ndarray, "v 3"], sights: Sequence[Sight], reach: float
) -> tuple[UInt8[ndarray, "v 3"], Bool[ndarray, " v"]]:
    """sRGB of each vertex: the mean over the views that see it within ``reach`` (world units) of their own surface,
    weighted by how squarely and how closely they look. And which vertices any view sees; the others have the colour of
    the nearest that is seen."""
    total, weights = np.zeros((len(vertices), 3)), np.zeros(len(vertices))
    for sight in sights:
        camera = sight.camera
        there = vertices @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]
        z = np.where(there[:, 2] > 1e-9, there[:, 2], np.inf)
        u, v = there[:, 0] / z * camera.fx + camera.cx - 0.5, there[:, 1] / z * camera.fy + camera.cy - 0.5
        inside = np.isfinite(z) & (u > -0.5) & (v > -0.5) & (u < camera.width - 0.5) & (v < camera.height - 0.5)
        at = np.flatnonzero(inside)
        if len(at) == 0:
            continue
        column, row = np.rint(u[at]).astype(np.int64), np.rint(v[at]).astype(np.int64)
        depth, sure = sight.depth[row, column], sight.weight[row, column]
        ray = camera.centre - vertices[at]
        distance = np.linalg.norm(ray, axis=1)
        squarely = (ray * normals[at]).sum(axis=1) / distance
        seen = (depth > 0) & (np.abs(depth - z[at]) <= reach) & (squarely > 0.05) & (sure > 0)
        at, weight = at[seen], (squarely**2 * np.maximum(sure, 1e-3) / distance**2)[seen]
        maps = (u[at, None].astype(np.float32), v[at, None].astype(np.float32))
        picture = sight.color.astype(np.float32)
        for start in range(0, len(at), 32_000):  # OpenCV's remap takes pictures of less than 32768 rows
            some = slice(start, start + 32_000)
            found = cv2.remap(picture, maps[0][some], maps[1][some], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            total[at[some]] += found[:, 0] * weight[some, None]
        weights[at] += weight
    seen = weights > 0
    colors = np.full((len(vertices), 3), float(UNSEEN))
    colors[seen] = total[seen] / weights[seen, None]
    if seen.any() and not seen.all():
        _, nearest = cKDTree(vertices[seen]).query(vertices[~seen], workers=-1)
        colors[~seen] = colors[seen][nearest]
    return np.clip(np.rint(colors), 0, 255).astype(np.uint8), seen
