"""The evaluation set: which photos measure quality, fixed at a project's first generate."""

from __future__ import annotations

import json
from dataclasses import dataclass

from maquette.recon.scene import Scene
from maquette.recon.scenes.errors import SceneUnreadableError
from maquette.steps.folder import Folder, write_json
from maquette.steps.records import Warn
from maquette.steps.sink import Sink


@dataclass(frozen=True)
class EvaluationSet:
    """Names of the held-out photos, and the long side in px that metrics are computed at."""

    names: tuple[str, ...]
    long_side: int

    def held_out(self, scene: Scene) -> tuple[int, ...]:
        """Indices of the held-out views in this scene."""
        return tuple(i for i, view in enumerate(scene.views) if view.name in self.names)

    def watched(self, scene: Scene) -> int:
        """Index of the view that people watch a training by: one that it does not learn, where there is one."""
        views = self.held_out(scene) or self.training(scene)
        return views[len(views) // 2]

    def training(self, scene: Scene) -> tuple[int, ...]:
        """Indices of the views to train on."""
        return tuple(i for i, view in enumerate(scene.views) if view.name not in self.names)


def fix(folder: Folder, scene: Scene, long_side: int, sink: Sink) -> EvaluationSet:
    """The set that stands in the folder, or a new one: every 8th placed photo in name order.

    A photo that an earlier generate held out stays held out, also when this one could place more photos. A set that
    holds nothing out, as of a project that had one photo before, measures nothing, and a new one takes its place.
    """
    known = load(folder)
    if known is None or not known.names:
        known = EvaluationSet(tuple(scene.views[i].name for i in scene.held_out), long_side)
        write_json(folder.evaluation, {"names": list(known.names), "long_side": known.long_side})
        return known
    placed = {view.name for view in scene.views}
    missing = [name for name in known.names if name not in placed]
    if len(missing) == len(known.names):
        raise SceneUnreadableError("the project", "none of its held-out photos could be placed this time")
    if missing:
        sink.warn(
            Warn(
                code="held_out_photos_missing",
                message=f"{len(missing)} of {len(known.names)} held-out photos could not be placed this time; "
                "means over fewer photos do not compare exactly with earlier versions.",
                suggestion="Compare versions view by view.",
            )
        )
    return known


def none_held_out(folder: Folder, long_side: int) -> EvaluationSet:
    """The set of a project whose views all teach: nothing measures what no training saw, and nothing claims to."""
    known = EvaluationSet((), long_side)
    write_json(folder.evaluation, {"names": [], "long_side": long_side})
    return known


def load(folder: Folder) -> EvaluationSet | None:
    """The set that stands in the folder, if any."""
    if not folder.evaluation.exists():
        return None
    data = json.loads(folder.evaluation.read_text())
    return EvaluationSet(tuple(data["names"]), int(data["long_side"]))
