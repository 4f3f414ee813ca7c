"""Writes a model version: its files, its metrics on the fixed evaluation set, its picture, its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from maquette import __version__
from maquette.recon.evaluate import compare, evaluate
from maquette.recon.formats import format_named
from maquette.recon.gaussians import Gaussians
from maquette.recon.gaussians.previews import below_each_other, side_by_side, write_picture
from maquette.recon.quality import overall_quality
from maquette.recon.scene import Scene
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.folder import Folder
from maquette.steps.records import File, Iteration, Metric, Model, Split
from maquette.steps.sink import Sink
from maquette.steps.training import MEASURED_VIEWS, Trained, spread

PREVIEW_VIEWS = 4


@dataclass(frozen=True)
class NewVersion:
    """What a version is called and where it comes from.

    It is promoted where its held-out quality is above ``promote_above``, always where that is None. ``describe``
    gives the refine round from the mean held-out metric.
    """

    number: int
    parent: Model | None
    method: Literal["generate", "refine"]
    promote_above: float | None
    details: Mapping[str, Any]
    describe: Callable[[Metric], Iteration] | None = None


def write_version(
    folder: Folder, scene: Scene, eval_set: EvaluationSet, trained: Trained, new: NewVersion, sink: Sink
) -> Model:
    """Write ``models/v<number>/`` and return its record. The numbers are of the Gaussians in ``model.ply``."""
    gaussians = trained.checkpoint.gaussians
    sink.progress("evaluation", 0.0, f"measuring version {new.number}")
    held_out = _measure(gaussians, scene, eval_set.held_out(scene), eval_set, "held_out")
    sink.progress("evaluation", 0.5)
    training = _measure(gaussians, scene, spread(eval_set.training(scene), MEASURED_VIEWS), eval_set, "training")
    mean = next((metric for metric in held_out if metric.view_index is None), None)
    quality = mean.overall_quality if mean and mean.overall_quality is not None else 0.0

    home = folder.model(new.number)
    home.mkdir(parents=True, exist_ok=True)
    provenance = {
        "generator": f"maquette {__version__}",
        "project": str(folder.project().get("id", "local")),
        "version": str(new.number),
        "parent": "none" if new.parent is None else str(new.parent.version),
        "method": new.method,
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

    files = _files(folder, new.number, trained, _inputs(folder, scene, eval_set, new.parent))
    return Model(
        version=new.number,
        parent_version=None if new.parent is None else new.parent.version,
        method=new.method,
        promote=new.promote_above is None or quality > new.promote_above,
        num_gaussians=len(gaussians),
        num_gaussians_unfiltered=len(trained.unfiltered),
        sh_degree=gaussians.sh_degree,
        iterations=trained.checkpoint.iteration,
        metrics=(*held_out, *training),
        iteration=new.describe(mean) if new.describe is not None and mean is not None else None,
        details={
            **new.details,
            "floaters": trained.floaters,
            "training_seconds": trained.seconds,
            "backend": trained.backend,
        },
        **files,
    )


def _measure(
    gaussians: Gaussians, scene: Scene, views: tuple[int, ...], eval_set: EvaluationSet, split: Split
) -> list[Metric]:
    """Metrics of each view and their mean; nothing where there are no views."""
    measured = evaluate(gaussians, scene, views, max_side_px=eval_set.long_side)
    if not measured:
        return []
    psnr = float(np.mean([m.psnr for m in measured]))
    ssim = float(np.mean([m.ssim for m in measured]))
    mean = Metric(split=split, view_index=None, psnr=psnr, ssim=ssim, overall_quality=overall_quality(psnr, ssim))
    return [mean, *(Metric(split=split, view_index=m.view_index, psnr=m.psnr, ssim=m.ssim) for m in measured)]


def _preview(folder: Folder, scene: Scene, eval_set: EvaluationSet, trained: Trained, version: int) -> None:
    """Held-out photos beside their renders: what one looks at first."""
    views = eval_set.held_out(scene)[:PREVIEW_VIEWS] or tuple(range(min(PREVIEW_VIEWS, len(scene.views))))
    filenames = folder.filenames()
    rows = []
    for seen in compare(trained.checkpoint.gaussians, scene, views, max_side_px=eval_set.long_side):
        name = scene.views[seen.view_index].name
        labels = [f"photo {filenames.get(name, name)}", f"version {version}"]
        rows.append(side_by_side([seen.photo, seen.render], labels))
    write_picture(below_each_other(rows), folder.model(version) / "preview.jpg")


def _inputs(folder: Folder, scene: Scene, eval_set: EvaluationSet, parent: Model | None) -> tuple[str, ...]:
    """A model is made of the training photos, the cameras and points, and the version it came from."""
    images = [folder.relative(scene.views[i].image_path) for i in eval_set.training(scene)]
    scene_files = [folder.relative(folder.scene / name) for name in ("cameras.json", "points.npz")]
    return (*images, *scene_files, *((parent.checkpoint.path,) if parent is not None else ()))


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
