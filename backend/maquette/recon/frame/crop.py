"""A box cut out of a model, in the frame that the model stands in then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.formats.points import Points
from maquette.recon.frame.clipping import clip
from maquette.recon.frame.similarity import AnyContent, Content
from maquette.recon.gaussians import Gaussians
from maquette.recon.mesh import Mesh


class BadCropError(BadInputError):
    """The numbers given span no box."""

    code = "bad_crop"


class EmptyCropError(BadInputError):
    """Nothing of the model lies in the box."""

    code = "crop_empty"


@dataclass(frozen=True)
class Box:
    """Lower and upper corner. Raises :class:`BadCropError` where a side has no length or a number is not finite."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def __post_init__(self) -> None:
        low, high = np.array(self.low), np.array(self.high)
        if not np.isfinite([low, high]).all() or not (low < high).all():
            raise BadCropError(
                "The crop box has no volume.",
                suggestion="Give xmin,ymin,zmin and xmax,ymax,zmax, each minimum below its maximum.",
                field="crop",
            )

    def holds(self, points: Float[ndarray, "n 3"]) -> Bool[ndarray, " n"]:
        """Which points lie in it, its sides included."""
        return np.asarray(((points >= self.low) & (points <= self.high)).all(axis=1))


def box_of(numbers: Sequence[float]) -> Box:
    """The box of six numbers: x, y, z of the lower corner, then of the upper one. Raises :class:`BadCropError`."""
    if len(numbers) != 6:
        raise BadCropError(
            f"A crop box needs six numbers, {len(numbers)} were given.",
            suggestion="Give xmin,ymin,zmin,xmax,ymax,zmax.",
            field="crop",
        )
    a, b, c, d, e, f = (float(number) for number in numbers)
    return Box((a, b, c), (d, e, f))


def crop(content: Content, box: Box) -> Content:
    """What of ``content`` lies in ``box``: Gaussians and points by their centres, a mesh cut at the sides.

    A mesh stays open where it is cut. Of a scene the points are cropped and all cameras stay. Raises
    :class:`EmptyCropError`.
    """
    return cast(Content, _cropped(content, box))


def _cropped(content: AnyContent, box: Box) -> AnyContent:
    if isinstance(content, Gaussians):
        inside = box.holds(content.means.astype(np.float64))
        _refuse_empty(int(inside.sum()), len(content), "Gaussians", box)
        return content.subset(inside)
    if isinstance(content, Points):
        inside = box.holds(content.positions.astype(np.float64))
        _refuse_empty(int(inside.sum()), len(inside), "points", box)
        normals = None if content.normals is None else content.normals[inside]
        return Points(content.positions[inside], content.colors[inside], normals)
    if isinstance(content, Mesh):
        mesh = content
        for axis in range(3):
            side = np.zeros(3)
            side[axis] = 1.0
            mesh = clip(clip(mesh, side, box.low[axis]), -side, -box.high[axis])
        _refuse_empty(len(mesh.faces), len(content.faces), "triangles", box)
        return mesh
    inside = box.holds(content.points.astype(np.float64))
    return replace(content, points=content.points[inside], colors=content.colors[inside])


def _refuse_empty(left: int, of: int, what: str, box: Box) -> None:
    if left == 0:
        raise EmptyCropError(
            f"None of the model's {of} {what} lies in the crop box.",
            suggestion="The box is in the exported frame, after up_axis, scale and origin. Export without it, and read "
            "the bounds there.",
            low=list(box.low),
            high=list(box.high),
        )
