"""Where a model stands in the file it is exported to: upright, facing the viewer, at a scale, about an origin.

The start view, by default the first photo, looks along -z of a frame with y up, as glTF viewers begin. The other
frames are that one turned about x: ``-y`` (splat viewers) by 180 degrees, where it looks along +z; ``z`` (CAD, Blender,
USD) by 90 degrees, where it looks along +y, as Blender imports glTF.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.errors import BadInputError
from maquette.recon.cameras import Camera
from maquette.recon.formats.format import UpAxis
from maquette.recon.formats.points import Points
from maquette.recon.frame.similarity import Content, Similarity, moved
from maquette.recon.frame.up import Up
from maquette.recon.gaussians import Gaussians
from maquette.recon.mesh import Mesh
from maquette.recon.scene import Scene

Origin: TypeAlias = str | Sequence[float]
"""What becomes 0, 0, 0. ``captured``: the captured world's own origin; ``center``: the middle of the content;
``ground``: the point of the ground under that; three numbers: that point of the captured world."""

OUTERMOST = 1.0
"""Per cent at either end, along each axis, that the middle and the lowest point of Gaussians and points do not heed."""

FROM_Y_UP: dict[UpAxis, Float[ndarray, "3 3"]] = {
    "y": np.eye(3),
    "-y": np.diag([1.0, -1.0, -1.0]),
    "z": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]),
}


class BadPlacingError(BadInputError):
    """The scale, axis or origin asked for places nothing."""

    code = "bad_placing"


def placing(
    about: Gaussians | Mesh | Points,
    up: Up,
    *,
    up_axis: str = "y",
    scale: float = 1.0,
    origin: Origin = "captured",
    start_view: Camera | None = None,
) -> Similarity:
    """``out_from_world`` that stands a model upright. ``about`` is what ``center`` and ``ground`` are measured on.

    ``scale``: output units a world unit. Without ``start_view`` the turn about the vertical is the smallest one.
    One similarity serves all contents of a version. Raises :class:`BadPlacingError`.
    """
    if up_axis not in FROM_Y_UP:
        raise BadPlacingError(
            f"'{up_axis[:40]}' is no up axis.", suggestion=f"Choose one of {', '.join(FROM_Y_UP)}.", field="up_axis"
        )
    if not 0 < scale < np.inf:
        raise BadPlacingError(
            f"A scale of {scale:g} makes no model.", suggestion="Give a number above 0.", field="scale"
        )
    upright = FROM_Y_UP[up_axis] @ _upright(up, start_view)
    turned = Similarity(scale, upright, np.zeros(3))
    return Similarity(scale, upright, np.asarray(-turned.of_points(_origin(about, up, origin))))


def place_out(
    content: Content,
    up: Up,
    *,
    about: Gaussians | Mesh | Points | None = None,
    up_axis: str = "y",
    scale: float = 1.0,
    origin: Origin = "captured",
    start_view: Camera | None = None,
) -> tuple[Content, Similarity]:
    """``content`` moved by :func:`placing`, and the similarity. ``about``: by default the content itself."""
    if about is None:
        about = _cloud(content) if isinstance(content, Scene) else content
    by = placing(about, up, up_axis=up_axis, scale=scale, origin=origin, start_view=start_view)
    return moved(content, by), by


def _upright(up: Up, start_view: Camera | None) -> Float[ndarray, "3 3"]:
    """The rotation to y up; its rows are the new axes in the world."""
    y = up.vector
    if start_view is None:
        # -z of the world, or +z where the world stands on its head: turning that about x is no turn about the vertical.
        looks = [np.array([0.0, 0.0, -1.0 if y[1] >= 0 else 1.0]), np.array([0.0, 1.0, 0.0])]
    else:
        # A view straight down faces nowhere: the top of its picture does.
        looks = [start_view.camera_from_world[2, :3], -start_view.camera_from_world[1, :3]]
    forward = next(look for look in looks if np.linalg.norm(np.cross(look, y)) > 1e-3)
    z = -(forward - (forward @ y) * y)
    z /= np.linalg.norm(z)
    return np.stack([np.cross(y, z), y, z])


def _origin(about: Gaussians | Mesh | Points, up: Up, origin: Origin) -> Float[ndarray, 3]:
    if origin == "captured":
        return np.zeros(3)
    if not isinstance(origin, str):
        point = np.asarray(origin, dtype=np.float64)
        if point.shape != (3,) or not np.isfinite(point).all():
            raise BadPlacingError(
                "The origin is not three finite numbers.",
                suggestion="Give x,y,z of the captured world.",
                field="origin",
            )
        return point
    if origin not in ("center", "ground"):
        raise BadPlacingError(
            f"'{origin[:40]}' is no origin.",
            suggestion="Choose captured, center, ground, or three numbers.",
            field="origin",
        )
    places = places_of(about)
    if len(places) == 0:
        raise BadPlacingError(
            "Nothing is there to put the origin in the middle of.", suggestion="Use origin=captured.", field="origin"
        )
    # Along the axes of the upright frame, so that turning the world does not move the middle within the model.
    axes = _upright(up, None)
    edge = 0.0 if isinstance(about, Mesh) else OUTERMOST
    low, high = np.percentile(places @ axes.T, [edge, 100 - edge], axis=0)
    middle = (low + high) / 2
    if origin == "ground":
        middle[1] = low[1] if up.ground_height is None else up.ground_height
    return np.asarray(middle @ axes)


def places_of(content: Gaussians | Mesh | Points) -> Float[ndarray, "n 3"]:
    """Where the content is, float64: centres, vertices or points."""
    if isinstance(content, Gaussians):
        return content.means.astype(np.float64)
    if isinstance(content, Mesh):
        return content.vertices.astype(np.float64)
    return content.positions.astype(np.float64)


def _cloud(scene: Scene) -> Points:
    return Points(scene.points.astype(np.float32), scene.colors)
