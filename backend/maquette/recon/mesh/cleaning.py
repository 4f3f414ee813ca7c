"""A surface as fused made into a mesh as used: floaters gone, small holes closed, few triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64, Int32
from numpy import ndarray

from maquette.recon.mesh.errors import NoSurfaceError
from maquette.recon.mesh.holes import close_holes
from maquette.recon.mesh.settings import MeshSettings
from maquette.recon.mesh.smoothing import smoothed
from maquette.recon.mesh.topology import (
    areas,
    border,
    compacted,
    half_edges,
    parts,
    split_touching,
    volume,
    without_bad_faces,
)

SMALLEST_PART = 16
"""Faces of the smallest part that is kept, however small the others are."""

ROOM = 0.985
"""Of the triangles asked for: the rest may be needed for closing holes that decimation left."""


@dataclass(frozen=True, eq=False)
class Cleaned:
    """Vertices in world units, faces, and what was done."""

    vertices: Float32[ndarray, "v 3"]
    faces: Int32[ndarray, "f 3"]
    parts: int
    parts_removed: int
    holes_closed: int
    open_share: float
    """Length of the borders left open, in square roots of the area: 0 is watertight."""
    volume: float | None
    """Cubic world units; None where there are open borders."""
    before: tuple[Float32[ndarray, "w 3"], Int32[ndarray, "g 3"]] | None
    """Vertices and faces before decimation; None where there was none."""


def clean(
    vertices: Float64[ndarray, "v 3"], faces: Int32[ndarray, "f 3"], settings: MeshSettings, smoothing_rounds: int = 0
) -> Cleaned:
    """The mesh with at most ``settings.triangles`` faces. Raises ``no_surface`` where nothing is left."""
    vertices, faces, removed = largest_parts(vertices, faces, settings.least_part)
    if len(faces) == 0:
        raise NoSurfaceError("what its views have in common is only crumbs")
    round_hole = settings.hole * float(np.linalg.norm(vertices.max(axis=0) - vertices.min(axis=0)))
    largest = round_hole**2 / (4 * np.pi)
    vertices, faces = split_touching(vertices, faces)
    faces, closed = close_holes(vertices, faces, largest)
    vertices = smoothed(vertices, faces, smoothing_rounds)
    before = (vertices.astype(np.float32), faces) if len(faces) > settings.triangles else None
    vertices, faces = decimated(vertices, faces, settings.triangles)
    vertices, faces = split_touching(vertices, without_bad_faces(faces))
    # Decimation may leave a crack where it made bad triangles
    faces, mended = close_holes(vertices, faces, largest)
    vertices, faces, crumbs = largest_parts(vertices, faces, 0.0)
    if len(faces) == 0:
        raise NoSurfaceError("what its views have in common is only crumbs")
    open_edges = border(faces)
    start, end = (side[open_edges] for side in half_edges(faces))
    open_length = float(np.linalg.norm(vertices[end] - vertices[start], axis=1).sum())
    return Cleaned(
        vertices=vertices.astype(np.float32),
        faces=faces,
        parts=parts(faces, len(vertices))[0],
        parts_removed=removed + crumbs,
        holes_closed=closed + mended,
        open_share=open_length / float(np.sqrt(areas(vertices, faces).sum())),
        volume=None if open_edges.any() else volume(vertices, faces),
        before=before,
    )


def largest_parts(
    vertices: Float64[ndarray, "v 3"], faces: Int32[ndarray, "f 3"], least_part: float
) -> tuple[Float64[ndarray, "w 3"], Int32[ndarray, "g 3"], int]:
    """Only parts of at least ``least_part`` of the largest one's area; and how many were removed."""
    if len(faces) == 0:
        return vertices, faces, 0
    count, part = parts(faces, len(vertices))
    area = np.bincount(part, weights=areas(vertices, faces), minlength=count)
    keep = (area >= least_part * area.max()) & (np.bincount(part, minlength=count) >= SMALLEST_PART)
    vertices, faces = compacted(vertices, faces[keep[part]])
    return vertices, faces, int(count - keep.sum())


def decimated(
    vertices: Float64[ndarray, "v 3"], faces: Int32[ndarray, "f 3"], most: int
) -> tuple[Float64[ndarray, "w 3"], Int32[ndarray, "g 3"]]:
    """At most ``most`` faces, by collapsing edges (quadric errors, Garland & Heckbert 1997)."""
    if len(faces) <= most:
        return vertices, faces
    import fast_simplification  # type: ignore[import-untyped]

    # Around the origin and of unit size: the library counts in float32
    middle, size = vertices.mean(axis=0), float(np.ptp(vertices, axis=0).max())
    points, triangles = fast_simplification.simplify(
        ((vertices - middle) / size).astype(np.float32), faces.astype(np.int32), target_count=int(ROOM * most)
    )[:2]
    return np.asarray(points, np.float64) * size + middle, np.asarray(triangles, np.int32)


def vertex_normals(vertices: Float[ndarray, "v 3"], faces: Int32[ndarray, "f 3"]) -> Float32[ndarray, "v 3"]:
    """Unit normals, each face weighted by its angle at the vertex (Thuermer & Wuethrich 1998)."""
    corners = vertices[faces].astype(np.float64)
    forward = np.roll(corners, -1, axis=1) - corners
    backward = np.roll(corners, 1, axis=1) - corners
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    lengths = np.linalg.norm(forward, axis=2) * np.linalg.norm(backward, axis=2)
    angle = np.arccos(np.clip((forward * backward).sum(axis=2) / np.maximum(lengths, 1e-300), -1, 1))
    total = np.stack(
        [
            np.bincount(faces.reshape(-1), (angle * normal[:, axis, None]).reshape(-1), minlength=len(vertices))
            for axis in range(3)
        ],
        axis=1,
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    # Where faces cancel out, any direction is as good as another
    return np.where(length > 1e-12, total / np.maximum(length, 1e-12), [0.0, 0.0, 1.0]).astype(np.float32)
