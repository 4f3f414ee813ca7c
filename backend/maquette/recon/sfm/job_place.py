"""The job that places cameras: attempts in a stated order, the best one kept. Child process only."""

from __future__ import annotations

import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
from numpy import ndarray

from maquette.recon.sfm.child import RefusedError
from maquette.recon.sfm.database import (
    FeatureOptions,
    Matched,
    Report,
    add_photos,
    copy_matches,
    find_features,
    match_pairs,
    read_matched,
)
from maquette.recon.sfm.gate import check, passes
from maquette.recon.sfm.job_turntable import may_be_turntable, place_on_turntable
from maquette.recon.sfm.mapping import map_incrementally, undistort, write_arrays, write_view_masks
from maquette.recon.sfm.pairs import bounded_pairs, every_pair
from maquette.recon.sfm.reasons import placement, strangers
from maquette.recon.sfm.result import Attempt
from maquette.recon.sfm.settings import SfmSettings
from maquette.recon.sfm.turntable import Turntable

_DESCRIPTORS_PER_PHOTO = 1000


@dataclass(frozen=True)
class _Outcome:
    attempt: Attempt
    matched: Matched
    model: pycolmap.Reconstruction | None
    turntable: Turntable | None = None


def place(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Request: ``images``, ``work``, ``names`` (without spaces), ``focal_px`` by name, ``settings``.

    Writes ``undistorted/images`` and ``sparse.npz`` under ``work``; answers the ``lenses`` of placed photos by name.
    Refuses with ``shares_nothing`` or ``not_placed`` and the numbers of the best attempt.
    """
    settings = SfmSettings(**request["settings"])
    work, image_dir, names = Path(request["work"]), Path(request["images"]), list(request["names"])
    seconds: dict[str, float] = defaultdict(float)

    outcomes: list[_Outcome] = []
    for run in _attempts(image_dir, work, names, request["focal_px"], settings, seconds, report):
        outcomes.append(run())
        last = outcomes[-1]
        if last.attempt.passed or not settings.recover:
            break
    best = max(outcomes, key=lambda outcome: (outcome.attempt.passed, outcome.attempt.placed, outcome.attempt.points))
    facts = {
        "attempts": [asdict(outcome.attempt) for outcome in outcomes],
        "photos": _photo_facts(best.model, best.matched, names),
    }
    if not best.matched.any:
        raise RefusedError("shares_nothing", **facts)
    if best.model is None or not best.attempt.passed:
        raise RefusedError("not_placed", **facts)

    with timed(seconds, "undistort"):
        report("undistort", 0.0, f"{best.attempt.placed} photos")
        flat = undistort(
            best.model, image_dir, work / "undistorted", settings.undistorted_long_side_px, settings.threads
        )
        cameras = write_arrays(flat, names, work / "sparse.npz")
        masks = write_view_masks(best.model, flat, image_dir, work / "undistorted" / "masks")
        report("undistort", 1.0, "")
    return {
        **facts,
        "cameras": cameras,
        "masks": masks,
        "turntable": best.turntable
        and {"share": best.turntable.share, "matches": best.turntable.matches, "step_deg": best.turntable.step_deg},
        "lenses": _lenses(best.model),
        "flat_share": round(best.matched.flat_share, 3),
        "mean_track_length": best.attempt.mean_track_length,
        "reprojection_error_px": float(best.model.compute_mean_reprojection_error()),
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
        "peak_memory_mb": peak_memory_mb(),
    }


def _attempts(
    image_dir: Path,
    work: Path,
    names: Sequence[str],
    focal_px: dict[str, float],
    settings: SfmSettings,
    seconds: dict[str, float],
    report: Report,
) -> Iterator[Callable[[], _Outcome]]:
    """What is tried, in this order: as set; more features; a camera for each photo; relaxed thresholds; a turntable."""

    def features_of(database: Path, options: FeatureOptions, guided: bool) -> Matched:
        # COLMAP passes over photos that have features and pairs that have matches: a killed search has left some.
        with timed(seconds, "features"):
            if not database.exists():
                add_photos(database, image_dir, names, focal_px, camera_each=False)
            find_features(database, image_dir, names, options, settings.threads, report, device=settings.device)
        with timed(seconds, "matching"):
            pairs = _choose_pairs(database, names, settings)
            match_pairs(database, pairs, settings.seed, settings.threads, report, guided=guided, device=settings.device)
        return read_matched(database)

    def mapped(name: str, database: Path, matched: Matched, started: float, relaxed: bool = False) -> _Outcome:
        model: pycolmap.Reconstruction | None = None
        if matched.any:
            with timed(seconds, "mapping"):
                model = map_incrementally(
                    database,
                    image_dir,
                    work / f"models_{name}",
                    len(names),
                    settings.seed,
                    settings.threads,
                    report,
                    relaxed=relaxed,
                )
        return judged(name, model, matched, started)

    def judged(
        name: str,
        model: pycolmap.Reconstruction | None,
        matched: Matched,
        started: float,
        table: Turntable | None = None,
    ) -> _Outcome:
        placed = model.num_reg_images() if model else 0
        points = model.num_points3D() if model else 0
        track = float(model.compute_mean_track_length()) if model and points else 0.0
        foreign = strangers([placement(facts, facts["name"]) for facts in _photo_facts(model, matched, names)])
        passed = passes(check(placed, len(names), points, track, strangers=len(foreign)))
        attempt = Attempt(name, placed, points, round(track, 3), passed, round(time.perf_counter() - started, 3))
        return _Outcome(attempt, matched, model, table)

    first, second, third = (work / f"{name}.db" for name in ("as_set", "more_features", "camera_each"))
    wanted = FeatureOptions(settings.feature_image_px, settings.max_features)
    matches: dict[Path, Matched] = {}

    def as_set() -> _Outcome:
        started = time.perf_counter()
        matches[first] = features_of(first, wanted, guided=False)
        return mapped("as_set", first, matches[first], started)

    def with_more_features() -> _Outcome:
        started = time.perf_counter()
        matches[second] = features_of(second, more_features(wanted), guided=True)
        return mapped("more_features", second, matches[second], started)

    def camera_each() -> _Outcome:
        started = time.perf_counter()
        third.unlink(missing_ok=True)
        add_photos(third, image_dir, names, focal_px, camera_each=True)
        copy_matches(second, third)
        return mapped("camera_each", third, matches[second], started)

    def relaxed() -> _Outcome:
        return mapped("relaxed", second, matches[second], time.perf_counter(), relaxed=True)

    def turntable() -> _Outcome:
        started = time.perf_counter()
        with timed(seconds, "mapping"):
            found = place_on_turntable(second, image_dir, names, focal_px, work / "turntable", settings, report)
        model, table = found or (None, None)
        return judged("turntable", model, matches[second], started, table)

    yield as_set
    yield with_more_features
    if matches[second].any:
        yield camera_each
        yield relaxed
        if may_be_turntable(matches[second], names):
            yield turntable


def _choose_pairs(database: Path, names: Sequence[str], settings: SfmSettings) -> list[tuple[str, str]]:
    if len(names) <= settings.exhaustive_up_to and not settings.ordered:
        return every_pair(names)
    with pycolmap.Database.open(str(database)) as opened:
        ids = {image.name: image.image_id for image in opened.read_all_images()}
        blocks = [_some_descriptors(opened, ids[name]) for name in names]
    unit = [block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-9) for block in blocks]
    return bounded_pairs(
        names, unit, overlap=settings.sequential_overlap, similar=settings.similar_photos, seed=settings.seed
    )


def _some_descriptors(opened: pycolmap.Database, image_id: int) -> ndarray:
    """Enough of a photo's descriptors to tell what it looks like, evenly drawn: hundreds of photos fit in memory."""
    rows = np.asarray(opened.read_descriptors(image_id).data)
    return rows[:: max(1, len(rows) // _DESCRIPTORS_PER_PHOTO)].astype(np.float32)


def _lenses(model: pycolmap.Reconstruction) -> dict[str, dict[str, Any]]:
    """The camera of each placed photo as it was found, before undistortion."""
    found = {}
    for image in model.images.values():
        if image.has_pose:
            camera = image.camera
            found[image.name] = {
                "model": camera.model.name,
                "width": camera.width,
                "height": camera.height,
                "params": [float(value) for value in camera.params],
            }
    return found


def _photo_facts(model: pycolmap.Reconstruction | None, matched: Matched, names: Sequence[str]) -> list[dict[str, Any]]:
    images = {image.name: image for image in model.images.values()} if model else {}
    placed = {name for name, image in images.items() if image.has_pose}
    return [
        {
            "name": name,
            "placed": name in placed,
            "features": matched.features.get(name, 0),
            "matched": len(matched.neighbours.get(name, ())),
            "matched_placed": len(matched.neighbours.get(name, set()) & placed),
            "points": int(images[name].num_points3D) if name in placed else 0,
        }
        for name in names
    ]


def more_features(options: FeatureOptions) -> FeatureOptions:
    """Twice as many features, of larger photos and fainter spots."""
    return FeatureOptions(
        max(1600, 2 * options.image_px), 2 * options.max_features, peak_threshold=options.peak_threshold / 2
    )


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Add how long it took to ``seconds[stage]``."""
    started = time.perf_counter()
    try:
        yield
    finally:
        seconds[stage] += time.perf_counter() - started


def peak_memory_mb() -> float:
    """The most that this process ever held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
