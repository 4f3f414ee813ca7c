"""Cameras that came with the photos: matched by name, judged by the photos, and everything after as if found."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from PIL import Image

from maquette.progress import Progress, silent
from maquette.recon.scenes.poses import KnownPoses, NamedPose, turn
from maquette.recon.scenes.saved import save_scene
from maquette.recon.sfm.device import on_a_device
from maquette.recon.sfm.gate import PLACED, PLACED_SHARE, POINTS, Finding, check
from maquette.recon.sfm.kept import SCENE_FOLDER, assemble, fingerprint_of, link_safely, load_result, save_result
from maquette.recon.sfm.lenses import Lens
from maquette.recon.sfm.pose_errors import PoseOfAnotherShapeError, PosesDoNotFitError, PosesDoNotMatchError
from maquette.recon.sfm.pose_names import NamedPhoto, match_names
from maquette.recon.sfm.process import JobRefusedError, run_child
from maquette.recon.sfm.result import Placement, SfmResult
from maquette.recon.sfm.settings import SfmSettings
from maquette.recon.sfm.volume import Seeds, seeds

QUARTER_TURNS = {1: 0, 6: 1, 3: 2, 8: 3}
"""Clockwise, that EXIF's orientations ask for."""
_SAME_SHAPE = 0.02
_OTHER_AXES = np.diag([1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True)
class PosedPhoto(NamedPhoto):
    """One photo of the folder: ``name`` there, ``filename`` as its owner calls it, its upright size before any
    reduction, and the EXIF orientation that it was turned by (None: not known; 1: not turned).
    """

    original_width: int = 0
    original_height: int = 0
    orientation: int | None = None


def place_known(
    image_dir: Path,
    photos: Sequence[PosedPhoto],
    poses: KnownPoses,
    work_dir: Path,
    *,
    settings: SfmSettings | None = None,
    progress: Progress = silent,
) -> SfmResult:
    """Take the cameras of ``photos`` (upright files in ``image_dir``) from ``poses``.

    Photos and poses are matched by base name, whatever its case; intrinsics follow the photos' size and turn; lens
    distortion is taken out. The poses stay as they are, once the photos' matches agree with them. Sparse points are
    triangulated; those of the file are added; where both are too few, they come from silhouettes or from the volume
    that the cameras look at (``points_from``, and a warning). World frame and scale are those of the poses. Stages:
    ``features``, ``matching``, ``mapping``, ``undistort``. A finished result in ``work_dir`` is loaded instead.

    Raises :class:`PosesDoNotMatchError`, :class:`PoseOfAnotherShapeError`, :class:`PosesDoNotFitError` or
    :class:`SfmCrashedError`.
    """
    settings = settings or SfmSettings()
    matched = match_names(poses.names, photos)
    if len(matched.pairs) < max(PLACED.error, PLACED_SHARE.error * len(photos)):
        raise PosesDoNotMatchError(matched, len(photos), len(poses.poses))
    pairs = [(poses.poses[index], photo) for index, photo in sorted(matched.pairs, key=lambda pair: pair[1].name)]
    readings = _readings(image_dir, pairs)
    names = [photo.name for _, photo in pairs]
    unposed = sorted(photo.name for photo in matched.without_pose)
    fingerprint = fingerprint_of(image_dir, names, settings, [readings, unposed, len(poses.points)])
    if (finished := load_result(work_dir, fingerprint)) is not None:
        return finished

    scratch = work_dir / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    safe = link_safely(image_dir, names, scratch / "photos")
    original = {link: name for name, link in safe.items()}
    linked = [
        {"name": name, "cameras": [{**entry, "name": safe[entry["name"]]} for entry in cameras]}
        for name, cameras in readings.items()
    ]

    def search(settled: SfmSettings) -> dict[str, Any]:
        shutil.rmtree(scratch / "work", ignore_errors=True)
        request = {
            "images": str(scratch / "photos"),
            "work": str(scratch / "work"),
            "names": [safe[name] for name in names],
            "readings": linked,
            "settings": asdict(settled),
        }
        return run_child("known_poses", request, scratch / "work", progress)

    try:
        answer, fell_back = on_a_device(settings, search)
    except JobRefusedError as refusal:
        raise PosesDoNotFitError(poses.form, refusal.details["agreements"], refusal.details["best"]) from refusal
    if len(names) - len(answer["misfits"]) < max(PLACED.error, PLACED_SHARE.error * len(photos)):
        misfits = [original[name] for name in answer["misfits"]]
        raise PosesDoNotFitError(poses.form, answer["agreements"], answer["reading"], misfits)

    _explain_misfits(answer, original)
    result = assemble(
        answer,
        original,
        scratch / "work",
        work_dir / SCENE_FOLDER,
        method="known_poses",
        findings=lambda placed, points, track: _findings(placed, len(photos), points, track),
    )
    result = _with_unposed(result, unposed, len(photos))
    result = _with_points(result, poses, settings.seed, work_dir / SCENE_FOLDER)
    told = [*_told(poses, answer, matched.without_photo), *([fell_back] if fell_back else [])]
    result = replace(result, warnings=(*result.warnings, *told))
    save_result(result, work_dir, fingerprint)
    shutil.rmtree(scratch, ignore_errors=True)
    return result


def _readings(image_dir: Path, pairs: Sequence[tuple[NamedPose, PosedPhoto]]) -> dict[str, list[dict[str, Any]]]:
    """Every way the poses may have been meant, as given first: with other axes, inverted, and of photos turned the
    other way where nobody knows how they were.
    """
    turned = [_turns(pose, photo) for pose, photo in pairs]
    sizes = []
    for _, photo in pairs:
        with Image.open(image_dir / photo.name) as picture:
            sizes.append(picture.size)
    ways = {"": [turns[0] for turns in turned]}
    if any(len(turns) > 1 for turns in turned):
        ways["_turned"] = [turns[-1] for turns in turned]
    readings = {}
    for way, turns in ways.items():
        for axes, meant in (
            ("as_given", lambda pose: pose),
            ("other_axes", lambda pose: _OTHER_AXES @ pose),
            ("inverted", np.linalg.inv),
            ("inverted_other_axes", lambda pose: _OTHER_AXES @ np.linalg.inv(pose)),
        ):
            readings[axes + way] = [
                {
                    "name": photo.name,
                    "lens": asdict(_lens(pose, photo, quarters, size)),
                    "camera_from_world": _turned(meant(pose.camera_from_world), quarters).tolist(),
                }
                for (pose, photo), quarters, size in zip(pairs, turns, sizes, strict=True)
            ]
    return readings


def _turned(pose: Float[ndarray, "4 4"], quarters: int) -> Float[ndarray, "4 4"]:
    return np.asarray(turn(quarters) @ pose)


def _turns(pose: NamedPose, photo: PosedPhoto) -> list[int]:
    """Clockwise quarter turns from the picture that the pose is of to the upright photo, the likeliest first.

    Programs that find cameras mostly ignore EXIF, so a pose is of the picture as the sensor stored it, unless its
    shape says otherwise. Phones that are held upright are mostly turned clockwise.
    """
    told = QUARTER_TURNS.get(photo.orientation or 1, 0)
    if pose.size is None:
        return [told]
    upright = photo.original_width / photo.original_height
    stated = pose.size[0] / pose.size[1]
    fits = {sideways: abs(stated / (1 / upright if sideways else upright) - 1) < _SAME_SHAPE for sideways in (0, 1)}
    if fits[told % 2]:
        return [told, 0] if told == 2 else [told]
    if fits[1]:
        return [1, 3]
    if fits[0]:
        return [0]
    raise PoseOfAnotherShapeError(photo.filename, (photo.original_width, photo.original_height), pose.size)


def _lens(pose: NamedPose, photo: PosedPhoto, quarters: int, size: tuple[int, int]) -> Lens:
    stored = (photo.original_width, photo.original_height)
    if quarters % 2:
        stored = (stored[1], stored[0])
    return pose.lens_at(*(pose.size or stored)).turned(quarters).scaled(*size).as_colmap()


def _explain_misfits(answer: dict[str, Any], original: Mapping[str, str]) -> None:
    for facts in answer["photos"]:
        if not facts["placed"]:
            facts["code"] = "pose_does_not_fit"
            facts["sentence"] = f"What '{original[facts['name']]}' shows contradicts its pose, which was left out."
            facts["action"] = "Check that its name was not changed, or take the photo out."


def _findings(photos: Sequence[Placement], total: int, points: int, track: float) -> tuple[Finding, ...]:
    """The gate's, without what is said of points where these are made otherwise."""
    found = check(sum(photo.placed for photo in photos), total, points, track)
    seeded = points < POINTS.error
    return tuple(one for one in found if not (seeded and one.code in ("few_points", "short_tracks")))


def _with_unposed(result: SfmResult, unposed: Sequence[str], total: int) -> SfmResult:
    if not unposed:
        return result
    more = tuple(
        Placement(
            name,
            placed=False,
            features=0,
            matched_photos=0,
            points=0,
            code="no_pose",
            sentence=f"No pose was sent for '{name}'.",
            action="Add its pose under the photo's name, or send all photos without poses.",
        )
        for name in unposed
    )
    shown = ", ".join(f"'{name}'" for name in unposed)
    warning = {
        "code": "photos_without_pose",
        "message": f"{len(unposed)} of {total} photos have no pose and were left out: {shown}.",
        "suggestion": "Add their poses, or send all photos without poses: cameras are then searched.",
    }
    everything = tuple(sorted((*result.placements, *more), key=lambda photo: photo.name))
    return replace(result, placements=everything, warnings=(*result.warnings, warning))


def _with_points(result: SfmResult, poses: KnownPoses, seed: int, folder: Path) -> SfmResult:
    """Add the points that came with the poses, those of silhouettes where all are few, and where they are too few
    those that stand in for them.

    On captures/dino (449 points of matches) the hull's points raise held-out PSNR from 32.1 to 32.8 dB.
    """
    scene = result.scene
    if len(poses.points):
        points, colors = (np.concatenate(both) for both in ((scene.points, poses.points), (scene.colors, poses.colors)))
        scene = replace(scene, points=points, colors=colors)
    found = len(scene.points)
    made = seeds(scene.views, seed) if found < POINTS.warning else None
    if made is None or (made.points_from == "volume" and found >= POINTS.error):
        save_scene(scene, folder)
        return replace(result, scene=scene)
    scene = replace(
        scene, points=np.concatenate([scene.points, made.points]), colors=np.concatenate([scene.colors, made.colors])
    )
    save_scene(scene, folder)
    warning = _points_warning(found, made)
    return replace(result, scene=scene, points_from=made.points_from, warnings=(*result.warnings, warning))


def _points_warning(found: int, made: Seeds) -> dict[str, str]:
    suggestion = "Photograph a subject with texture, or put a patterned cloth or newspaper under it."
    where = (
        "on the hull of its silhouettes before the plain background"
        if made.points_from == "silhouettes"
        else "anywhere in the volume that the cameras look at"
    )
    if found >= POINTS.error:
        code, message = "silhouette_points_added", f"{len(made.points)} points were added {where}."
    else:
        code = "points_from_silhouettes" if made.points_from == "silhouettes" else "points_in_volume"
        message = (
            f"The photos share only {found} spots, {POINTS.error:.0f} are needed to begin from: {len(made.points)} "
            f"points were put {where}."
        )
    return {"code": code, "message": message, "suggestion": suggestion}


def _told(poses: KnownPoses, answer: Mapping[str, Any], without_photo: Sequence[str]) -> list[dict[str, str]]:
    """Warnings of how the poses were read."""
    told = []
    if without_photo:
        shown = ", ".join(f"'{name}'" for name in without_photo[:5]) + (", …" if len(without_photo) > 5 else "")
        told.append(
            {
                "code": "poses_without_photo",
                "message": f"{len(without_photo)} of {len(poses.poses)} poses name no photo that was sent: {shown}.",
                "suggestion": "Nothing to do where photos were left out on purpose; otherwise send them.",
            }
        )
    reading, agreements = answer["reading"], answer["agreements"]
    chosen, given = agreements[reading], agreements["as_given"]
    if reading != "as_given":
        told.append(
            {
                "code": "poses_read_otherwise",
                "message": f"The poses fit the photos only when read {PosesDoNotFitError.meant(poses.form, reading)}: "
                f"{chosen['share']:.0%} of {chosen['matches']} matches agree then, {given['share']:.0%} as the file's "
                "form says. They were read so.",
                "suggestion": "Write the poses in the form's own convention to be sure.",
            }
        )
    if given["matches"] < answer["least_matches"]:
        told.append(
            {
                "code": "poses_unchecked",
                "message": f"The photos share only {given['matches']} spots: too few to tell whether the poses fit.",
                "suggestion": "Look at the model: where it is a cloud without shape, the poses are wrong.",
            }
        )
    return told
