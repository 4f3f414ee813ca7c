"""The export step: a model version written in a format people use, read back before it counts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from maquette import __version__
from maquette.recon.formats import format_named
from maquette.recon.gaussians import Gaussians
from maquette.steps.folder import Folder
from maquette.steps.parameters import ExportParameters
from maquette.steps.records import Export, File
from maquette.steps.sink import Sink

LEAST_OPACITY = 1 / 255
"""Under this alpha the rasteriser draws nothing (3DGS, section 6), so leaving such Gaussians out loses nothing."""


def run(root: Path, parameters: Mapping[str, Any], sink: Sink) -> dict[str, Any]:
    """Read ``models/v<N>/model.ply``, write ``exports/``, keep an :class:`Export`."""
    folder, wanted = Folder(root), ExportParameters.model_validate(parameters)
    target = format_named(wanted.format)
    version = wanted.version if wanted.version is not None else int(folder.project()["from_version"])
    began = time.monotonic()
    sink.progress("writing", 0.0, f"version {version} as {target.name}")
    record = folder.load_model(version)
    source = root / (record.filtered if wanted.filter_floaters else record.model).path
    gaussians = format_named("ply").read(source)
    kept = _visible(gaussians) if wanted.optimize else gaussians

    folder.exports.mkdir(parents=True, exist_ok=True)
    path = folder.exports / f"model_v{version}{_suffix(wanted)}{target.extension}"
    project = folder.project()
    target.write(
        kept,
        path,
        provenance={
            "generator": f"maquette {__version__}",
            "project": str(project.get("id", "local")),
            "version": str(version),
            "up_axis": "as captured (OpenCV world of structure-from-motion, scale arbitrary)",
        },
    )
    sink.progress("checking", 0.0, "reading it back")
    read_back = target.read(path)
    if len(read_back) != len(kept):
        raise RuntimeError(f"{target.name} read back {len(read_back)} of {len(kept)} Gaussians")
    export = Export(
        version=version,
        format=target.name,
        options={"optimize": wanted.optimize, "filter_floaters": wanted.filter_floaters},
        file=File(kind="export", path=folder.relative(path), mime=target.mime, made_from=(folder.relative(source),)),
        seconds=round(time.monotonic() - began, 3),
        measured_loss={"gaussians": len(gaussians), "gaussians_written": len(kept)} if wanted.optimize else None,
    )
    sink.keep(export)
    sink.progress("checking", 1.0)
    return {"version": version, "format": target.name, "bytes": path.stat().st_size, "gaussians": len(kept)}


def _suffix(wanted: ExportParameters) -> str:
    return ("_filtered" if wanted.filter_floaters else "") + ("_optimized" if wanted.optimize else "")


def _visible(gaussians: Gaussians) -> Gaussians:
    return gaussians.subset(np.asarray(expit(gaussians.opacity_logits) >= LEAST_OPACITY))
