"""Sparse points between cameras that are known or assumed, which choose among all matches. Child process only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap

from maquette.recon.sfm.database import MIN_INLIERS, Report
from maquette.recon.sfm.epipolar import MatchedPair, SeenRays, misses
from maquette.recon.sfm.gate import POINTS
from maquette.recon.sfm.job_triangulate import camera_of, write_known
from maquette.recon.sfm.settings import SfmSettings

TRIANGULATE_PX = 0.002
"""Of the long side: how far from its epipolar line a match may lie to become a point."""


def verified_pairs(database: Path) -> list[MatchedPair]:
    """The matches that some two-view geometry explains, whatever poses say. Photos are numbered from 0 here, and from 1
    in the database, as :func:`write_known` numbers them.
    """
    pairs = []
    with pycolmap.Database.open(str(database)) as opened:
        spots = {
            image.image_id: np.asarray(opened.read_keypoints(image.image_id))[:, :2].astype(np.float64)
            for image in opened.read_all_images()
        }
        for pair_id, inliers in zip(*opened.read_two_view_geometry_num_inliers(), strict=True):
            if inliers >= MIN_INLIERS:
                first, second = pycolmap.pair_id_to_image_pair(pair_id)
                rows = np.asarray(opened.read_two_view_geometry(first, second).inlier_matches).astype(int)
                pairs.append(MatchedPair(first - 1, second - 1, spots[first][rows[:, 0]], spots[second][rows[:, 1]]))
    return pairs


def seen_rays(pairs: Sequence[MatchedPair], entries: list[dict[str, Any]]) -> list[SeenRays]:
    """The same matches through the lenses of ``entries``."""
    cameras = [camera_of(entry) for entry in entries]
    rays = []
    for pair in pairs:
        one, other = cameras[pair.first], cameras[pair.second]
        focal = (one.mean_focal_length() + other.mean_focal_length()) / 2
        rays.append(
            SeenRays(pair, one.cam_from_img(pair.spots_first), other.cam_from_img(pair.spots_second), float(focal))
        )
    return rays


def triangulate_allowed(
    database: Path,
    entries: list[dict[str, Any]],
    misfits: list[int],
    image_dir: Path,
    folder: Path,
    settings: SfmSettings,
    report: Report,
) -> tuple[pycolmap.Reconstruction, dict[int, set[int]]]:
    """Points from every match that the poses allow, and which photos share some.

    The poses pick among all matches here: where texture is poor, too few agree for two views alone to find their
    geometry, and the known one needs none. Points seen by two photos only are taken where others are too few.
    """
    report("mapping", 0.0, "triangulating")
    shared = _write_allowed(database, entries, misfits)
    model = pycolmap.Reconstruction()
    known = folder.with_suffix(".known.db")
    known.unlink(missing_ok=True)
    for two_view in (False, True):
        model = write_known(known, entries)
        known.unlink()
        for index in misfits:
            model.deregister_frame(model.images[index + 1].frame_id)
        options = pycolmap.IncrementalPipelineOptions()
        options.num_threads = settings.threads
        options.random_seed = options.triangulation.random_seed = settings.seed
        options.triangulation.ignore_two_view_tracks = not two_view
        found = folder / ("two_view" if two_view else "tracks")
        found.mkdir(parents=True, exist_ok=True)
        model = pycolmap.triangulate_points(model, str(database), str(image_dir), str(found), options=options)
        if model.num_points3D() >= POINTS.error:
            break
    report("mapping", 1.0, "")
    return model, shared


def _write_allowed(database: Path, entries: list[dict[str, Any]], misfits: list[int]) -> dict[int, set[int]]:
    """Replace each pair's verified matches by all matches that the poses allow."""
    poses = [np.asarray(entry["camera_from_world"], np.float64) for entry in entries]
    shared: dict[int, set[int]] = defaultdict(set)
    with pycolmap.Database.open(str(database)) as opened:
        for number, entry in enumerate(entries, start=1):
            camera = camera_of(entry)
            camera.camera_id = number
            opened.update_camera(camera)
        spots = [
            np.asarray(opened.read_keypoints(number))[:, :2].astype(np.float64) for number in range(1, len(entries) + 1)
        ]
        for pair_id, _ in zip(*opened.read_num_matches(), strict=True):
            first, second = pycolmap.pair_id_to_image_pair(pair_id)
            rows = np.asarray(opened.read_matches(first, second)).reshape(-1, 2).astype(int)
            pair = MatchedPair(first - 1, second - 1, spots[first - 1][rows[:, 0]], spots[second - 1][rows[:, 1]])
            error, in_front = misses(seen_rays([pair], entries)[0], poses[first - 1], poses[second - 1])
            lens = entries[first - 1]["lens"]
            fits = (error < TRIANGULATE_PX * max(lens["width"], lens["height"])) & in_front
            geometry = pycolmap.TwoViewGeometry()
            geometry.config = pycolmap.TwoViewGeometryConfiguration.CALIBRATED
            geometry.inlier_matches = rows[fits].astype(np.uint32)
            if opened.exists_two_view_geometry(first, second):
                opened.delete_two_view_geometry(first, second)
            opened.write_two_view_geometry(first, second, geometry)
            if fits.sum() >= MIN_INLIERS and not {first - 1, second - 1} & set(misfits):
                shared[first - 1].add(second - 1)
                shared[second - 1].add(first - 1)
    return shared
