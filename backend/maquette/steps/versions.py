"""Writes a model version that passed the sanity gate: its files, metrics on the evaluation set, picture, record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from maquette import __version__
from maquette.recon.evaluate import compare
from maquette.recon.formats import format_named
from maquette.recon.gaussians.previews import below_each_other, side_by_side, write_picture
from maquette.recon.quality import WEIGHTS, Quality, Standing, outranks
from maquette.recon.sanity import bounds_of
from maquette.recon.scene import Scene
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.folder import Folder
from maquette.steps.measuring import measure_version
from maquette.steps.records import File, Iteration, Metric, Model
from maquette.steps.sink import Sink
from maquette.steps.training import Trained

PREVIEW_VIEWS = 4


@dataclass(frozen=True)
class NewVersion:
    """What a version is called and where it comes from.

    It is promoted where it outranks ``promote_above`` (:func:`maquette.recon.quality.outranks`), always where that is
    None. ``describe`` gives the refine round from the mean held-out metric. ``taught_by``: what was trained on beside
    the photos, by path.
    """

    number: int
    parent: Model | None
    method: Literal["generate", "refine"]
    promote_above: Standing | None
    details: Mapping[str, Any]
    describe: Callable[[Metric], Iteration] | None = None
    taught_by: tuple[str, ...] = ()


def standing_of(model: Model) -> Standing | None:
    """What a version is compared by; None where it has no held-out metrics."""
    mean = model.mean()
    return None if mean is None else Standing(mean.quality(), sound=not model.degraded)


def promoted_standing(folder: Folder) -> Standing | None:
    """That of the project's promoted version; None where there is none, or it has no held-out metrics."""
    told = folder.project().get("promoted")
    if told is None:
        return None
    # JSON of the database writes whole numbers without a point.
    terms = {name: float(told[name]) for name in WEIGHTS if told.get(name) is not None}
    return Standing(Quality(**terms), sound=not told.get("degraded", False))


def write_version(
    folder: Folder, scene: Scene, eval_set: EvaluationSet, trained: Trained, new: NewVersion, sink: Sink
) -> Model:
    """Write ``models/v<number>/`` and return its record. The numbers are of the Gaussians in ``model.ply``.

    Raises ``model_not_sound`` before anything is written.
    """
    gaussians = trained.checkpoint.gaussians
    sink.progress("evaluation", 0.0, f"measuring version {new.number}")
    metrics, findings = measure_version(gaussians, scene, eval_set, folder.weights(), sink)
    mean = next((m for m in metrics if m.split == "held_out" and m.view_index is None), None)

    home = folder.model(new.number)
    home.mkdir(parents=True, exist_ok=True)
    provenance = {
        "generator": f"maquette {__version__}",
        "project": str(folder.project().get("id", "local")),
        "version": str(new.number),
        "parent": "none" if new.parent is None else str(new.parent.version),
        "method": new.method,
        **_engine_words(new.details.get("engine")),
        "up_axis": "as captured (OpenCV world of structure-from-motion, scale arbitrary)",
        **({"held_out_psnr_db": f"{mean.psnr:.2f}", "held_out_ssim": f"{mean.ssim:.4f}"} if mean else {}),
    }
    ply = format_named("ply")
    ply.write(gaussians, home / "model.ply", provenance=provenance)
    for name, other in (("unfiltered", trained.unfiltered), ("filtered", trained.filtered)):
        if other is not gaussians:
            ply.write(other, home / f"{name}.ply", provenance={**provenance, "floaters": name})
    trained.checkpoint.save(home / "checkpoint.npz")
    _preview(folder, scene, eval_set, trained, new.number)
    sink.progress("evaluation", 1.0)

    files = _files(folder, new.number, trained, _inputs(folder, scene, eval_set, new))
    return Model(
        version=new.number,
        parent_version=None if new.parent is None else new.parent.version,
        method=new.method,
        promote=_promoted(mean, new.promote_above, sound=not findings),
        num_gaussians=len(gaussians),
        num_gaussians_unfiltered=len(trained.unfiltered),
        sh_degree=gaussians.sh_degree,
        iterations=trained.checkpoint.iteration,
        metrics=metrics,
        losses=trained.losses,
        iteration=new.describe(mean) if new.describe is not None and mean is not None else None,
        bounds=asdict(bounds_of(gaussians)),
        bytes=(home / "model.ply").stat().st_size,
        seconds=trained.seconds,
        degraded=bool(findings),
        details={
            **new.details,
            "sanity": [finding.as_dict() for finding in findings],
            "floaters": trained.floaters,
            "training_seconds": trained.seconds,
            "backend": trained.backend,
        },
        **files,
    )


def _engine_words(engine: Mapping[str, Any] | None) -> dict[str, str]:
    """Of the program that made it, for whoever only has the file."""
    return {"engine": " ".join(str(engine[key]) for key in ("name", "version") if engine.get(key))} if engine else {}


def _promoted(mean: Metric | None, above: Standing | None, *, sound: bool) -> bool:
    if above is None or mean is None:
        return above is None
    return outranks(Standing(mean.quality(), sound), above)


def _preview(folder: Folder, scene: Scene, eval_set: EvaluationSet, trained: Trained, version: int) -> None:
    """Held-out photos beside their renders: what one looks at first."""
    views = eval_set.held_out(scene)[:PREVIEW_VIEWS] or tuple(range(min(PREVIEW_VIEWS, len(scene.views))))
    filenames = folder.filenames()
    rows = []
    for seen in compare(trained.checkpoint.gaussians, scene, views, max_side_px=eval_set.long_side):
        name = scene.views[seen.view_index].name
        labels = [f"photo {filenames[name]}" if name in filenames else f"view {name}", f"version {version}"]
        rows.append(side_by_side([seen.photo, seen.render], labels))
    write_picture(below_each_other(rows), folder.model(version) / "preview.jpg")


def _inputs(folder: Folder, scene: Scene, eval_set: EvaluationSet, new: NewVersion) -> tuple[str, ...]:
    """A model is made of the training photos, cameras and points, the version it came from, and what else taught it."""
    taught = [scene.views[i] for i in eval_set.training(scene)]
    beside = [path for view in taught for path in (view.mask_path, view.depth_path) if path is not None]
    images = [folder.relative(path) for path in (*(view.image_path for view in taught), *beside)]
    scene_files = [folder.relative(folder.scene / name) for name in ("cameras.json", "points.npz")]
    return (*images, *scene_files, *((new.parent.checkpoint.path,) if new.parent is not None else ()), *new.taught_by)


def _files(folder: Folder, version: int, trained: Trained, made_from: tuple[str, ...]) -> dict[str, File]:
    """The files of a version by their field in the record."""
    binary = "application/octet-stream"
    # What is the same as the model is the same file.
    gaussians, model = trained.checkpoint.gaussians, ("model", "model.ply", binary)
    named = {
        "model": model,
        "unfiltered": model if trained.unfiltered is gaussians else ("model_unfiltered", "unfiltered.ply", binary),
        "filtered": model if trained.filtered is gaussians else ("model_filtered", "filtered.ply", binary),
        "checkpoint": ("checkpoint", "checkpoint.npz", binary),
        "preview": ("preview", "preview.jpg", "image/jpeg"),
    }
    home = folder.model(version)
    return {
        field: File(kind=kind, path=folder.relative(home / name), mime=mime, made_from=made_from)
        for field, (kind, name, mime) in named.items()
    }
