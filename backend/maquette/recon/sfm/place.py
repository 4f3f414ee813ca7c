"""Place cameras: the parent's side. Photos in, a scene of undistorted pinhole views out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from maquette.progress import Progress, silent
from maquette.recon.images.sniff import HEADER_BYTES, sniff
from maquette.recon.sfm.device import on_a_device
from maquette.recon.sfm.errors import (
    PhotosShareNothingError,
    TooFewPhotosError,
    TooFewPhotosPlacedError,
    TooFewPointsError,
)
from maquette.recon.sfm.gate import PLACED, Finding, check, counted, photos_needed
from maquette.recon.sfm.kept import (
    SCENE_FOLDER,
    assemble,
    fingerprint_of,
    link_safely,
    load_result,
    resume,
    save_result,
)
from maquette.recon.sfm.process import JobRefusedError, run_child
from maquette.recon.sfm.reasons import placement, strangers
from maquette.recon.sfm.result import Attempt, Placement, SfmResult
from maquette.recon.sfm.settings import SfmSettings


def place_cameras(
    image_dir: Path,
    work_dir: Path,
    *,
    settings: SfmSettings | None = None,
    progress: Progress = silent,
    focal_px: Mapping[str, float] | None = None,
) -> SfmResult:
    """Find where the photos in ``image_dir`` were taken from.

    ``focal_px``: EXIF focal lengths in pixels by file name, where known. Photos of one size and focal length share
    a camera (SIMPLE_RADIAL). Everything is written under ``work_dir``; a finished result of the same photos and
    settings found there is loaded instead, and features and matches of a search that was killed are used again. Stages
    reported: ``features``, ``matching``, ``mapping``, ``undistort``.

    Raises :class:`TooFewPhotosError`, :class:`PhotosShareNothingError`, :class:`TooFewPhotosPlacedError`,
    :class:`TooFewPointsError` (each with ``details["dropped"]`` and ``details["attempts"]``), or
    :class:`SfmCrashedError`. Whatever ``progress`` raises ends the search.
    """
    settings = settings or SfmSettings()
    focal_px = dict(focal_px or {})
    names = list_photos(image_dir)
    if len(names) < PLACED.error:
        raise TooFewPhotosError(len(names), int(PLACED.error))
    fingerprint = fingerprint_of(image_dir, names, settings, sorted(focal_px.items()))
    if (finished := load_result(work_dir, fingerprint)) is not None:
        return finished

    scratch = work_dir / "scratch"
    resume(scratch, fingerprint)
    safe = link_safely(image_dir, names, scratch / "photos")
    original = {link: name for name, link in safe.items()}
    fresh = False

    def search(settled: SfmSettings) -> dict[str, Any]:
        nonlocal fresh
        if fresh:
            # Another device: nothing that the first one left is to be trusted.
            shutil.rmtree(scratch / "work", ignore_errors=True)
        fresh = True
        request = {
            "images": str(scratch / "photos"),
            "work": str(scratch / "work"),
            "names": [safe[name] for name in names],
            "focal_px": {safe[name]: focal_px[name] for name in names if name in focal_px},
            "settings": asdict(settled),
        }
        return run_child("place", request, scratch / "work", progress)

    try:
        answer, fell_back = on_a_device(settings, search)
    except JobRefusedError as refusal:
        raise _explain(refusal, original) from refusal

    # The first that passed ended the search, so there is one at most.
    method = next(attempt["name"] for attempt in answer["attempts"] if attempt["passed"])
    result = assemble(
        answer,
        original,
        scratch / "work",
        work_dir / SCENE_FOLDER,
        method=method,
        findings=lambda photos, points, track: (
            *_findings(photos, points, track, relaxed=method == "relaxed"),
            *_turntable_finding(answer.get("turntable")),
        ),
    )
    if fell_back is not None:
        result = replace(result, warnings=(*result.warnings, fell_back))
    save_result(result, work_dir, fingerprint)
    shutil.rmtree(scratch, ignore_errors=True)
    return result


def list_photos(image_dir: Path) -> list[str]:
    """Names of the image files in a folder (by content), in name order; masks (``x.mask.png``) are not photos."""
    names = []
    for path in sorted(image_dir.iterdir()):
        if path.is_file() and not path.name.startswith(".") and ".mask." not in path.name:
            with path.open("rb") as file:
                if sniff(file.read(HEADER_BYTES)) in ("jpeg", "png"):
                    names.append(path.name)
    return names


def _explain(refusal: JobRefusedError, original: Mapping[str, str]) -> Exception:
    attempts = tuple(Attempt(**attempt) for attempt in refusal.details["attempts"])
    photos = tuple(placement(facts, original[facts["name"]]) for facts in refusal.details["photos"])
    dropped = [photo for photo in photos if not photo.placed]
    details = {
        "photos": len(photos),
        "placed": len(photos) - len(dropped),
        "dropped": [asdict(photo) for photo in dropped],
        "attempts": [asdict(attempt) for attempt in attempts],
    }
    if refusal.code == "shares_nothing":
        return PhotosShareNothingError(len(photos), details)
    placed, needed = len(photos) - len(dropped), photos_needed(len(photos), len(strangers(photos)))
    if placed < needed:
        first = " ".join(photo.sentence for photo in dropped[:3])
        more = f" {len(dropped) - 3} more are listed in the details." if len(dropped) > 3 else ""
        return TooFewPhotosPlacedError(placed, len(photos), needed, first + more, details)
    best = max(attempts, key=lambda attempt: (attempt.placed, attempt.points))
    findings = check(best.placed, len(photos), best.points, best.mean_track_length, strangers=len(strangers(photos)))
    return TooFewPointsError(" ".join(finding.message for finding in findings if finding.fatal), details)


def _findings(
    photos: Sequence[Placement], points: int, mean_track_length: float, *, relaxed: bool
) -> tuple[Finding, ...]:
    """What the gate warns of, the photos of something else by name, and the attempt where it was the last resort."""
    placed, foreign = sum(photo.placed for photo in photos), strangers(photos)
    found = list(check(placed, len(photos), points, mean_track_length, strangers=len(foreign)))
    if foreign and counted(len(photos), len(foreign)) < len(photos):
        names = ", ".join(f"'{name}'" for name in foreign)
        several = len(foreign) > 1
        found.append(
            Finding(
                "foreign_photos",
                f"{len(foreign)} {'photos share' if several else 'photo shares'} nothing with the others and "
                f"{'were' if several else 'was'} left out: {names}.",
                f"Remove {'them' if several else 'it'} where {'they show' if several else 'it shows'} something else; "
                "otherwise take photos in between that lead there in small steps.",
                fatal=False,
            )
        )
    if relaxed:
        found.append(
            Finding(
                "cameras_relaxed",
                "The cameras were found only with relaxed limits: narrower angles, fewer matches, points that two "
                "photos alone show. Some may stand wrong.",
                "Take more photos in smaller steps around the subject and generate again.",
                fatal=False,
            )
        )
    return tuple(found)


def _turntable_finding(table: Mapping[str, float] | None) -> tuple[Finding, ...]:
    if table is None:
        return ()
    return (
        Finding(
            "turntable_assumed",
            "The cameras could not be found one by one. The photos were taken for those of a turntable that turned by "
            f"{table['step_deg']:.1f} degrees each time; {table['share']:.0%} of {table['matches']} matches agree.",
            "Where the steps were not even, take more photos in smaller steps, or send the cameras' poses.",
            fatal=False,
        ),
    )
