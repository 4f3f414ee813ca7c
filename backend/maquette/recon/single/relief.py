"""One photo without a view model: a relief, and only those views that it can honestly be looked at from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray

from maquette.progress import Progress, silent
from maquette.recon.background import Removed
from maquette.recon.capture import Reason
from maquette.recon.depth.classical import RELIEF
from maquette.recon.depth.classical import relief as classical_relief
from maquette.recon.depth.estimator import DepthEstimate
from maquette.recon.images import Photo
from maquette.recon.single.honest import MADE_UP_DEG, MOST_DEG, camera_at, honest_range, honest_viewpoints
from maquette.recon.single.result import Angle, SingleViews, fewer_views
from maquette.recon.single.scene_of import MadeView, view_name, write_scene
from maquette.recon.single.surface import Relief, make_relief
from maquette.recon.single.sweep import look

USUAL_FOV_DEG = 50.0
"""Field of view of the photo's longer side where its file says nothing: between a telephone's and a portrait lens."""
VIEW_PX = 640
"""Longer side of the views: a relief holds no more, and each takes about a second."""
_MOST_POINTS = 30_000

Depth = Callable[[UInt8[ndarray, "h w 3"]], DepthEstimate]
"""Relative inverse depth of a photo: a :class:`maquette.recon.depth.estimator.DepthEstimator`."""


def relief_views(
    photo: Photo,
    removed: Removed | None,
    folder: Path,
    *,
    wanted: int,
    depth: Depth | None = None,
    progress: Progress = silent,
) -> SingleViews:
    """A scene of the photo as it is, and views of its relief around it; see :class:`SingleViews`.

    ``removed``: the object (None: the whole picture is the relief). ``depth`` None: the depth is made up from the
    outline, and the camera may go :data:`MADE_UP_DEG` at most. The same input gives the same scene.
    """
    mask = None if removed is None else removed.mask
    progress("depth", 0.0)
    inverse, source = _inverse_depth(photo.pixels, mask, depth)
    fov = _vertical_fov(photo)
    pixels = photo.pixels if removed is None else removed.over(photo.pixels)
    relief = make_relief(pixels, inverse, mask, fov)
    progress("depth", 1.0, source)

    small = relief.resized_to(VIEW_PX)
    within = honest_range(small, MOST_DEG if depth is not None else MADE_UP_DEG)
    places = honest_viewpoints(small, within, wanted)
    views = [MadeView("00_input", relief.camera, relief.pixels, 0.0, 0.0, None, _where_inside(relief))]
    angles = [Angle("00_input.png", 0.0, 0.0)]
    for index, (azimuth, elevation) in enumerate(places, start=1):
        camera = camera_at(small, azimuth, elevation)
        seen = look(small, camera)
        name = view_name(index, azimuth, elevation)
        views.append(MadeView(name, camera, seen.pixels, azimuth, elevation, seen.known, seen.depth))
        angles.append(Angle(f"{name}.png", azimuth, elevation, round(seen.unknown_share, 4)))
        progress("views", index / len(places), name)
    scene = write_scene(views, *_points(relief), folder)
    why = (
        f"its depth is made up, so none is farther round than {MADE_UP_DEG:.0f} degrees"
        if depth is None
        else "from farther round, too much that no photo shows would have to be made up"
    )
    return SingleViews(
        scene=scene,
        method=f"relief:{source}",
        degraded=True,
        warnings=(*_warnings(photo, source, depth is None, mask is None), *fewer_views(wanted, len(places), why)),
        requested=wanted,
        made=len(places),
        angles=tuple(angles),
        mask=mask,
        details={
            "depth": source,
            "vertical_fov_deg": round(fov, 2),
            "fov_assumed": photo.focal_px is None,
            "honest_range_deg": within.as_dict(),
        },
    )


def _inverse_depth(
    pixels: UInt8[ndarray, "h w 3"], mask: UInt8[ndarray, "h w"] | None, depth: Depth | None
) -> tuple[Float32[ndarray, "h w"], str]:
    if depth is None:
        return classical_relief(pixels, mask), RELIEF
    # The whole photo, background and all: networks were trained on such.
    estimate = depth(pixels)
    return estimate.inverse, f"{estimate.method}@{estimate.revision}"


def _vertical_fov(photo: Photo) -> float:
    focal = photo.focal_px or max(photo.width, photo.height) / 2 / np.tan(np.radians(USUAL_FOV_DEG) / 2)
    return float(np.degrees(2 * np.arctan(photo.height / 2 / focal)))


def _where_inside(relief: Relief) -> Float32[ndarray, "h w"]:
    return np.where(relief.inside, relief.depth, np.float32(0))


def _points(relief: Relief) -> tuple[Float[ndarray, "n 3"], UInt8[ndarray, "n 3"]]:
    """Places (world units) and colours of an even part of what is seen."""
    step = max(1, int(np.ceil(np.sqrt(relief.inside.sum() / _MOST_POINTS))))
    row, column = np.nonzero(relief.inside[step // 2 :: step, step // 2 :: step])
    row, column = row * step + step // 2, column * step + step // 2
    camera, z = relief.camera, relief.depth[row, column].astype(np.float64)
    at = np.stack([(column + 0.5 - camera.cx) / camera.fx * z, (row + 0.5 - camera.cy) / camera.fy * z, z], axis=1)
    pose = camera.world_from_camera
    return at @ pose[:3, :3].T + pose[:3, 3], np.ascontiguousarray(relief.pixels[row, column])


def _made_up_from(whole: bool) -> str:
    return "from the height in the picture" if whole else "from the object's outline"


def _warnings(photo: Photo, source: str, made_up: bool, whole: bool) -> tuple[Reason, ...]:
    found = [
        Reason(
            "relief_only",
            "The model is a relief of the one photo: its sides and back are not there.",
            "Take more photos around the object, or install a view model: `maquette models list`.",
        )
    ]
    if made_up:
        found.append(
            Reason(
                "depth_made_up",
                f"No depth model was used; the relief's depth is made up {_made_up_from(whole)} ({source}).",
                "Install one: `maquette models pull depth-anything-v2-small`.",
            )
        )
    if photo.focal_px is None:
        found.append(
            Reason(
                "field_of_view_assumed",
                f"'{photo.name}' does not say its focal length; {USUAL_FOV_DEG:.0f} degrees were assumed.",
                "Send the camera's own file: its EXIF data hold it.",
            )
        )
    return tuple(found)
