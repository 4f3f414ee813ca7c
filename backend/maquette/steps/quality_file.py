"""``quality.json`` of a version and its mesh, from what was measured and recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from maquette.recon.mesh import Mesh
from maquette.recon.quality_report import MeshQuality as Reported
from maquette.recon.quality_report import ViewQuality, Warned, quality_report
from maquette.recon.scene import Scene
from maquette.recon.texture import MeshQuality
from maquette.steps.folder import Folder
from maquette.steps.records import Model, Split, Warn


def quality_of(
    folder: Folder, scene: Scene, model: Model, mesh: Mesh, measured: MeshQuality | None, warnings: Sequence[Warn]
) -> dict[str, Any]:
    """Of the held-out views, or where none was held out of the training views, which the report says."""
    split: Split = "held_out" if any(metric.split == "held_out" for metric in model.metrics) else "training"
    filenames = folder.filenames()
    names = [filenames.get(view.name, view.name) for view in scene.views]
    views = [
        ViewQuality(
            view_index=metric.view_index,
            name=names[metric.view_index] if metric.view_index < len(names) else "",
            psnr=metric.psnr,
            ssim=metric.ssim,
        )
        for metric in model.metrics
        if metric.split == split and metric.view_index is not None
    ]
    return quality_report(
        model.version,
        views,
        split=split,
        preset=str(model.details.get("preset", "")),
        photos=len(scene.views),
        observed_share=None if mesh.texture is None else mesh.texture.observed_share,
        mesh=None if measured is None else Reported(measured.psnr, measured.ssim, len(mesh.faces)),
        degraded=model.degraded or any(one.degraded for one in warnings),
        warnings=[Warned(one.code, one.message, one.suggestion) for one in warnings],
    ).as_dict()
