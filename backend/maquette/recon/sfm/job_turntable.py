"""The last attempt of the job that places cameras: the photos are those of a turntable. Child process only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pycolmap
from PIL import Image

from maquette.recon.sfm.database import Matched, Report, copy_matches
from maquette.recon.sfm.job_triangulate import write_known
from maquette.recon.sfm.settings import SfmSettings
from maquette.recon.sfm.triangulating import triangulate_allowed, verified_pairs
from maquette.recon.sfm.turntable import Turntable, fit_turntable

LEAST_PHOTOS = 8
AGREEING, CHAINED = 0.7, 0.6
"""Shares that a turntable needs: of matches that agree with it, and of consecutive photos whose matches do."""
LEAST_MATCHES = 200


def may_be_turntable(matched: Matched, names: Sequence[str]) -> bool:
    """Enough photos, and most of them share something with the next one."""
    follow = sum(after in matched.neighbours[name] for name, after in pairwise(names))
    return len(names) >= LEAST_PHOTOS and follow >= CHAINED * (len(names) - 1)


def is_borne_out(table: Turntable) -> bool:
    """Whether the matches agree with a turntable well enough to take the photos for its."""
    agree = table.share >= AGREEING and table.chained >= CHAINED
    return agree and table.closed and table.matches >= LEAST_MATCHES


def place_on_turntable(
    database: Path,
    image_dir: Path,
    names: Sequence[str],
    focal_px: Mapping[str, float],
    folder: Path,
    settings: SfmSettings,
    report: Report,
) -> tuple[pycolmap.Reconstruction, Turntable] | None:
    """Cameras evenly around an axis and their points, where the matches in ``database`` bear it out; else None.

    ``names`` are in the order in which the photos were taken, of one size. Whether the cameras look like a turntable's
    is asked of the matches alone: with names in another order, or a camera that was carried around, they disagree.
    """
    sizes = set()
    for name in names:
        with Image.open(image_dir / name) as image:
            sizes.add(image.size)
    if len(sizes) > 1:
        return None
    (width, height) = sizes.pop()
    report("mapping", 0.0, "trying a turntable")
    focals = {focal_px[name] for name in names if name in focal_px}
    focal = focals.pop() if len(focals) == 1 else None
    known = folder.with_suffix(".db")
    known.unlink(missing_ok=True)
    write_known(known, _entries(names, _still(len(names)), focal or float(max(width, height)), width, height))
    copy_matches(database, known)
    pairs = verified_pairs(known)
    table = fit_turntable(pairs, len(names), width, height, focal)
    if table is None or not is_borne_out(table):
        return None
    poses = [pose.tolist() for pose in table.poses]
    entries = _entries(names, poses, table.focal_px, width, height)
    model, _ = triangulate_allowed(known, entries, [], image_dir, folder, settings, report)
    return model, table


def _still(photos: int) -> list[list[list[float]]]:
    """Poses for a database that is written before any is known."""
    return [[[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]]] * photos


def _entries(
    names: Sequence[str], poses: Sequence[list[list[float]]], focal: float, width: int, height: int
) -> list[dict[str, Any]]:
    lens = {"model": "PINHOLE", "width": width, "height": height, "params": [focal, focal, width / 2, height / 2]}
    return [{"name": name, "lens": lens, "camera_from_world": pose} for name, pose in zip(names, poses, strict=True)]
