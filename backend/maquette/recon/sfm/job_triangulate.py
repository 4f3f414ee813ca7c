"""The job that finds sparse points for photos whose cameras are known. Child process only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pycolmap

from maquette.recon.sfm.child import RefusedError
from maquette.recon.sfm.database import FeatureOptions, Report, find_features, match_pairs
from maquette.recon.sfm.mapping import write_arrays
from maquette.recon.sfm.settings import SfmSettings


def triangulate(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Request: ``images``, ``work``, ``cameras`` (name and pinhole camera each), ``settings``.

    Writes ``sparse.npz`` under ``work``; the cameras stay as they are. Refuses with ``no_points``.
    """
    settings = SfmSettings(**request["settings"])
    image_dir, work = Path(request["images"]), Path(request["work"])
    entries = request["cameras"]
    names = [entry["name"] for entry in entries]
    database = work / "known_poses.db"
    model = write_known(database, entries)

    options = FeatureOptions(settings.feature_image_px, settings.max_features)
    find_features(database, image_dir, names, options, settings.threads, report, device=settings.device)
    pairs = near_pairs(entries, settings)
    match_pairs(database, pairs, settings.seed, settings.threads, report, device=settings.device)

    report("mapping", 0.0, "triangulating")
    mapping = pycolmap.IncrementalPipelineOptions()
    mapping.num_threads = settings.threads
    mapping.random_seed = mapping.triangulation.random_seed = settings.seed
    found = work / "triangulated"
    found.mkdir(exist_ok=True)
    model = pycolmap.triangulate_points(model, str(database), str(image_dir), str(found), options=mapping)
    report("mapping", 1.0, "")
    if model.num_points3D() == 0:
        raise RefusedError("no_points")
    write_arrays(model, names, work / "sparse.npz")
    return {"points": model.num_points3D()}


def write_known(database: Path, entries: list[dict[str, Any]]) -> pycolmap.Reconstruction:
    """The same cameras, photos and poses in a database and in a model, under the same numbers: from 1, in order.

    An entry has its ``name`` and a pinhole ``camera``, or a ``lens`` and ``camera_from_world``.
    """
    model = pycolmap.Reconstruction()
    with pycolmap.Database.open(str(database)) as opened:
        for number, entry in enumerate(entries, start=1):
            camera = camera_of(entry)
            camera.camera_id = number
            camera.has_prior_focal_length = True
            opened.write_camera(camera, use_camera_id=True)
            model.add_camera_with_trivial_rig(camera)
            image = pycolmap.Image(name=entry["name"], camera_id=number, image_id=number)
            pose = np.asarray(_pose(entry), np.float64)
            rigid = pycolmap.Rigid3d(pycolmap.Rotation3d(pose[:3, :3]), pose[:3, 3])
            model.add_image_with_trivial_frame(image, rigid)
            opened.write_rig(model.rig(number), use_rig_id=True)
            opened.write_image(image, use_image_id=True)
            frame = model.images[number].frame
            assert frame is not None  # noqa: S101  (made by the line above)
            opened.write_frame(frame, use_frame_id=True)
    return model


def camera_of(entry: dict[str, Any]) -> pycolmap.Camera:
    """COLMAP's camera of an entry: its ``lens``, or its pinhole ``camera``."""
    if "lens" in entry:
        lens = entry["lens"]
        return pycolmap.Camera(
            model=lens["model"], width=lens["width"], height=lens["height"], params=list(lens["params"])
        )
    known = entry["camera"]
    params = [known["fx"], known["fy"], known["cx"], known["cy"]]
    return pycolmap.Camera(model="PINHOLE", width=known["width"], height=known["height"], params=params)


def _pose(entry: dict[str, Any]) -> list[list[float]]:
    pose: list[list[float]] = (entry if "lens" in entry else entry["camera"])["camera_from_world"]
    return pose


def near_pairs(entries: list[dict[str, Any]], settings: SfmSettings) -> list[tuple[str, str]]:
    """A bounded number of pairs per photo: the nearest cameras that look the same way (within 60 degrees)."""
    poses = np.array([_pose(entry) for entry in entries], np.float64)
    centres = -np.einsum("nji,nj->ni", poses[:, :3, :3], poses[:, :3, 3])
    ahead = poses[:, 2, :3]
    distance = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    distance[ahead @ ahead.T < 0.5] = np.inf
    np.fill_diagonal(distance, np.inf)
    chosen = set()
    for i, row in enumerate(distance):
        for j in np.argsort(row)[: settings.similar_photos]:
            if np.isfinite(row[j]):
                chosen.add((min(i, int(j)), max(i, int(j))))
    return [(entries[i]["name"], entries[j]["name"]) for i, j in sorted(chosen)]
