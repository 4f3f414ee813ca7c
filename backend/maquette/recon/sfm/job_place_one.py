"""The job that places one photo among cameras that stay where they are. Child process only.

Undistorted through the lens of the photo it replaces, it is first compared with that one: where what both show lies at
the same spots, it was taken from there, and the camera stays. Otherwise it is matched with other views; what those
share is triangulated from their known cameras, and the photo resected from what it sees of that (Schönberger and Frahm
2016, section 4.2).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pycolmap
from numpy import ndarray

from maquette.recon.cameras import Camera, camera_from_dict
from maquette.recon.sfm.child import RefusedError
from maquette.recon.sfm.database import MIN_INLIERS, FeatureOptions, Report, find_features, match_pairs
from maquette.recon.sfm.job_triangulate import write_known
from maquette.recon.sfm.lenses import Lens, lens_from_dict
from maquette.recon.sfm.mapping import looked_up
from maquette.recon.sfm.settings import SfmSettings

SAME_PLACE_PX = 0.0015
"""Of the long side: how far a spot may lie from where it was, in a photo taken from the same place."""
SAME_PLACE_SHARE = 0.6
"""Of all matches; those of what was retouched may lie anywhere."""
SAME_PLACE_MATCHES = 40
POSE_ERROR_PX = 0.005
"""Of the long side: how far a point may project from its spot."""
POSE_INLIERS, POSE_SHARE = 30, 0.25
"""Points that must agree on a pose, and their share of all matched ones (COLMAP's own defaults)."""
UNKNOWN_LENS_SHARE = 0.85
"""The same share where the lens is guessed: a cropped photo fits a pose too, though a wrong one, but not as well."""
BEST_VIEWS = 10
"""Views that share most with the photo: what they see is triangulated."""
UNKNOWN_FOCAL = 1.2
"""Focal length of an unknown lens to begin from, in long sides (COLMAP's own default)."""
LEAST_SCALE = 0.8
"""A photo that shrinks more than this is shrunk by area first: looking up pixels alone would leave some out."""

NEW, BEFORE = "new.jpg", "before.jpg"


def place_one(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Request: ``photo``; ``lens`` and ``focal_px``, or null; ``before`` and ``views`` (``name``, ``image``, pinhole
    ``camera`` each); ``long_side``; ``work``; ``settings``.

    Writes the undistorted photo to ``work``/new.jpg and answers its ``camera`` and how it was placed. Refuses with
    ``not_placed``.
    """
    settings, work = SfmSettings(**request["settings"]), Path(request["work"])
    views = request["views"]
    before = camera_from_dict(request["before"]["camera"])
    known_lens = lens_from_dict(request["lens"]) if request["lens"] else None
    images = work / "photos"
    images.mkdir(parents=True, exist_ok=True)
    flat, lens_is_known = _flatten(Path(request["photo"]), known_lens, before, request, images / NEW)
    (images / BEFORE).symlink_to(request["before"]["image"])
    for view in views:
        (images / view["name"]).symlink_to(view["image"])

    database = work / "one.db"
    entries = [{"name": NEW, "camera": flat.as_dict()}, {"name": BEFORE, "camera": before.as_dict()}, *views]
    model = write_known(database, entries)
    options = FeatureOptions(settings.feature_image_px, settings.max_features)
    find_features(database, images, [NEW, BEFORE], options, settings.threads, report)
    if (flat.width, flat.height, flat.fx) == (before.width, before.height, before.fx):
        match_pairs(database, [(NEW, BEFORE)], settings.seed, settings.threads, report)
        if (kept := _same_place(database, max(flat.width, flat.height))) is not None:
            return {"how": "same_place", "camera": before.as_dict(), **kept}

    names = [view["name"] for view in views]
    find_features(database, images, names, options, settings.threads, report)
    match_pairs(database, [(NEW, name) for name in names], settings.seed, settings.threads, report)
    helping = _most_alike(database, names)
    # What the replaced photo showed is not asked: it may be gone.
    for unposed in (1, 2):
        model.deregister_frame(model.images[unposed].frame_id)
    if len(helping) >= 2:
        pairs = [(a, b) for i, a in enumerate(helping) for b in helping[i + 1 :]]
        match_pairs(database, pairs, settings.seed, settings.threads, report)
        model = _triangulated(model, database, images, work, settings, report)
    return {
        "how": "registered",
        **_resected(model, database, flat, helping, settings, refine_lens=not lens_is_known),
    }


def _flatten(
    photo: Path, lens: Lens | None, before: Camera, request: dict[str, Any], target: Path
) -> tuple[Camera, bool]:
    """Write the photo as a pinhole camera sees it; that camera (its pose is ``before``'s), and whether it is known."""
    picture = cv2.imread(str(photo), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise RefusedError("unreadable")
    height, width = picture.shape[:2]
    known = lens is not None
    if lens is None and _alike(width / height, before.width / before.height):
        lens = Lens("PINHOLE", before.width, before.height, (before.fx, before.fy, before.cx, before.cy))
    turned = lens is not None and lens.model == "SIMPLE_RADIAL" and _alike(width / height, lens.height / lens.width)
    if lens is not None and turned and not _alike(width / height, lens.width / lens.height):
        focal, cx, cy, radial = lens.params
        lens = Lens(lens.model, lens.height, lens.width, (focal, cy, cx, radial))
        before = replace(
            before,
            width=before.height,
            height=before.width,
            fx=before.fy,
            fy=before.fx,
            cx=before.cy,
            cy=before.cx,
        )
    if lens is None or not _alike(width / height, lens.width / lens.height):
        flat = _pinhole(width, height, before, request)
        _write(cv2.resize(picture, (flat.width, flat.height), interpolation=cv2.INTER_AREA), target)
        return flat, False
    source = pycolmap.Camera(model=lens.model, width=lens.width, height=lens.height, params=list(lens.params))
    scale = before.fx / source.mean_focal_length() * lens.width / width
    if scale < LEAST_SCALE:
        picture = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    source.rescale(picture.shape[1], picture.shape[0])
    x, y = looked_up(source, as_colmap(before))
    _write(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), target)
    return before, known


def _alike(a: float, b: float) -> bool:
    """Two aspect ratios that differ by rounding to whole pixels at most."""
    return abs(a / b - 1) < 0.01


def _pinhole(width: int, height: int, before: Camera, request: dict[str, Any]) -> Camera:
    """A camera for a photo of an unknown lens: straight, with the focal length of its EXIF or a usual one, px."""
    focal = request["focal_px"] or UNKNOWN_FOCAL * max(width, height)
    camera = Camera(width, height, focal, focal, width / 2, height / 2, before.camera_from_world)
    return camera.resized_to(int(request["long_side"]))


def as_colmap(camera: Camera) -> pycolmap.Camera:
    """The same pinhole camera in COLMAP's words."""
    params = [camera.fx, camera.fy, camera.cx, camera.cy]
    return pycolmap.Camera(model="PINHOLE", width=camera.width, height=camera.height, params=params)


def _write(picture: ndarray, target: Path) -> None:
    # Full colour resolution, as COLMAP writes the others: half of it costs 3 grey levels a pixel.
    full = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    if not cv2.imwrite(str(target), picture, [cv2.IMWRITE_JPEG_QUALITY, 95, *full]):
        raise OSError(f"{target.name} could not be written")


def _same_place(database: Path, long_side: int) -> dict[str, Any] | None:
    """The proof that new and old photo were taken from one place, if they were."""
    with pycolmap.Database.open(str(database)) as opened:
        spots = [np.asarray(opened.read_keypoints(number))[:, :2] for number in (1, 2)]
        pairs = np.asarray(opened.read_matches(1, 2)).reshape(-1, 2).astype(int)
    moved = np.linalg.norm(spots[0][pairs[:, 0]] - spots[1][pairs[:, 1]], axis=1)
    still = moved < SAME_PLACE_PX * long_side
    if still.sum() < SAME_PLACE_MATCHES or still.mean() < SAME_PLACE_SHARE:
        return None
    return {
        "features": len(spots[0]),
        "matches": int(still.sum()),
        "share": float(still.mean()),
        "matched_photos": 1,
        "error_px": float(np.median(moved[still])),
    }


def _most_alike(database: Path, names: list[str]) -> list[str]:
    """The views that share verified matches with the new photo, those that share most first."""
    with pycolmap.Database.open(str(database)) as opened:
        ids = {image.name: image.image_id for image in opened.read_all_images()}
        shared = {}
        for pair_id, inliers in zip(*opened.read_two_view_geometry_num_inliers(), strict=True):
            pair = pycolmap.pair_id_to_image_pair(pair_id)
            if ids[NEW] in pair:
                shared[next(number for number in pair if number != ids[NEW])] = int(inliers)
    found = [name for name in names if shared.get(ids[name], 0) >= MIN_INLIERS]
    return sorted(found, key=lambda name: -shared[ids[name]])[:BEST_VIEWS]


def _triangulated(
    model: pycolmap.Reconstruction, database: Path, images: Path, work: Path, settings: SfmSettings, report: Report
) -> pycolmap.Reconstruction:
    """Points that the known views share; no camera moves."""
    report("mapping", 0.0, "triangulating")
    options = pycolmap.IncrementalPipelineOptions()
    options.num_threads = settings.threads
    options.random_seed = options.triangulation.random_seed = settings.seed
    found = work / "triangulated"
    found.mkdir(exist_ok=True)
    return pycolmap.triangulate_points(model, str(database), str(images), str(found), options=options)


def _resected(
    model: pycolmap.Reconstruction,
    database: Path,
    flat: Camera,
    helping: list[str],
    settings: SfmSettings,
    *,
    refine_lens: bool,
) -> dict[str, Any]:
    """The camera that sees the points where the new photo shows them. Refuses with ``not_placed``."""
    spots, points, features = _seen(model, database, helping)
    facts = {"features": features, "matched": len(helping), "points": len(points)}
    if len(points) < POSE_INLIERS:
        raise RefusedError("not_placed", **facts, inliers=0, lens_is_known=not refine_lens)
    estimation = pycolmap.AbsolutePoseEstimationOptions()
    estimation.estimate_focal_length = refine_lens
    estimation.ransac.max_error = POSE_ERROR_PX * max(flat.width, flat.height)
    estimation.ransac.random_seed = settings.seed
    refinement = pycolmap.AbsolutePoseRefinementOptions()
    refinement.refine_focal_length = refine_lens
    camera = as_colmap(flat)
    pycolmap.set_random_seed(settings.seed)
    found = pycolmap.estimate_and_refine_absolute_pose(spots, points, camera, estimation, refinement)
    inliers = int(found["num_inliers"]) if found else 0
    share = UNKNOWN_LENS_SHARE if refine_lens else POSE_SHARE
    if found is None or inliers < POSE_INLIERS or inliers < share * len(points):
        raise RefusedError("not_placed", **facts, inliers=inliers, lens_is_known=not refine_lens)
    pose = np.eye(4)
    pose[:3] = found["cam_from_world"].matrix()
    fx, fy, cx, cy = (float(value) for value in camera.params)
    placed = replace(flat, fx=fx, fy=fy, cx=cx, cy=cy, camera_from_world=pose)
    agreeing = np.asarray(found["inlier_mask"])
    return {
        "camera": placed.as_dict(),
        "features": features,
        "matches": inliers,
        "share": inliers / len(points),
        "matched_photos": len(helping),
        "error_px": float(np.median(_misses(placed, points[agreeing], spots[agreeing]))),
    }


def _seen(model: pycolmap.Reconstruction, database: Path, helping: list[str]) -> tuple[ndarray, ndarray, int]:
    """Spots of the new photo (m, 2) px, the points (m, 3) they match, and how many spots it has in all."""
    images = {image.name: image for image in model.images.values()}
    seen: set[tuple[int, int]] = set()
    with pycolmap.Database.open(str(database)) as opened:
        spots = np.asarray(opened.read_keypoints(1))[:, :2]
        for name in helping:
            other = images[name]
            geometry = opened.read_two_view_geometry(1, other.image_id)
            for mine, theirs in np.asarray(geometry.inlier_matches).reshape(-1, 2).astype(int):
                point = other.points2D[theirs] if theirs < len(other.points2D) else None
                if point is not None and point.has_point3D():
                    seen.add((int(mine), int(point.point3D_id)))
    ordered = sorted(seen)
    at = np.array([spots[spot] for spot, _ in ordered], np.float64).reshape(-1, 2)
    where = np.array([model.points3D[point].xyz for _, point in ordered], np.float64).reshape(-1, 3)
    return at, where, len(spots)


def _misses(camera: Camera, points: ndarray, spots: ndarray) -> ndarray:
    inside = points @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]
    projected = inside[:, :2] / inside[:, 2:] * (camera.fx, camera.fy) + (camera.cx, camera.cy)
    return np.asarray(np.linalg.norm(projected - spots, axis=1))
