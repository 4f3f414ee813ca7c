"""The one door from one photo to a scene: a view model where one can be used, else an honest relief."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from maquette.errors import MaquetteError
from maquette.progress import Progress, silent
from maquette.recon.background import Removed, open_remover, remove_background
from maquette.recon.capture import Reason
from maquette.recon.cuda.availability import device_files
from maquette.recon.enhance.method import Device
from maquette.recon.images import Photo
from maquette.recon.single.diffused import diffused_views
from maquette.recon.single.errors import BadViewsRequestError, SinglePhotoRefusedError, ViewsWithoutGpuError
from maquette.recon.single.pipelines import open_view_pipeline, view_model_problem
from maquette.recon.single.relief import Depth, relief_views
from maquette.recon.single.result import SingleViews
from maquette.recon.single.validate import judge_single
from maquette.recon.single.view_models import KNOWN
from maquette.recon.weights import Weights

WANTED_VIEWS, MOST_VIEWS = 16, 64
RELIEF_METHOD = "relief"


def make_views(
    photo: Photo,
    folder: Path,
    *,
    wanted: int = WANTED_VIEWS,
    method: str | None = None,
    removed: Removed | None = None,
    weights: Weights | None = None,
    depth: Depth | None = None,
    seed: int = 0,
    device: Device = "auto",
    gpu: bool | None = None,
    progress: Progress = silent,
) -> SingleViews:
    """Views of what one photo shows, as a scene whose files lie in ``folder``.

    ``removed``: the object, where its background was taken away. None: the photo's own transparency says it; without
    any, the relief is one of the whole picture, and for a view model the object is found first.

    ``method``: ``relief``, or a view model by name, which is then never replaced; None: the first view model that can
    be used and has a GPU (``gpu`` None: look), else the relief, with what stood in the way among the warnings.
    ``depth`` is for the relief; see :func:`maquette.recon.single.relief.relief_views`.

    Raises :class:`SinglePhotoRefusedError` for a photo that cannot become a model, :class:`BadViewsRequestError`,
    and the errors of a view model that is here and does not work.
    """
    if not 1 <= wanted <= MOST_VIEWS:
        raise BadViewsRequestError(
            f"{wanted} views cannot be made.", suggestion=f"Ask for 1 to {MOST_VIEWS}.", wanted=wanted
        )
    found = weights or Weights()
    name, in_the_way = _choose(method, found, bool(device_files()) if gpu is None else gpu)
    if removed is None and photo.alpha is not None:
        removed = remove_background(photo.pixels, alpha=photo.alpha)
    if removed is None and name is not None:
        removed = remove_background(photo.pixels, found)
    verdict = judge_single(photo, removed)
    if verdict.status == "rejected":
        raise SinglePhotoRefusedError(photo.name, verdict.reasons)
    if name is None or removed is None:
        views = relief_views(photo, removed, folder, wanted=wanted, depth=depth, progress=progress)
    else:
        # What a model paints has no shadows on its grey.
        remove = open_remover(found, shadows=False)
        with open_view_pipeline(name, found, device) as pipeline:
            views = diffused_views(
                photo, removed, pipeline, remove, folder, wanted=wanted, seed=seed, progress=progress
            )
    return _with_warnings(views, (*verdict.reasons, *_mask_warnings(removed), *in_the_way), removed)


def _choose(method: str | None, weights: Weights, gpu: bool) -> tuple[str | None, tuple[Reason, ...]]:
    """The view model's name, None for the relief; and why no model was taken, where one could have been."""
    if method == RELIEF_METHOD:
        return None, ()
    if method is not None:
        if method not in KNOWN and method not in weights.models:
            raise BadViewsRequestError(
                f"There is no method '{method}'.", suggestion=f"Choose {RELIEF_METHOD} or {', '.join(KNOWN)}."
            )
        problem = view_model_problem(method, weights)
        if problem is not None:
            raise problem
        return method, ()
    problems: list[MaquetteError] = []
    for name in KNOWN:
        problem = view_model_problem(name, weights) or (None if gpu else ViewsWithoutGpuError(name))
        if problem is None:
            return name, ()
        problems.append(problem)
    return None, tuple(Reason("view_model_unusable", one.message, one.suggestion) for one in problems)


def _mask_warnings(removed: Removed | None) -> tuple[Reason, ...]:
    if removed is None or not removed.degraded:
        return ()
    return (
        Reason(
            "background_by_colour",
            f"No background model is installed; object and background were told apart by colour ({removed.method}).",
            "Install one: `maquette models pull isnet-general-use`.",
        ),
    )


def _with_warnings(views: SingleViews, more: tuple[Reason, ...], removed: Removed | None) -> SingleViews:
    return replace(
        views,
        warnings=(*more, *views.warnings),
        degraded=views.degraded or (removed is not None and removed.degraded),
        details={
            **views.details,
            "background": None if removed is None else removed.method,
            "background_confidence": None if removed is None else round(removed.confidence, 3),
        },
    )
