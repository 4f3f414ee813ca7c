"""Colours where no photo shows any: on the surface from its neighbours there, beside it from the nearest texel."""

from __future__ import annotations

import cv2
import numpy as np
import scipy.sparse
from jaxtyping import Bool, Float32, Float64, Int32, Int64, UInt8
from numpy import ndarray

from maquette.recon.mesh.mesh import Mesh
from maquette.recon.rasterize.compiled import kernel
from maquette.recon.texture.texels import Texels

_SMOOTHINGS = 150
NEUTRAL = 128.0
FADE_PX = 10.0
"""How far what was seen reaches into what was not."""


def fill_unseen(
    mesh: Mesh,
    texels: Texels,
    charts: Int32[ndarray, " f"],
    colors: UInt8[ndarray, "n 3"],
    seen: Bool[ndarray, " n"],
) -> UInt8[ndarray, "n 3"]:
    """Give unseen texels the colours of the surface around: of its vertices, spread over the mesh, and close to what
    was seen in the same chart those of the nearest texel there, so that nothing begins abruptly.

    What the mesh's own vertex colours say is kept, moved by what photos showed of them nearby. Parts that no photo
    shows at all have their vertex colours, else the mean of everything seen, else grey. ``charts``: of each face.
    """
    if seen.all():
        return colors
    sums = np.zeros((len(mesh.vertices), 4))
    _gather(mesh.faces, texels.face, texels.barycentrics, colors, seen, sums)
    known = sums[:, 3] > 1e-3
    own = np.full((len(mesh.vertices), 3), NEUTRAL) if mesh.colors is None else mesh.colors.astype(np.float64)
    found = sums[:, :3] / np.maximum(sums[:, 3:], 1e-3)
    if mesh.colors is None and seen.any():
        own[:] = colors[seen].mean(axis=0)
    moved = _spread(mesh, np.where(known[:, None], found - own, 0.0), known)
    filled = colors.copy()
    _scatter(mesh.faces, texels.face, texels.barycentrics, (own + moved).astype(np.float32), seen, filled)
    if seen.any():
        _fade_in(texels, charts, seen, filled)
    return filled


def _fade_in(
    texels: Texels, charts: Int32[ndarray, " f"], seen: Bool[ndarray, " n"], colors: UInt8[ndarray, "n 3"]
) -> None:
    """Let unseen texels begin as the nearest seen one of their chart, and lose its colour within some texels."""
    nearest, distance = _nearest(texels.size_px, texels.index[seen])
    unseen = np.flatnonzero(~seen)
    away = distance[texels.index[unseen]]
    unseen, away = unseen[away < FADE_PX], away[away < FADE_PX]
    at = np.zeros(texels.size_px**2, np.int32)
    at[texels.index] = np.arange(len(texels.index), dtype=np.int32)
    source = at[nearest[texels.index[unseen]]]
    same = charts[texels.face[source]] == charts[texels.face[unseen]]
    unseen, source, share = unseen[same], source[same], (1 - away[same] / FADE_PX)[:, None]
    mixed = share * colors[source] + (1 - share) * colors[unseen]
    colors[unseen] = np.rint(mixed).astype(np.uint8)


def _nearest(
    size_px: int, index: Int64[ndarray, " k"]
) -> tuple[Int32[ndarray, " texels"], Float32[ndarray, " texels"]]:
    """For each texel of the texture the nearest one of ``index``, and how far away that is."""
    empty = np.ones(size_px * size_px, np.uint8)
    empty[index] = 0
    distance, labels = cv2.distanceTransformWithLabels(
        empty.reshape(size_px, size_px), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    source = np.zeros(int(labels.max()) + 1, np.int32)
    flat = labels.ravel()
    source[flat[index]] = index
    return source[flat], distance.ravel()


def _spread(mesh: Mesh, values: Float64[ndarray, "v 3"], known: Bool[ndarray, " v"]) -> Float64[ndarray, "v 3"]:
    """Values of unknown vertices from known ones: ring by ring outwards, then each the mean of its neighbours."""
    count = len(values)
    a = mesh.faces.ravel().astype(np.int64)
    b = np.roll(mesh.faces, -1, axis=1).ravel().astype(np.int64)
    links = scipy.sparse.coo_matrix((np.ones(2 * len(a)), (np.r_[a, b], np.r_[b, a])), (count, count)).tocsr()
    values, reached = values.copy(), known.copy()
    while True:
        degree = links @ reached.astype(np.float64)
        ring = ~reached & (degree > 0)
        if not ring.any():
            break
        values[ring] = (links[ring] @ (values * reached[:, None])) / degree[ring][:, None]
        reached |= ring
    free = np.flatnonzero(reached & ~known)
    rows = links[free]
    degree = np.maximum(np.asarray(rows.sum(axis=1)), 1e-9)
    for _ in range(_SMOOTHINGS):
        values[free] = (rows @ values) / degree
    return values


def gutter_filled(
    texels: Texels, colors: UInt8[ndarray, "n 3"], empty: tuple[int, int, int] = (int(NEUTRAL),) * 3
) -> UInt8[ndarray, "h w 3"]:
    """The whole texture: between charts each texel has the colour of the nearest one on a triangle; ``empty`` where
    there are none.

    All of it, so that neither bilinear filtering nor a smaller version ever takes in what is no surface.
    """
    size = texels.size_px
    image = np.zeros((size * size, 3), np.uint8)
    image[texels.index] = colors
    if not len(texels.index):
        return np.full((size, size, 3), empty, np.uint8)
    nearest, _ = _nearest(size, texels.index)
    whole: UInt8[ndarray, "h w 3"] = image[nearest].reshape(size, size, 3)
    return whole


@kernel
def _gather(
    faces: ndarray, face: ndarray, barycentrics: ndarray, colors: ndarray, seen: ndarray, sums: ndarray
) -> None:
    """Add seen colours to the corners of their faces, by barycentrics; the fourth column counts."""
    for i in range(face.shape[0]):
        if seen[i]:
            for corner in range(3):
                vertex, share = faces[face[i], corner], barycentrics[i, corner]
                for c in range(3):
                    sums[vertex, c] += share * colors[i, c]
                sums[vertex, 3] += share


@kernel
def _scatter(
    faces: ndarray, face: ndarray, barycentrics: ndarray, values: ndarray, seen: ndarray, colors: ndarray
) -> None:
    """Colours of unseen texels by the values at the corners of their faces."""
    for i in range(face.shape[0]):
        if not seen[i]:
            a, b, d = faces[face[i], 0], faces[face[i], 1], faces[face[i], 2]
            for c in range(3):
                value = (
                    barycentrics[i, 0] * values[a, c]
                    + barycentrics[i, 1] * values[b, c]
                    + barycentrics[i, 2] * values[d, c]
                )
                colors[i, c] = np.uint8(min(max(value + 0.5, 0.0), 255.0))
