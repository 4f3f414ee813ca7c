"""The capture doctor's verdicts as a person reads them: a table of the photos with findings, and what holds of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from maquette.recon.capture import Measures, Reason, Verdict
from maquette.recon.doctor import judge_set
from maquette.steps.records import Image, Images, Placement

MOST_ROWS = 40
"""More would push everything else off the screen; ``metrics.json`` has them all."""
_MARKS = {"ok": "ok", "warning": "look", "rejected": "left out"}
_NOUNS = {"photo": "photo", "frame": "frame", "view": "view", "depth_render": "depth render"}


def table_of(images: Sequence[Image]) -> Table | None:
    """One row a finding, the gravest photos first; None where nothing is to be said."""
    found = sorted((one for one in images if one.reasons), key=lambda one: one.verdict != "rejected")
    if not found:
        return None
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("photo", overflow="fold", max_width=32)
    table.add_column("verdict", no_wrap=True)
    table.add_column("why", overflow="fold")
    table.add_column("what to do", overflow="fold")
    rows = [(image, number, reason) for image in found for number, reason in enumerate(image.reasons)]
    for image, number, reason in rows[:MOST_ROWS]:
        # Users' text is never markup. A photo's further findings stand below its first.
        head = (image.filename, _MARKS[image.verdict]) if number == 0 else ("", "")
        table.add_row(*(Text(cell) for cell in (*head, reason.message, reason.suggestion)))
    if len(rows) > MOST_ROWS:
        table.add_row(Text("…"), "", Text(f"and {len(rows) - MOST_ROWS} findings more: see metrics.json"), "")
    return table


def told_of_upload(images: Images) -> Iterator[str]:
    """Lines for what came: how many of each kind can be used, each video's frames, known cameras, the set."""
    counts = Counter(image.kind for image in images.images)
    for kind, count in counts.items():
        usable = [one for one in images.images if one.kind == kind and one.verdict != "rejected"]
        masks = sum(one.mask is not None for one in usable)
        with_masks = f", {masks} with a mask" if masks else ""
        yield f"{len(usable)} of {count} {_NOUNS[kind]}{'' if count == 1 else 's'} can be used{with_masks}."
    for video in images.videos:
        yield (
            f"{video['name']}: {video['chosen']} frames of {video['frames']} taken, {video['wanted']} wanted"
            f" ({video['wanted_because']})."
        )
    if images.poses:
        yield f"Known cameras came too: {', '.join(file.path.rpartition('/')[2] for file in images.poses)}."
    verdict = set_verdict(images.images)
    if verdict is not None:
        yield from told_of_set(verdict)


def set_verdict(images: Sequence[Image]) -> dict[str, Any] | None:
    """The doctor's verdict on photos and frames as a set; None of six views, and of a single photo."""
    measured = [image for image in images if image.kind in ("photo", "frame") and image.width and image.height]
    if len(measured) < 2:
        return None
    verdicts = [
        Verdict(
            name=image.filename,
            status=image.verdict,
            reasons=tuple(Reason(one.code, one.message, one.suggestion) for one in image.reasons),
            measures=Measures(
                name=image.filename,
                width=image.width or 0,
                height=image.height or 0,
                sharpness=image.sharpness or 0.0,
                brightness=255 * (image.exposure or 0.0),
                clipped_share=0.0,
                pixels_sha256="",
                thumbnail="",
            ),
        )
        for image in measured
    ]
    return judge_set(verdicts, [image.details.get("camera_model") for image in measured]).as_dict()


def told_of_set(verdict: Mapping[str, Any]) -> Iterator[str]:
    """The verdict on a set, one line a finding with its action."""
    yield f"The set: {_MARKS[verdict['status']]}."
    for reason in verdict["reasons"]:
        yield f"  {reason['sentence']} {reason['action']}".rstrip()


def told_of_places(placements: Sequence[Placement]) -> Iterator[str]:
    """How many could be placed, and why each of the others could not."""
    placed = sum(one.placed for one in placements)
    yield f"{placed} of {len(placements)} placed."
    for one in placements:
        if not one.placed:
            yield f"  not placed: {one.reason}"
