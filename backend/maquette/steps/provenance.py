"""What a file says of where it comes from, as far as its format has room for words."""

from __future__ import annotations

import hashlib
import json

from maquette import __version__
from maquette.steps.folder import Folder
from maquette.steps.parameters import ExportParameters
from maquette.steps.records import Model
from maquette.steps.standing import Standing


def provenance_of(folder: Folder, model: Model, wanted: ExportParameters, standing: Standing) -> dict[str, str]:
    """Generator, project, version, parent, a hash of all parameters, metrics, frame and unit."""
    mean = model.mean()
    return {
        "generator": f"maquette {__version__}",
        "project": str(folder.project().get("id", "local")),
        "version": str(model.version),
        "parent": "none" if model.parent_version is None else str(model.parent_version),
        "parameters": _hash({"model": model.details.get("settings"), "export": wanted.model_dump(mode="json")}),
        "up_axis": standing.up_axis,
        "unit": standing.unit,
        **({"psnr": f"{mean.psnr:.2f} dB held out", "ssim": f"{mean.ssim:.4f} held out"} if mean else {}),
    }


def _hash(parameters: object) -> str:
    """Two files of one hash were made with the same settings."""
    return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:16]
