"""What a camera search leaves: its result put together from a child's answer, saved, and found again."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from maquette.recon.atomic import replacing
from maquette.recon.cameras import camera_from_dict
from maquette.recon.masks import mask_beside
from maquette.recon.scene import Scene, View
from maquette.recon.scenes.saved import is_saved_scene, load_saved_scene, save_scene
from maquette.recon.sfm.gate import Finding
from maquette.recon.sfm.lenses import lens_from_dict, save_lenses
from maquette.recon.sfm.reasons import placement
from maquette.recon.sfm.result import Attempt, Observations, Placement, SfmResult
from maquette.recon.sfm.settings import SfmSettings

RESULT_FILE, OBSERVATIONS_FILE, SCENE_FOLDER = "result.json", "observations.npz", "scene"
BEGUN_FILE = "begun"


def resume(scratch: Path, fingerprint: str) -> None:
    """Leave in ``scratch`` the features and matches of a search of the same photos that was killed, and nothing else.

    Once: should what is there be what kills the search, the time after next begins with nothing.
    """
    marker, databases = scratch / BEGUN_FILE, scratch / "work"
    begun = marker.read_text() if marker.exists() else ""
    if begun != fingerprint:
        shutil.rmtree(scratch, ignore_errors=True)
    elif databases.is_dir():
        for path in databases.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif ".db" not in path.name:
                path.unlink()
    shutil.rmtree(scratch / "photos", ignore_errors=True)
    scratch.mkdir(parents=True, exist_ok=True)
    with replacing(marker) as file:
        file.write((f"again {fingerprint}" if begun == fingerprint else fingerprint).encode())


def link_safely(image_dir: Path, names: Sequence[str], folder: Path) -> dict[str, str]:
    """Links without spaces, which COLMAP's lists are separated by: name to link name. Masks are linked beside them."""
    masks = folder.parent / "masks"
    shutil.rmtree(masks, ignore_errors=True)
    folder.mkdir(parents=True)
    masks.mkdir()
    links = {}
    for index, name in enumerate(names):
        links[name] = f"{index:05d}{Path(name).suffix.lower()}"
        (folder / links[name]).symlink_to((image_dir / name).resolve())
        if (mask := mask_beside(image_dir, name)) is not None:
            (masks / f"{links[name]}.png").symlink_to(mask.resolve())
    return links


def fingerprint_of(image_dir: Path, names: Sequence[str], settings: SfmSettings, more: Any) -> str:
    """What a result depends on: the photos, the settings and ``more`` (plain JSON)."""
    digest = hashlib.sha256()
    kept = {key: value for key, value in asdict(settings).items() if key != "threads"}
    digest.update(json.dumps([list(names), kept, more]).encode())
    for name in names:
        for path in (image_dir / name, mask_beside(image_dir, name)):
            if path is not None:
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def assemble(
    answer: dict[str, Any],
    original: Mapping[str, str],
    scratch: Path,
    folder: Path,
    *,
    method: str,
    findings: Callable[[Sequence[Placement], int, float], tuple[Finding, ...]],
) -> SfmResult:
    """The result of a job's ``answer``, whose files lie in ``scratch``; the scene is saved in ``folder``.

    ``original``: names of photos by those of their links. ``findings`` (of placements, points and mean track length)
    become warnings.
    """
    masks = dict(answer.get("masks", {}))
    with np.load(scratch / "sparse.npz") as arrays:
        scene = Scene(
            views=tuple(
                View(
                    name=original[entry["name"]],
                    camera=camera_from_dict(entry["camera"]),
                    image_path=_take(scratch / "undistorted" / "images" / entry["name"], folder, original),
                    mask_path=Path(masks[entry["name"]]) if entry["name"] in masks else None,
                )
                for entry in answer["cameras"]
            ),
            points=arrays["points"],
            colors=arrays["colors"],
        )
        observations = Observations(arrays["view"], arrays["point"], arrays["xy"])
    placements = tuple(placement(facts, original[facts["name"]]) for facts in answer["photos"])
    track = float(answer["mean_track_length"])
    save_lenses({original[name]: lens_from_dict(lens) for name, lens in answer["lenses"].items()}, folder)
    save_scene(scene, folder)
    if masks:
        # They were copied there under their views' names.
        scene = load_saved_scene(folder)
    return SfmResult(
        scene=scene,
        placements=placements,
        attempts=tuple(Attempt(**attempt) for attempt in answer["attempts"]),
        warnings=tuple(
            {"code": finding.code, "message": finding.message, "suggestion": finding.suggestion}
            for finding in findings(placements, len(scene.points), track)
        ),
        observations=observations,
        mean_track_length=track,
        reprojection_error_px=float(answer["reprojection_error_px"]),
        seconds=dict(answer["seconds"]),
        peak_memory_mb=float(answer["peak_memory_mb"]),
        method=method,
        flat_share=float(answer.get("flat_share", 0.0)),
    )


def _take(written: Path, folder: Path, original: Mapping[str, str]) -> Path:
    """Move an undistorted photo to where the scene keeps it, under its own name."""
    target = folder / "images" / original[written.name]
    target.parent.mkdir(parents=True, exist_ok=True)
    return written.replace(target)


def save_result(result: SfmResult, work_dir: Path, fingerprint: str) -> None:
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


def load_result(work_dir: Path, fingerprint: str) -> SfmResult | None:
    """The result saved there, or None; one of other photos or settings is removed."""
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
        method=data.get("method", "as_set"),  # a result of before these were kept
        points_from=data.get("points_from", "matches"),
        flat_share=data.get("flat_share", 0.0),
    )
