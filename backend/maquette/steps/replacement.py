"""Bring views up to date whose photo was replaced since they were made: only those, and no camera of another one moves.

A refine begins with :func:`bring_up_to_date` and ends with :func:`render_new_depth`. What is waiting stands in
``project.json`` (:mod:`maquette.steps.waiting`). A view that was generated and not photographed would be made again
here too, with another seed, once something generates views; its rows and staleness need nothing new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from maquette.recon.scene import Scene, View
from maquette.recon.scenes.saved import CAMERAS_FILE, save_scene
from maquette.recon.sfm.lenses import load_lenses
from maquette.recon.sfm.place_one import PlacedPhoto, place_one
from maquette.steps.depth import make_depth_maps
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.folder import Folder, write_json
from maquette.steps.names import errors_in_users_words
from maquette.steps.records import File, Model, Preview, Record, RenewedView, RenewedViews, Warn
from maquette.steps.sink import Sink
from maquette.steps.waiting import REPLACED, WITHOUT_DEPTH, HeldOutPhotoFixedError


@dataclass(frozen=True)
class _Within:
    """Shows everything as a message of one stage at one point of it: how long placing takes nobody can foresee."""

    sink: Sink
    stage: str
    fraction: float

    def progress(self, stage: str, fraction: float, message: str = "") -> None:
        """The stage becomes the message."""
        self.sink.progress(self.stage, self.fraction, f"a replaced photo, {stage}{': ' if message else ''}{message}")

    def keep(self, record: Record) -> None:
        """Hand it on."""
        self.sink.keep(record)

    def show(self, preview: Preview) -> None:
        """Hand it on."""
        self.sink.show(preview)

    def warn(self, warning: Warn) -> None:
        """Hand it on."""
        self.sink.warn(warning)


def bring_up_to_date(folder: Folder, scene: Scene, eval_set: EvaluationSet, sink: Sink) -> Scene:
    """The scene with every photo as it is now: undistorted, placed, and kept as one :class:`RenewedViews`.

    The same scene where no photo waits. Raises ``replaced_photo_not_placed`` or ``held_out_photo_fixed``, and then
    nothing has changed.
    """
    project = folder.project()
    waiting: list[dict[str, Any]] = project.get(REPLACED, [])
    if not waiting:
        return scene
    for one in waiting:
        if one["name"] in eval_set.names:
            raise HeldOutPhotoFixedError(one["filename"])
    index_of = {view.name: index for index, view in enumerate(scene.views)}
    replaced = {index_of[one["name"]]: one for one in waiting}
    placed = _place(folder, scene, replaced, _Within(sink, "loading", 0.5))
    scene = _with_photos(folder, scene, placed)
    sink.keep(_record(folder, scene, replaced, placed))
    names = sorted({*project.get(WITHOUT_DEPTH, []), *(one["name"] for one in waiting)})
    write_json(folder.root / "project.json", {**project, REPLACED: [], WITHOUT_DEPTH: names})
    return scene


def render_new_depth(folder: Folder, scene: Scene, model: Model, long_side: int, sink: Sink) -> None:
    """Depth maps, at most ``long_side`` px, of views made again that have none yet; ``model`` was trained on them."""
    waiting = folder.project().get(WITHOUT_DEPTH, [])
    views = [index for index, view in enumerate(scene.views) if view.name in waiting]
    if views:
        sink.keep(make_depth_maps(folder, scene, model, long_side, _Within(sink, "rounds", 1.0), views=views))


def _place(
    folder: Folder, scene: Scene, replaced: Mapping[int, Mapping[str, Any]], sink: Sink
) -> dict[int, PlacedPhoto]:
    """The new photos with their cameras, by view index. Nothing else in the folder changes yet."""
    lenses = load_lenses(folder.scene)
    long_side = max(max(view.camera.width, view.camera.height) for view in scene.views)
    # Those that wait show what may be gone: no new photo is placed by them.
    others = [view for index, view in enumerate(scene.views) if index not in replaced]
    placed = {}
    with errors_in_users_words({one["name"]: one["filename"] for one in replaced.values()}):
        for index, one in replaced.items():
            before = scene.views[index]
            placed[index] = place_one(
                folder.root / one["photo"],
                before,
                others,
                lenses.get(before.name),
                folder.sfm / "replaced" / before.name,
                long_side=long_side,
                focal_px=one.get("focal_px"),
                progress=sink.progress,
            )
    return placed


def _with_photos(folder: Folder, scene: Scene, placed: Mapping[int, PlacedPhoto]) -> Scene:
    """The scene with the new photos in place of the old ones, saved."""
    views: list[View] = list(scene.views)
    for index, photo in placed.items():
        photo.image_path.replace(views[index].image_path)
        # A depth of the photo that was there says nothing of this one, and sows nothing any more.
        views[index] = replace(views[index], camera=photo.camera, depth_path=None)
    scene = replace(scene, views=tuple(views))
    save_scene(scene, folder.scene)
    return scene


def _record(
    folder: Folder, scene: Scene, replaced: Mapping[int, Mapping[str, Any]], placed: Mapping[int, PlacedPhoto]
) -> RenewedViews:
    cameras = folder.relative(folder.scene / CAMERAS_FILE)
    photos = [str(one["photo"]) for one in replaced.values()]
    return RenewedViews(
        views=tuple(
            RenewedView(
                view_index=index,
                name=scene.views[index].name,
                split="training",
                camera=photo.camera.as_dict(),
                image=File(
                    kind="view",
                    path=folder.relative(scene.views[index].image_path),
                    mime="image/png" if scene.views[index].image_path.suffix == ".png" else "image/jpeg",
                    made_from=(str(replaced[index]["photo"]),),
                ),
                details=photo.summary(),
            )
            for index, photo in placed.items()
        ),
        # It takes the place of the file that lay there, and is made from that one and from the new photos.
        cameras=File(kind="cameras", path=cameras, mime="application/json", made_from=(cameras, *photos)),
    )
