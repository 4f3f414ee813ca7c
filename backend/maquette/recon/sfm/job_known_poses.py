"""The job that takes cameras as given: it judges them by the photos, finds sparse points, undistorts. Child only."""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap

from maquette.recon.sfm.child import RefusedError
from maquette.recon.sfm.database import FeatureOptions, Report, find_features, match_pairs
from maquette.recon.sfm.epipolar import Agreement, agreement
from maquette.recon.sfm.gate import POINTS
from maquette.recon.sfm.job_place import more_features, peak_memory_mb, timed
from maquette.recon.sfm.job_triangulate import near_pairs, write_known
from maquette.recon.sfm.mapping import undistort, write_arrays, write_view_masks
from maquette.recon.sfm.pairs import every_pair
from maquette.recon.sfm.result import Attempt
from maquette.recon.sfm.settings import SfmSettings
from maquette.recon.sfm.triangulating import seen_rays, triangulate_allowed, verified_pairs

FITS, ALTERNATIVE_FITS, MISFITS = 0.5, 0.7, 0.35
"""Shares of matches that agree: from which poses are taken as given; from which another reading of them is, where
less than the last agree with them as given."""
LEAST_MATCHES = 60
"""Matches that a judgement needs; with fewer, poses are taken on trust, and that is said."""
EXHAUSTIVE_UP_TO = 30
"""Photos up to which every pair is matched."""


def place_known(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Request: ``images``, ``work``, ``names``, ``readings`` (``name`` and ``cameras``: name, lens and pose of each
    photo, in the order of ``names``; the first as given), ``settings``.

    Answers what :func:`job_place.place` does, with ``reading``, ``agreements`` and ``misfits``. Points may be none.
    Refuses with ``poses_do_not_fit``.
    """
    settings = SfmSettings(**request["settings"])
    image_dir, work, names = Path(request["images"]), Path(request["work"]), list(request["names"])
    readings = {reading["name"]: reading["cameras"] for reading in request["readings"]}
    given = next(iter(readings.values()))
    long_side = max(max(entry["lens"]["width"], entry["lens"]["height"]) for entry in given)
    wanted = FeatureOptions(settings.feature_image_px, settings.max_features)
    tries = {"known_poses": wanted, "known_poses_more_features": more_features(wanted)}
    seconds: dict[str, float] = defaultdict(float)
    attempts: list[Attempt] = []
    judged: dict[str, Any] = {}
    for name, options in tries.items():
        started = time.perf_counter()
        database = work / f"{name}.db"
        write_known(database, given)
        with timed(seconds, "features"):
            find_features(database, image_dir, names, options, settings.threads, report, device=settings.device)
        with timed(seconds, "matching"):
            pairs = _pairs(names, given, settings)
            match_pairs(database, pairs, settings.seed, settings.threads, report, device=settings.device)
        judged = _judge(database, readings, long_side)
        entries = readings[judged["reading"]]
        with timed(seconds, "mapping"):
            model, shared = triangulate_allowed(
                database, entries, judged["misfits"], image_dir, work / name, settings, report
            )
        points = model.num_points3D()
        track = float(model.compute_mean_track_length()) if points else 0.0
        enough = points >= POINTS.error
        attempts.append(
            Attempt(name, model.num_reg_images(), points, round(track, 3), enough, time.perf_counter() - started)
        )
        if points >= POINTS.warning or not settings.recover:
            break

    with timed(seconds, "undistort"):
        report("undistort", 0.0, f"{model.num_reg_images()} photos")
        flat = _flat(model, image_dir, work, settings)
        cameras = write_arrays(flat, names, work / "sparse.npz")
        masks = write_view_masks(model, flat, image_dir, work / "undistorted" / "masks")
        report("undistort", 1.0, "")
    misfits = set(judged["misfits"])
    images = {image.name: image for image in model.images.values()}
    return {
        "masks": masks,
        "attempts": [asdict(attempt) for attempt in attempts],
        "photos": [
            {
                "name": name,
                "placed": index not in misfits,
                "features": _features(database, index + 1),
                "matched": len(shared[index]),
                "matched_placed": len(shared[index] - misfits),
                "points": int(images[name].num_points3D) if index not in misfits else 0,
            }
            for index, name in enumerate(names)
        ],
        "cameras": cameras,
        "lenses": {entry["name"]: entry["lens"] for i, entry in enumerate(entries) if i not in misfits},
        "mean_track_length": track,
        "reprojection_error_px": float(model.compute_mean_reprojection_error()) if points else 0.0,
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        "peak_memory_mb": peak_memory_mb(),
        **judged,
        "misfits": [names[index] for index in judged["misfits"]],
        "least_matches": LEAST_MATCHES,
    }


def _pairs(names: list[str], entries: list[dict[str, Any]], settings: SfmSettings) -> list[tuple[str, str]]:
    """All when few. Else by the given poses, and neighbours in name order: wrong poses must not hide what they are."""
    if len(names) <= EXHAUSTIVE_UP_TO:
        return every_pair(names)
    neighbours = {(names[i], names[i + step]) for step in (1, 2) for i in range(len(names) - step)}
    return sorted(neighbours | set(near_pairs(entries, settings)))


def _judge(database: Path, readings: dict[str, list[dict[str, Any]]], long_side: int) -> dict[str, Any]:
    """Which reading of the poses the verified matches agree with. Refuses with ``poses_do_not_fit``."""
    pairs = verified_pairs(database)
    found: dict[str, Agreement] = {}
    for name, entries in readings.items():
        poses = [np.asarray(entry["camera_from_world"], np.float64) for entry in entries]
        found[name] = agreement(seen_rays(pairs, entries), poses, long_side)
    told = {name: {**asdict(one), "by_photo": {}} for name, one in found.items()}
    given = next(iter(found))
    best = max(found, key=lambda name: found[name].share)
    chosen = given
    if found[given].matches >= LEAST_MATCHES and found[given].share < FITS:
        if found[best].share < ALTERNATIVE_FITS or found[given].share > MISFITS:
            raise RefusedError("poses_do_not_fit", agreements=told, best=best)
        chosen = best
    misfits = [
        photo for photo, (share, count) in found[chosen].by_photo.items() if count >= LEAST_MATCHES and share < MISFITS
    ]
    return {"reading": chosen, "agreements": told, "misfits": misfits}


def _features(database: Path, number: int) -> int:
    with pycolmap.Database.open(str(database)) as opened:
        return int(opened.num_keypoints_for_image(number))


def _flat(
    model: pycolmap.Reconstruction, image_dir: Path, work: Path, settings: SfmSettings
) -> pycolmap.Reconstruction:
    """Undistorted photos under ``undistorted/images``; those of a pinhole of the wanted size stay as they are."""
    cameras = [image.camera for image in model.images.values() if image.has_pose]
    most = settings.undistorted_long_side_px
    plain = all(camera.model.name == "PINHOLE" for camera in cameras)
    if plain and (most is None or all(max(camera.width, camera.height) <= most for camera in cameras)):
        folder = work / "undistorted" / "images"
        folder.mkdir(parents=True, exist_ok=True)
        for image in model.images.values():
            if image.has_pose:
                shutil.copyfile(image_dir / image.name, folder / image.name)
        return model
    return undistort(model, image_dir, work / "undistorted", most, settings.threads)
