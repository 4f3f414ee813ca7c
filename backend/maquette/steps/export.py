"""The export step: a model version written in a format people use, read back before it counts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maquette.recon.bundle import BUNDLE
from maquette.recon.formats import Format, format_named
from maquette.recon.frame import box_of, crop, moved
from maquette.steps.bundle import export_bundle
from maquette.steps.engines import compressor_of
from maquette.steps.engines.compressing import export_compressed
from maquette.steps.export_content import Made, content_of, count_of
from maquette.steps.export_loss import loss_of
from maquette.steps.folder import Folder
from maquette.steps.parameters import ExportParameters
from maquette.steps.provenance import provenance_of
from maquette.steps.records import Export, File, Warn
from maquette.steps.sink import Sink
from maquette.steps.standing import Standing, stand

TURN_IT = "Turn the file in your program, or take more photos held upright."
NEVER_SHOWN = {"text/html": "application/octet-stream"}
"""A page that storage served as one would run with the rights of the server's own pages: it is to be saved, no more."""


def run(root: Path, parameters: Mapping[str, Any], sink: Sink) -> dict[str, Any]:
    """Read ``models/v<N>/``, write ``exports/``, keep an :class:`Export`, and a ``MadeMesh`` where one was made.

    Raises ``unknown_format``, ``bad_placing``, ``bad_crop``, ``crop_empty``, what the making of a mesh raises, and what
    the format's ``write`` does.
    """
    folder, wanted = Folder(root), ExportParameters.model_validate(parameters)
    if wanted.format == BUNDLE.name:
        return export_bundle(folder, wanted, sink)
    compressor = compressor_of(wanted.format)
    if compressor is not None:
        return export_compressed(folder, compressor, wanted, sink)
    target = format_named(wanted.format)
    version = wanted.version if wanted.version is not None else int(folder.project()["from_version"])
    model = folder.load_model(version)
    box = None if wanted.crop is None else box_of(wanted.crop)
    began = time.monotonic()

    made = content_of(folder, target, model, wanted, sink)
    sink.progress("writing", 0.0, f"version {version} as {target.name}")
    standing = stand(target, wanted, made.scene, made.model, made.about)
    if standing.uncertain and standing.up is not None:
        sink.warn(Warn(code="up_unknown", message=standing.up.sentence, suggestion=TURN_IT, degraded=True))
    placed = moved(made.content, standing.out_from_world)
    if box is not None:
        placed = crop(placed, box)
    folder.exports.mkdir(parents=True, exist_ok=True)
    path = folder.exports / f"model_v{version}{_suffix(target, wanted)}{target.extension}"
    write = target.compressed[made.texture] if made.texture is not None else target.write
    write(placed, path, provenance=provenance_of(folder, model, wanted, standing))

    sink.progress("checking", 0.0, "reading it back")
    read_back = target.read(path)
    if count_of(read_back) != count_of(placed):
        raise RuntimeError(f"{target.name} read back {count_of(read_back)} of {count_of(placed)}")
    loss, unmeasured = loss_of(folder, made, read_back, standing, cropped=box is not None)
    export = Export(
        version=version,
        format=target.name,
        options=wanted.model_dump(mode="json", exclude={"format", "version"}),
        file=File(
            kind="export",
            path=folder.relative(path),
            mime=NEVER_SHOWN.get(target.mime, target.mime),
            made_from=made.made_from,
        ),
        seconds=round(time.monotonic() - began, 3),
        measured_loss=loss,
        details=_details(made, placed, standing, unmeasured),
    )
    sink.keep(export)
    sink.progress("checking", 1.0)
    told = {"version": version, "format": target.name, "bytes": path.stat().st_size, "measured_loss": loss}
    return {**told, **count_of(placed)}


def _details(made: Made, placed: Any, standing: Standing, unmeasured: str | None) -> dict[str, Any]:
    return {
        **standing.as_dict(),
        **count_of(placed),
        **made.details,
        **({"loss_not_measured": unmeasured} if unmeasured else {}),
    }


def _suffix(target: Format[Any], wanted: ExportParameters) -> str:
    """What of the options a file's name tells, so that two of them do not take each other's place."""
    words = [
        "filtered" if wanted.filter_floaters else "",
        "optimized" if wanted.optimize else "",
        wanted.preset if wanted.preset and target.kind == "mesh" else "",
        f"{wanted.up_axis}-up" if wanted.up_axis in ("y", "z") else "",
        "y-down" if wanted.up_axis == "-y" else "",
        "as-captured" if wanted.up_axis == "captured" else "",
        f"x{wanted.scale:g}".replace(".", "-") if wanted.scale != 1 else "",
        wanted.origin if wanted.origin != "captured" else "",
        "cropped" if wanted.crop is not None else "",
    ]
    return "".join(f"_{word}" for word in words if word)
