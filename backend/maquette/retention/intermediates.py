"""Which kinds of files are intermediates: what a result was made by, not what somebody came for.

What was sent (photos, videos, masks, known cameras), what was made of it at once (processed photos and frames),
model.ply and preview of every version, and exports are no intermediates: they stay as long as their project.
Of the promoted version and the newest one everything stays that looking at it, exporting it and refining it need;
:func:`maquette.db.retention.intermediates` leaves that out, whatever its kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Intermediate:
    """A kind of artifact that goes, and why nobody misses it. ``spared``: what of it stays all the same."""

    kind: str
    reason: str
    spared: str = ""


_CURRENT = "of the generates that the promoted and the newest version live in"

INTERMEDIATES: Final = (
    Intermediate("saved_work", "unfinished work that a run could have gone on from; after so long it begins anew"),
    Intermediate(
        "training_preview", "how a training looked before it ended early; completed ones have taken theirs away"
    ),
    Intermediate("checkpoint", "only a refine reads it", "of the promoted and the newest version"),
    Intermediate("model_unfiltered", "the version without its floaters took its place; no step reads it"),
    Intermediate(
        "model_filtered",
        "only an export with filter_floaters reads it, where it is not the version itself",
        "of the promoted and the newest version",
    ),
    Intermediate("depth_map", "rendered from a version, and only looked at; no step reads it"),
    Intermediate("depth_heatmap", "the same in colours"),
    Intermediate("rendered_view", "what a round of refine looked at; the version it made is there"),
    Intermediate("enhanced_view", "what taught a round of refine; the version it made is there"),
    Intermediate("confidence_map", "how far that could teach"),
    Intermediate("view", "an undistorted photo: the photo itself stays, and generate makes it again", _CURRENT),
    Intermediate(
        "view_mask", "what of a view counts: made again with it from the photo's own mask, which stays", _CURRENT
    ),
    Intermediate("view_prior", "depths that a view guided training by: made again with it", _CURRENT),
    Intermediate("cameras", "useless without its views", _CURRENT),
    Intermediate("sparse_points", "only a training reads them", _CURRENT),
    Intermediate("lenses", "only a refine that places a replaced photo reads them", _CURRENT),
)

KINDS: Final = tuple(one.kind for one in INTERMEDIATES)
