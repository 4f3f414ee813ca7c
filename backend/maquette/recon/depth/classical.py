"""Depth without a network: the last resort, named ``classical`` in every record and marked degraded.

It is no estimate of depth in the sense of a depth network: nothing here recognises anything.

- :func:`interpolated` spreads the sparse points of a placed view over the picture, across even colour rather than
  across edges. It knows the points and nothing else: an object without a point of its own is as deep as its
  surroundings, and a wall whose colour changes bends at the change.
- :func:`relief` of a lone photo only looks plausible. An outline is blown up like a balloon; without an outline, what
  is lower in the picture is nearer. It measures nothing, and must never meet other views.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from maquette.errors import BadInputError
from maquette.recon.depth.align import sampled
from maquette.recon.depth.errors import TooFewDepthPointsError
from maquette.recon.depth.sightings import Sightings

INTERPOLATED, RELIEF = "classical_interpolated", "classical_relief"
"""What records call the two."""

LEAST_POINTS = 8
WORKING_PX = 160
"""Longer side of the grid that is solved on: points are too far apart for more to show."""
SOFT_COLOUR = 12.0
"""Difference of colour, of 255, over which depth is about a third as stiff."""
LOOSEST = 1e-3
"""Stiffness across the strongest edge: something must carry depth to where no point is."""
HOLD = 10.0
"""How firmly a point holds its pixel, against a stiffness of 1 between pixels of one colour."""
ROUND = 0.8
"""Depth of a blown-up outline, of half its width."""


class BadOutlineError(BadInputError):
    """An outline that shows nothing, or is of another size than its picture."""

    code = "bad_outline"


def interpolated(image: UInt8[ndarray, "h w 3"], seen: Sightings) -> Float32[ndarray, "h w"]:
    """Inverse depth (one over world units along z) of every pixel, from the sparse points its view shows.

    Minimises sum over points of HOLD (u - 1/z)^2 + sum over neighbours of w (u - u')^2, w falling with the difference
    of colour: colorization by optimization (Levin et al. 2004) with depth for colour. Points that contradict those
    around them are left out first. Raises :class:`TooFewDepthPointsError`.
    """
    if len(seen) < LEAST_POINTS:
        raise TooFewDepthPointsError(len(seen), LEAST_POINTS)
    return _spread(image, seen)


def errors_unseen(image: UInt8[ndarray, "h w 3"], seen: Sightings) -> Float[ndarray, " n"]:
    """Relative errors at each of at least :data:`LEAST_POINTS` points, had only every second of the others been known.

    Of points that were interpolated from, the error is nothing but the method's obedience.
    """
    errors = np.empty(len(seen))
    for start in (0, 1):
        asked, known = slice(start, None, 2), slice(1 - start, None, 2)
        said = sampled(_spread(image, Sightings(seen.xy[known], seen.inverse[known])), seen.xy[asked])
        errors[asked] = np.abs(said - seen.inverse[asked]) / seen.inverse[asked]
    return errors


def _spread(image: UInt8[ndarray, "h w 3"], seen: Sightings) -> Float32[ndarray, "h w"]:
    height, width = image.shape[:2]
    shrink = min(1.0, WORKING_PX / max(width, height))
    columns, rows = max(2, round(width * shrink)), max(2, round(height * shrink))
    small = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    kept = _consistent(seen, width, height)
    column = np.minimum((seen.xy[kept, 0] * columns / width).astype(np.intp), columns - 1)
    row = np.minimum((seen.xy[kept, 1] * rows / height).astype(np.intp), rows - 1)
    pixel, inverse = row * columns + column, seen.inverse[kept]

    system = _stiffness(small)
    count = HOLD * np.bincount(pixel, minlength=rows * columns)
    total = HOLD * np.bincount(pixel, weights=inverse, minlength=rows * columns)
    here = np.arange(rows * columns)
    solved = splu((system + coo_array((count, (here, here)), shape=system.shape)).tocsc()).solve(total)
    smooth = np.clip(solved, inverse.min(), inverse.max()).reshape(rows, columns).astype(np.float32)
    full: Float32[ndarray, "h w"] = cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR)
    return full


def relief(image: UInt8[ndarray, "h w 3"], outline: UInt8[ndarray, "_ _"] | None = None) -> Float32[ndarray, "h w"]:
    """Relative inverse depth, 0 to 1, 1 nearest, made up from a lone photo; read the module's warning.

    With an ``outline`` (255 object, 0 not; the picture's size) the object bulges towards the camera and the rest is 0:
    the height h of a soap film under pressure, -laplace(h) = 1 with h = 0 at the border, its root taken so that a disc
    becomes half a ball. Without one it rises from the picture's upper to its lower edge. Raises
    :class:`BadOutlineError`.
    """
    height, width = image.shape[:2]
    if outline is None:
        rows = ((np.arange(height) + 0.5) / height).astype(np.float32)
        return np.ascontiguousarray(np.broadcast_to(rows[:, None], (height, width)))
    if outline.shape != (height, width):
        raise BadOutlineError(
            f"The outline has {outline.shape[1]} x {outline.shape[0]} pixels, its picture {width} x {height}.",
            suggestion="Give an outline of the picture's size.",
        )
    shrink = min(1.0, WORKING_PX / max(width, height))
    columns, rows_n = max(2, round(width * shrink)), max(2, round(height * shrink))
    inside = cv2.resize(outline, (columns, rows_n), interpolation=cv2.INTER_AREA) >= 128
    if not inside.any():
        raise BadOutlineError("The outline shows no object.", suggestion="Mark the object in it, 255 on 0.")
    # A frame of outside, so that an object cut off by the picture's edge closes there too.
    framed = np.pad(inside, 1)
    flat = framed.ravel()
    system = _stiffness(np.zeros((*framed.shape, 3), np.float32)).tocsr()[flat][:, flat]
    film = np.zeros(framed.size)
    film[flat] = np.sqrt(np.maximum(splu(system.tocsc()).solve(np.ones(int(flat.sum()))), 0.0))
    bulge = film.reshape(framed.shape)[1:-1, 1:-1]
    full = cv2.resize((bulge / bulge.max()).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    # Half of the scale is the object's own distance: its rim must not lie as far away as the background.
    near = np.float32(1 - 0.5 * ROUND) + np.float32(0.5 * ROUND) * full
    return np.where(outline >= 128, near, np.float32(0.0)).astype(np.float32)


def _stiffness(small: Float32[ndarray, "h w 3"]) -> coo_array:
    """The graph Laplacian of the pixel grid, each edge weighted by how alike its two pixels are."""
    rows, columns = small.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    ends, weights = [], []
    for a, b, one, other in (
        (index[:, :-1], index[:, 1:], small[:, :-1], small[:, 1:]),
        (index[:-1], index[1:], small[:-1], small[1:]),
    ):
        difference = np.abs(one - other).max(axis=2)
        ends.append(np.stack([a.ravel(), b.ravel()]))
        weights.append(np.maximum(np.exp(-difference / SOFT_COLOUR), LOOSEST).ravel())
    first, second = np.concatenate(ends, axis=1)
    weight: Float[ndarray, " e"] = np.concatenate(weights).astype(np.float64)
    diagonal = np.bincount(first, weight, rows * columns) + np.bincount(second, weight, rows * columns)
    here = np.arange(rows * columns)
    return coo_array(
        (
            np.concatenate([diagonal, -weight, -weight]),
            (np.concatenate([here, first, second]), np.concatenate([here, second, first])),
        ),
        shape=(rows * columns, rows * columns),
    )


def _consistent(seen: Sightings, width: int, height: int) -> ndarray:
    """Which points agree with the median of their nine nearest within a factor of two: the rest are mismatches."""
    neighbours = min(9, len(seen))
    _, near = cKDTree(seen.xy).query(seen.xy, k=neighbours)
    usual = np.median(seen.inverse[near], axis=1)
    ratio = seen.inverse / usual
    return np.asarray((ratio > 0.5) & (ratio < 2.0))
