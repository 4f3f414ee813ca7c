"""Cameras for whatever a project was given: found among photos or frames, taken from a file, or those of the rig."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maquette.recon.doctor import advise, judge_placed
from maquette.recon.scene import Scene
from maquette.recon.scenes.pose_files import read_pose_files
from maquette.recon.sfm import SfmResult, SfmSettings, place_cameras
from maquette.recon.sfm.known_poses import PosedPhoto, place_known
from maquette.recon.sfm.lenses import LENSES_FILE
from maquette.recon.sfm.result import DEGRADED_CODES
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.folder import Folder
from maquette.steps.names import errors_in_users_words, in_users_words, renamed
from maquette.steps.parameters import GenerateParameters
from maquette.steps.records import File, Placement, View, Views, Warn
from maquette.steps.sink import Sink

UNDISTORTED_PX = 1600
"""Undistorted photos keep at least this long side: a later refine or texture may want more than training does."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A scene in ``folder.scene``, and what is to be told of each photo and of the set.

    ``capture``: the doctor's verdict on the set; None where nothing was searched. ``made``: of views that are no
    photos, by name, their ``method``, ``photo`` and ``details``.
    """

    scene: Scene
    placements: tuple[Placement, ...]
    statistics: dict[str, Any]
    capture: dict[str, Any] | None = None
    made: Mapping[str, dict[str, Any]] = field(default_factory=dict)


def place_photos(folder: Folder, wanted: GenerateParameters, long_side: int, sink: Sink) -> Placed:
    """By the cameras that came with the photos where some did, else by structure-from-motion.

    Frames of one video are in order, and matched with their neighbours first. Errors and warnings name photos as the
    user calls them.
    """
    settings = SfmSettings(
        seed=wanted.seed,
        ordered=_all_of_one_video(folder),
        undistorted_long_side_px=max(UNDISTORTED_PX, long_side),
    )
    filenames = folder.filenames()
    with errors_in_users_words(filenames):
        if folder.poses.is_dir():
            poses = read_pose_files(folder.poses, folder.root / "poses_read", progress=sink.progress)
            found = place_known(
                folder.images, _posed(folder), poses, folder.sfm, settings=settings, progress=sink.progress
            )
        else:
            found = place_cameras(
                folder.images, folder.sfm, settings=settings, progress=sink.progress, focal_px=folder.focal_lengths()
            )
    for warning in found.warnings:
        told = {name: in_users_words(warning.get(name, ""), filenames) for name in ("message", "suggestion")}
        sink.warn(Warn(code=warning["code"], degraded=warning["code"] in DEGRADED_CODES, **told))
    return Placed(found.scene, _placements(found, filenames), _statistics(found), _capture(found, filenames))


def views_record(folder: Folder, placed: Placed, eval_set: EvaluationSet) -> Views:
    """The record of all cameras. Each view was made from its own photo; the cameras from all of them."""
    scene = placed.scene
    held_out = set(eval_set.held_out(scene))
    views = tuple(_view(folder, placed, index, held_out) for index in range(len(scene.views)))
    sources = tuple(folder.relative(folder.images / p.name) for p in placed.placements if p.placed)
    # The largest: photos of other sizes may be smaller than the long side that all are measured at.
    largest = max((view.camera for view in scene.views), key=lambda camera: max(camera.width, camera.height))
    measured = largest.resized_to(eval_set.long_side)
    return Views(
        views=views,
        placements=placed.placements,
        scene_files=_scene_files(folder, sources),
        eval_names=eval_set.names,
        eval_width=measured.width,
        eval_height=measured.height,
        statistics=placed.statistics,
        capture=placed.capture,
    )


def _all_of_one_video(folder: Folder) -> bool:
    details = folder.details().values()
    return bool(details) and len({its.get("video") for its in details}) == 1 and all("video" in its for its in details)


def _posed(folder: Folder) -> list[PosedPhoto]:
    """The photos as their owner knows them: poses name the files that were sent."""
    details, sizes = folder.details(), folder.original_sizes()
    return [
        PosedPhoto(
            name=name,
            filename=filename,
            original_width=sizes[name][0],
            original_height=sizes[name][1],
            orientation=details[name].get("orientation", 1),
        )
        for name, filename in sorted(folder.filenames().items())
    ]


def _placements(found: SfmResult, filenames: Mapping[str, str]) -> tuple[Placement, ...]:
    advice = {one.name: one for one in advise(found)}
    return tuple(
        Placement(
            name=photo.name,
            filename=filenames.get(photo.name, photo.name),
            placed=photo.placed,
            reason=in_users_words(f"{photo.sentence} {photo.action}".strip(), filenames),
            details={
                "features": photo.features,
                "matched_photos": photo.matched_photos,
                "points": photo.points,
                **({"advice": renamed(advice[photo.name].as_dict(), filenames)} if photo.name in advice else {}),
            },
        )
        for photo in found.placements
    )


def _statistics(found: SfmResult) -> dict[str, Any]:
    summary = found.summary()
    kept = ("points", "mean_track_length", "reprojection_error_px", "attempts", "seconds")
    return {**{key: summary[key] for key in kept}, "method": found.method, "points_from": found.points_from}


def _capture(found: SfmResult, filenames: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = renamed(judge_placed(found).as_dict(), filenames)
    return told


def _view(folder: Folder, placed: Placed, index: int, held_out: set[int]) -> View:
    view = placed.scene.views[index]
    made = placed.made.get(view.name, {})
    photo = folder.relative(folder.images / made.get("photo", view.name))
    mime = "image/png" if view.image_path.suffix == ".png" else "image/jpeg"

    def beside(kind: str, path: Any, mime: str) -> File | None:
        return path and File(kind=kind, path=folder.relative(path), mime=mime, made_from=(photo,))

    return View(
        view_index=index,
        name=view.name,
        split="held_out" if index in held_out else "training",
        camera=view.camera.as_dict(),
        image=File(kind="view", path=folder.relative(view.image_path), mime=mime, made_from=(photo,)),
        mask=beside("view_mask", view.mask_path, "image/png"),
        prior=beside("view_prior", view.depth_path, "application/octet-stream"),
        **made,
    )


def _scene_files(folder: Folder, sources: tuple[str, ...]) -> tuple[File, ...]:
    """Cameras, sparse points, and the lenses by which one more photo is undistorted, where they were kept."""
    binary, plain = "application/octet-stream", "application/json"
    named = (
        ("cameras", "cameras.json", plain),
        ("sparse_points", "points.npz", binary),
        ("lenses", LENSES_FILE, plain),
    )
    return tuple(
        File(kind=kind, path=folder.relative(folder.scene / name), mime=mime, made_from=sources)
        for kind, name, mime in named
        if (folder.scene / name).exists()
    )
