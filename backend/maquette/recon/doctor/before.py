"""The set before any heavy work: counts and shares over the verdicts on its photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from maquette.recon.capture import Reason, Verdict
from maquette.recon.doctor.verdict import SetVerdict, verdict_of
from maquette.recon.sfm.gate import PLACED
from maquette.recon.single.validate import shape_findings

GOOD_COUNT = 20
"""Photos that show a thing from all sides in steps of 18 degrees."""
LARGE_SHARE = 0.3
"""Of all photos: how many may have one fault before it is the set's."""
SAME_VIEW_SHARE = 0.5
EXPOSURE_SPREAD = 35.0
"""Standard deviation of the photos' mean brightness, of 255, from which the exposure was not locked."""

_FAULTS = {
    "blurred": (
        "mostly_blurred",
        "blurred",
        "Take them again with a steady hand, more light and the subject in focus.",
    ),
    "underexposed": (
        "mostly_dark",
        "very dark",
        "Take them again with more light, the exposure locked on the subject.",
    ),
    "overexposed": ("mostly_bright", "very bright", "Take them again with the exposure locked on the subject."),
    "low_resolution": ("mostly_small", "of low resolution", "Send the originals, not previews or pictures of a chat."),
}


def judge_set(verdicts: Sequence[Verdict], camera_models: Sequence[str | None] = ()) -> SetVerdict:
    """Judge the photos that are not rejected. ``camera_models``: from EXIF, one a photo, where known."""
    photos = [verdict for verdict in verdicts if verdict.status != "rejected"]
    reasons = _count(len(photos), len(verdicts))
    if not photos:
        return verdict_of(reasons)
    if len(photos) == 1:
        size = (photos[0].measures.width, photos[0].measures.height)
        return verdict_of([*reasons, *shape_findings(photos[0].name, size, size)])
    found = Counter(reason.code for photo in photos for reason in photo.reasons)
    for fault, (code, words, action) in _FAULTS.items():
        if found[fault] > LARGE_SHARE * len(photos):
            reasons.append(Reason(code, f"{found[fault]} of {len(photos)} photos are {words}.", action))
    if found["near_duplicate"] > SAME_VIEW_SHARE * len(photos):
        reasons.append(
            Reason(
                "mostly_same_view",
                f"{found['near_duplicate']} of {len(photos)} photos show almost the same view as another one.",
                "Step to the side between photos, by about a tenth of the distance to the subject.",
            )
        )
    return verdict_of([*reasons, *_mixed(photos, camera_models)])


def _count(usable: int, total: int) -> list[Reason]:
    of = f" of {total}" if usable < total else ""
    more = "Take photos all around the subject, each showing two thirds of what the last one showed."
    if usable == 1:
        return [
            Reason(
                "one_photo",
                f"With one photo{of} the model is a relief seen from its front, unless a view model is installed;"
                f" {GOOD_COUNT} to 60 photos are good.",
                more,
            )
        ]
    if usable < PLACED.error:
        return [
            Reason(
                "too_few_photos",
                f"{usable}{of} photos can be used; {PLACED.error:.0f} are the least, {GOOD_COUNT} to 60 are good.",
                more,
            )
        ]
    if usable < PLACED.warning:
        return [Reason("few_photos", f"Only {usable}{of} photos can be used; {GOOD_COUNT} to 60 are good.", more)]
    if usable < GOOD_COUNT:
        missing = GOOD_COUNT - usable
        return [
            Reason(
                "few_for_a_whole_model",
                f"{usable} photos show one side of a thing; {GOOD_COUNT} or more show it from all sides.",
                f"Take {missing} more where it shall be seen from all sides.",
            )
        ]
    return []


def _mixed(photos: Sequence[Verdict], camera_models: Sequence[str | None]) -> list[Reason]:
    reasons = []
    sizes = Counter((photo.measures.width, photo.measures.height) for photo in photos)
    if len(sizes) > 1:
        common = " and ".join(f"{w} x {h} ({count})" for (w, h), count in sizes.most_common(2))
        more = f", and {len(sizes) - 2} more" if len(sizes) > 2 else ""
        reasons.append(
            Reason(
                "mixed_sizes",
                f"The photos have {len(sizes)} different sizes: {common}{more}.",
                "Nothing to do where they come from several cameras or orientations; do not crop photos.",
            )
        )
    models = Counter(model for model in camera_models if model)
    if len(models) > 1:
        named = ", ".join(f"{model} ({count})" for model, count in models.most_common(3))
        reasons.append(
            Reason(
                "mixed_cameras",
                f"The photos come from {len(models)} cameras: {named}.",
                "Nothing to do; one camera with one zoom gives the most exact result.",
            )
        )
    brightness = np.array([photo.measures.brightness for photo in photos])
    if len(photos) > 2 and brightness.std() > EXPOSURE_SPREAD:
        reasons.append(
            Reason(
                "exposure_changes",
                f"The photos' brightness goes from {brightness.min():.0f} to {brightness.max():.0f} of 255.",
                "Lock exposure and white balance, so that one spot has one colour in all photos.",
            )
        )
    return reasons
