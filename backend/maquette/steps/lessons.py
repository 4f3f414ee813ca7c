"""The second half of a refine round's preparation: how far each enhanced pixel may teach, and what is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maquette.recon.formats import format_named
from maquette.recon.masks import write_mask
from maquette.recon.multiview import EnhancedView as Invented
from maquette.recon.multiview import mix, weigh
from maquette.recon.scene import Scene
from maquette.recon.train_settings import TrainSettings
from maquette.steps.enhancing import Look, as_picture
from maquette.steps.folder import Folder
from maquette.steps.records import EnhancedView, File, Model
from maquette.steps.sink import Sink


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a round trains on: ``views`` of ``scene``, each seen once in a pass through them; and what it looked at."""

    scene: Scene
    views: tuple[int, ...]
    looked_at: tuple[EnhancedView, ...]

    @property
    def taught_by(self) -> tuple[str, ...]:
        """Paths of the enhanced pictures that are trained on, and of what says how far each of their pixels counts."""
        return tuple(
            file.path
            for view in self.looked_at
            if view.details.get("confidence", {}).get("taught")
            for file in (view.enhanced, view.confidence)
            if file is not None
        )


def prepare_lesson(
    folder: Folder,
    scene: Scene,
    training: Sequence[int],
    parent: Model,
    looks: Sequence[Look],
    settings: TrainSettings,
    sink: Sink,
) -> Lesson:
    """Every training photo in every pass, and beside them the enhanced views, each pixel by how far photos confirm it.

    Where nothing was enhanced, the photos of the views to mend are seen twice as often instead.
    """
    enhanced = [look for look in looks if look.enhanced is not None]
    if not enhanced:
        mended = tuple(look.index for look in looks if look.index in training)
        return Lesson(scene, (*training, *mended), tuple(_record(folder, look, parent) for look in looks))
    home = folder.model(folder.next_version())
    invented = [Invented(as_picture(look), look.render) for look in enhanced]
    found = []
    weighed = weigh(
        format_named("ply").read(folder.root / parent.model.path),
        [scene.views[index] for index in training],
        invented,
        downscale=settings.downscale,
        max_side_px=settings.max_side_px,
        background=settings.background,
    )
    for number, one in enumerate(weighed):
        sink.progress("weighing", number / len(enhanced), f"view {enhanced[number].index}")
        write_mask(one.mask, home / f"confidence-{enhanced[number].index:04d}.png")
        found.append(one)
    targets = home / "targets"
    targets.mkdir(parents=True, exist_ok=True)
    mixture = mix(scene, training, found, targets)
    verdicts = {
        look.index: {
            "seen": one.seen,
            "agreement": one.agreement,
            "trust": one.trust,
            "gain": one.gain,
            "mean_weight": float(one.weights.mean()),
            "scale": mixture.scale,
            "taught": one.view.picture.name not in mixture.dropped,
        }
        for look, one in zip(enhanced, found, strict=True)
    }
    looked_at = tuple(_record(folder, look, parent, verdicts.get(look.index)) for look in looks)
    return Lesson(mixture.scene, mixture.views, looked_at)


def _record(folder: Folder, look: Look, parent: Model, verdict: dict[str, float | bool] | None = None) -> EnhancedView:
    cameras = folder.relative(folder.scene / "cameras.json")
    rendered = File(
        kind="rendered_view",
        path=folder.relative(look.render),
        mime="image/png",
        made_from=(parent.model.path, cameras),
    )
    made_from: tuple[str, ...] = (rendered.path,)
    if look.record.get("photo_used"):
        made_from = (rendered.path, folder.relative(look.view.image_path))
    enhanced = confidence = None
    if look.enhanced is not None:
        enhanced = File(
            kind="enhanced_view", path=folder.relative(look.enhanced), mime="image/png", made_from=made_from
        )
        confidence = File(
            kind="confidence_map",
            path=folder.relative(look.enhanced.with_name(f"confidence-{look.index:04d}.png")),
            mime="image/png",
            made_from=(enhanced.path, parent.model.path, cameras),
        )
    known = look.record
    return EnhancedView(
        view_index=look.index,
        method=known["method"],
        rendered=rendered,
        enhanced=enhanced,
        confidence=confidence,
        model=known["model"],
        model_revision=known["revision"],
        prompt=known["prompt"],
        strength=known["strength"],
        seed=known["seed"],
        details={**known, **({"confidence": verdict} if verdict else {})},
    )
