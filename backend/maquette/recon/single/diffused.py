"""One photo with a view model: views all around, made up by diffusion, as a scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from maquette.progress import Progress, silent
from maquette.recon.background import Removed
from maquette.recon.background.errors import ObjectNotFoundError
from maquette.recon.background.remove import Remover
from maquette.recon.capture import Reason
from maquette.recon.images import Photo
from maquette.recon.single.crop import square_crop
from maquette.recon.single.errors import ViewsFailedError
from maquette.recon.single.hull import coloured_hull
from maquette.recon.single.pipelines import ViewPipeline
from maquette.recon.single.result import Angle, SingleViews, fewer_views
from maquette.recon.single.scene_of import MadeView, view_name, write_scene
from maquette.recon.single.view_models import HALF_EXTENT

LEAST_VIEWS = 3


def diffused_views(
    photo: Photo,
    removed: Removed,
    pipeline: ViewPipeline,
    remove: Remover,
    folder: Path,
    *,
    wanted: int,
    seed: int = 0,
    progress: Progress = silent,
) -> SingleViews:
    """The views that the model always makes, at most ``wanted``, cut out and placed as it was trained to see.

    Their backgrounds are taken away by ``remove``; a view without an object is left out and named. The photo itself
    is not among them: from how high it was taken, and through which lens, is not known. Raises
    :class:`ViewsFailedError` where fewer than three views show an object or their outlines share no space.
    """
    made = pipeline.made
    square = square_crop(photo.pixels, removed, made.input_px, made.margin, made.level)
    pictures = pipeline(square, seed=seed, progress=progress)
    views, masks, empty = [], [], []
    angles = zip(made.cameras(), pictures, made.azimuths_deg, made.elevations_deg, strict=True)
    for index, (camera, picture, azimuth, elevation) in enumerate(angles):
        name = view_name(index, azimuth, elevation)
        try:
            cut = remove(picture)
        except ObjectNotFoundError:
            empty.append(name)
            continue
        views.append(MadeView(name, camera, cut.over(picture), azimuth, elevation))
        masks.append(cut.mask)
    if len(views) < min(LEAST_VIEWS, len(pictures)):
        raise ViewsFailedError(pipeline.model.name, f"{len(empty)} of {len(pictures)} show no object")
    views, masks = views[:wanted], masks[:wanted]
    points, colors, missed = coloured_hull(
        [view.camera for view in views], [view.pixels for view in views], masks, HALF_EXTENT
    )
    if len(points) == 0:
        raise ViewsFailedError(pipeline.model.name, "their outlines share no space")
    return SingleViews(
        scene=write_scene(views, points, colors, folder),
        method=pipeline.method,
        degraded=bool(empty) or missed > 0,
        warnings=(
            *_warnings(empty, missed),
            *fewer_views(wanted, len(views), f"'{pipeline.model.name}' makes {len(pictures)}"),
        ),
        requested=wanted,
        made=len(views),
        angles=tuple(Angle(f"{view.name}.png", view.azimuth_deg, view.elevation_deg) for view in views),
        mask=removed.mask,
        details={
            "seed": seed,
            "licence": pipeline.model.licence,
            "device": pipeline.place.device,
            "vertical_fov_deg": made.fov_deg,
            "distance": round(float(np.linalg.norm(views[0].camera.centre)), 4),
            "outlines_missed": missed,
        },
    )


def _warnings(empty: list[str], missed: int) -> tuple[Reason, ...]:
    found = [
        Reason(
            "views_invented",
            "All sides but the photo's own were made up by a model; they may be wrong.",
            "Take more photos around the object where its true shape matters.",
        )
    ]
    if empty:
        found.append(
            Reason(
                "view_without_object",
                f"Made views without an object were left out: {', '.join(empty)}.",
                "Try another seed, or a photo with the object larger in it.",
            )
        )
    if missed:
        found.append(
            Reason(
                "views_disagree",
                f"The made views do not agree: the first shape ignores the outlines of {missed}.",
                "Try another seed, or take more photos.",
            )
        )
    return tuple(found)
