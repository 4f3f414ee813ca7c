"""Place one photo in a reconstruction that stays as it is: the parent's side."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from maquette.errors import BadInputError
from maquette.progress import Progress, silent
from maquette.recon.cameras import Camera, camera_from_dict
from maquette.recon.scene import View
from maquette.recon.sfm.lenses import Lens
from maquette.recon.sfm.process import JobRefusedError, run_child
from maquette.recon.sfm.reasons import FEW_FEATURES
from maquette.recon.sfm.settings import SfmSettings

MOST_VIEWS = 40
"""Views that a photo is matched with: half of them the nearest, the others from all around."""


class PhotoNotPlacedError(BadInputError):
    """Nothing tells where the photo was taken from, among the photos that are there."""

    code = "replaced_photo_not_placed"


@dataclass(frozen=True, eq=False)
class PlacedPhoto:
    """A photo with its camera in the world of the others; ``image_path`` is undistorted, of the camera's size.

    ``how``: ``same_place`` keeps the camera of the photo before it; ``registered`` has one of its own. ``matches``
    spots agree with that, ``share`` of all that were matched, in ``matched_photos`` photos, to a median of
    ``error_px``.
    """

    camera: Camera
    image_path: Path
    how: Literal["same_place", "registered"]
    matches: int
    share: float
    matched_photos: int
    error_px: float

    def summary(self) -> dict[str, Any]:
        """How it was placed, for JSON."""
        kept = ("how", "matches", "share", "matched_photos", "error_px")
        return {name: getattr(self, name) for name in kept}


def place_one(
    photo: Path,
    before: View,
    others: Sequence[View],
    lens: Lens | None,
    work_dir: Path,
    *,
    long_side: int,
    settings: SfmSettings | None = None,
    focal_px: float | None = None,
    progress: Progress = silent,
) -> PlacedPhoto:
    """Undistort ``photo``, which takes the place of ``before``, and find where it was taken from.

    ``lens``: that of ``before``, as structure-from-motion found it; a photo of another shape (or without a known lens)
    is taken for a straight one, with ``focal_px`` from its EXIF where known, and is at most ``long_side`` px long.
    No camera of ``others`` moves. Everything is written under ``work_dir``.

    Raises :class:`PhotoNotPlacedError` or ``sfm_crashed``. Whatever ``progress`` raises ends the search.
    """
    shutil.rmtree(work_dir, ignore_errors=True)
    request = {
        "photo": str(photo.resolve()),
        "lens": asdict(lens) if lens else None,
        "focal_px": focal_px,
        "before": _entry("before", before),
        "views": [_entry(f"{i:05d}{v.image_path.suffix}", v) for i, v in enumerate(_chosen(before, others))],
        "long_side": long_side,
        "work": str(work_dir.resolve()),
        "settings": asdict(settings or SfmSettings()),
    }
    try:
        answer = run_child("place_one", request, work_dir, progress)
    except JobRefusedError as refusal:
        raise _not_placed(photo.name, refusal) from refusal
    return PlacedPhoto(
        camera=camera_from_dict(answer["camera"]),
        image_path=work_dir / "photos" / "new.jpg",
        how=answer["how"],
        matches=int(answer["matches"]),
        share=round(float(answer["share"]), 4),
        matched_photos=int(answer["matched_photos"]),
        error_px=round(float(answer["error_px"]), 3),
    )


def _entry(name: str, view: View) -> dict[str, Any]:
    return {"name": name, "image": str(view.image_path.resolve()), "camera": view.camera.as_dict()}


def _chosen(before: View, others: Sequence[View]) -> list[View]:
    """All of them, or those nearest to where the photo was and some from all around."""
    if len(others) <= MOST_VIEWS:
        return list(others)
    distance = [float(np.linalg.norm(view.camera.centre - before.camera.centre)) for view in others]
    order = [int(i) for i in np.argsort(distance, kind="stable")]
    near, far = order[: MOST_VIEWS // 2], sorted(order[MOST_VIEWS // 2 :])
    around = [far[i] for i in np.linspace(0, len(far) - 1, MOST_VIEWS - len(near)).round().astype(int)]
    return [others[i] for i in sorted({*near, *around})]


def _not_placed(name: str, refusal: JobRefusedError) -> PhotoNotPlacedError:
    facts = refusal.details
    features, matched = int(facts.get("features", 0)), int(facts.get("matched", 0))
    if refusal.code != "not_placed":
        why = "it cannot be read"
    elif matched == 0 and features < FEW_FEATURES:
        why = f"it has only {features} distinctive spots: it is blurred, dark or shows smooth surfaces"
    elif matched == 0:
        why = "it shows nothing that another photo shows"
    else:
        photos = f"{matched} photo{'' if matched == 1 else 's'}"
        agree = f"{facts['inliers']} of {facts['points']} spots agree on where it was taken from"
        why = f"it shares things with {photos}, but only {agree}"
        if not facts["lens_is_known"]:
            why += "; its shape is another than that of the photo before it, so it may be cropped"
    return PhotoNotPlacedError(
        f"The new photo '{name}' could not be placed among the others: {why}.",
        suggestion="Replace it by one that shows what its neighbours show, or generate again with all photos.",
        photo=name,
        **facts,
    )
