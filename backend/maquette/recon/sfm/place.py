"""Place cameras: the parent's side. Photos in, a scene of undistorted pinhole views out."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from maquette.progress import Progress, silent
from maquette.recon.atomic import replacing
from maquette.recon.cameras import camera_from_dict
from maquette.recon.images.sniff import HEADER_BYTES, sniff
from maquette.recon.scene import Scene, View
from maquette.recon.scenes.saved import is_saved_scene, load_saved_scene, save_scene
from maquette.recon.sfm.device import on_a_device
from maquette.recon.sfm.errors import (
    PhotosShareNothingError,
    TooFewPhotosError,
    TooFewPhotosPlacedError,
    TooFewPointsError,
)
from maquette.recon.sfm.gate import PLACED, check, photos_needed
from maquette.recon.sfm.lenses import lens_from_dict, save_lenses
from maquette.recon.sfm.process import JobRefusedError, run_child
from maquette.recon.sfm.reasons import placement
from maquette.recon.sfm.result import Attempt, Observations, Placement, SfmResult
from maquette.recon.sfm.settings import SfmSettings

RESULT_FILE, OBSERVATIONS_FILE, SCENE_FOLDER = "result.json", "observations.npz", "scene"


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
    settings found there is loaded instead. Stages reported: ``features``, ``matching``, ``mapping``, ``undistort``.

    Raises :class:`TooFewPhotosError`, :class:`PhotosShareNothingError`, :class:`TooFewPhotosPlacedError`,
    :class:`TooFewPointsError` (each with ``details["dropped"]`` and ``details["attempts"]``), or
    :class:`SfmCrashedError`. Whatever ``progress`` raises ends the search.
    """
    settings = settings or SfmSettings()
    focal_px = dict(focal_px or {})
    names = list_photos(image_dir)
    if len(names) < PLACED.error:
        raise TooFewPhotosError(len(names), int(PLACED.error))
    fingerprint = _fingerprint(image_dir, names, settings, focal_px)
    if (finished := _load(work_dir, fingerprint)) is not None:
        return finished

    scratch = work_dir / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    safe = _link_safely(image_dir, names, scratch / "photos")
    original = {link: name for name, link in safe.items()}

    def search(settled: SfmSettings) -> dict[str, Any]:
        shutil.rmtree(scratch / "work", ignore_errors=True)
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

    result = _assemble(answer, original, scratch / "work", work_dir / SCENE_FOLDER)
    if fell_back is not None:
        result = replace(result, warnings=(*result.warnings, fell_back))
    _save(result, work_dir, fingerprint)
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


def _link_safely(image_dir: Path, names: Sequence[str], folder: Path) -> dict[str, str]:
    """Links without spaces, because COLMAP's lists are separated by them: name to link name."""
    folder.mkdir(parents=True)
    links = {}
    for index, name in enumerate(names):
        links[name] = f"{index:05d}{Path(name).suffix.lower()}"
        (folder / links[name]).symlink_to((image_dir / name).resolve())
    return links


def _fingerprint(image_dir: Path, names: Sequence[str], settings: SfmSettings, focal_px: Mapping[str, float]) -> str:
    digest = hashlib.sha256()
    kept = {key: value for key, value in asdict(settings).items() if key != "threads"}
    digest.update(json.dumps([list(names), kept, sorted(focal_px.items())]).encode())
    for name in names:
        with (image_dir / name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


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
    placed, needed = len(photos) - len(dropped), photos_needed(len(photos))
    if placed < needed:
        first = " ".join(photo.sentence for photo in dropped[:3])
        more = f" {len(dropped) - 3} more are listed in the details." if len(dropped) > 3 else ""
        return TooFewPhotosPlacedError(placed, len(photos), needed, first + more, details)
    best = max(attempts, key=lambda attempt: (attempt.placed, attempt.points))
    findings = check(best.placed, len(photos), best.points, best.mean_track_length)
    return TooFewPointsError(" ".join(finding.message for finding in findings if finding.fatal), details)


def _assemble(answer: dict[str, Any], original: Mapping[str, str], scratch: Path, folder: Path) -> SfmResult:
    with np.load(scratch / "sparse.npz") as arrays:
        scene = Scene(
            views=tuple(
                View(
                    name=original[entry["name"]],
                    camera=camera_from_dict(entry["camera"]),
                    image_path=_take(scratch / "undistorted" / "images" / entry["name"], folder, original),
                )
                for entry in answer["cameras"]
            ),
            points=arrays["points"],
            colors=arrays["colors"],
        )
        observations = Observations(arrays["view"], arrays["point"], arrays["xy"])
    placements = tuple(placement(facts, original[facts["name"]]) for facts in answer["photos"])
    track = float(answer["mean_track_length"])
    findings = check(len(scene.views), len(placements), len(scene.points), track)
    save_lenses({original[name]: lens_from_dict(lens) for name, lens in answer["lenses"].items()}, folder)
    save_scene(scene, folder)
    return SfmResult(
        scene=scene,
        placements=placements,
        attempts=tuple(Attempt(**attempt) for attempt in answer["attempts"]),
        warnings=tuple(
            {"code": finding.code, "message": finding.message, "suggestion": finding.suggestion} for finding in findings
        ),
        observations=observations,
        mean_track_length=track,
        reprojection_error_px=float(answer["reprojection_error_px"]),
        seconds=dict(answer["seconds"]),
        peak_memory_mb=float(answer["peak_memory_mb"]),
    )


def _take(written: Path, folder: Path, original: Mapping[str, str]) -> Path:
    """Move an undistorted photo to where the scene keeps it, under its own name."""
    target = folder / "images" / original[written.name]
    target.parent.mkdir(parents=True, exist_ok=True)
    return written.replace(target)


def _save(result: SfmResult, work_dir: Path, fingerprint: str) -> None:
    """``result.json`` comes last and atomically: where it is, everything is."""
    seen = result.observations
    np.savez_compressed(work_dir / OBSERVATIONS_FILE, view=seen.view, point=seen.point, xy=seen.xy)
    data = {
        "fingerprint": fingerprint,
        "placements": [asdict(photo) for photo in result.placements],
        **{
            key: value
            for key, value in result.summary().items()
            if key not in ("photos", "placed", "dropped", "points")
        },
    }
    with replacing(work_dir / RESULT_FILE) as file:
        file.write(json.dumps(data, indent=1).encode())


def _load(work_dir: Path, fingerprint: str) -> SfmResult | None:
    path = work_dir / RESULT_FILE
    if not path.is_file():
        return None
    data = json.loads(path.read_text())
    whole = is_saved_scene(work_dir / SCENE_FOLDER) and (work_dir / OBSERVATIONS_FILE).is_file()
    if data["fingerprint"] != fingerprint or not whole:
        path.unlink()
        shutil.rmtree(work_dir / SCENE_FOLDER, ignore_errors=True)
        return None
    with np.load(work_dir / OBSERVATIONS_FILE) as arrays:
        observations = Observations(arrays["view"], arrays["point"], arrays["xy"])
    return SfmResult(
        scene=load_saved_scene(work_dir / SCENE_FOLDER),
        placements=tuple(Placement(**photo) for photo in data["placements"]),
        attempts=tuple(Attempt(**attempt) for attempt in data["attempts"]),
        warnings=tuple(data["warnings"]),
        observations=observations,
        mean_track_length=data["mean_track_length"],
        reprojection_error_px=data["reprojection_error_px"],
        seconds=data["seconds"],
        peak_memory_mb=data["peak_memory_mb"],
    )
