"""Exports that an engine compresses: its file is kept, and what it lost is measured on what it says the file holds."""

from __future__ import annotations

import time
from typing import Any

from maquette.recon.formats import format_named
from maquette.recon.gaussians import Gaussians
from maquette.recon.optimize import measured_loss
from maquette.recon.scenes.saved import load_saved_scene
from maquette.steps import evaluation
from maquette.steps.engines.calling import call
from maquette.steps.engines.engine import Engine
from maquette.steps.engines.inputs import compressed_input, scene_inputs
from maquette.steps.engines.modelling import read_model
from maquette.steps.engines.options import check_compressed
from maquette.steps.engines.taking import take
from maquette.steps.folder import Folder
from maquette.steps.parameters import ExportParameters
from maquette.steps.records import Export, File
from maquette.steps.sink import Sink

COMPRESSED, DECOMPRESSED = "compressed.bin", "decompressed.ply"
MIME = "application/octet-stream"


def export_compressed(folder: Folder, engine: Engine, wanted: ExportParameters, sink: Sink) -> dict[str, Any]:
    """Let the engine compress a version and keep its file as an :class:`Export`; there is nothing to fall back on.

    Raises :class:`~maquette.steps.engines.errors.EngineError` and its kinds.
    """
    check_compressed(wanted)
    began = time.monotonic()
    version = wanted.version if wanted.version is not None else int(folder.project()["from_version"])
    model = folder.load_model(version)
    source = (model.filtered if wanted.filter_floaters else model.model).path
    scene, eval_set = load_saved_scene(folder.scene), evaluation.load(folder)
    training = eval_set.training(scene) if eval_set else scene.training

    def tell(share: float, message: str) -> None:
        sink.progress("writing", share, message)

    fill = scene_inputs(scene, training, "compress", {}, model=folder.root / source)
    made = call(folder, engine, {}, fill, tell)
    most = (folder.root / source).stat().st_size
    folder.exports.mkdir(parents=True, exist_ok=True)
    filtered = "_filtered" if wanted.filter_floaters else ""
    path = folder.exports / f"model_v{version}{filtered}{engine.extension}"
    # Larger than the model it would be no compression.
    take(engine.name, made.program, made.home, COMPRESSED, most_bytes=most).replace(path)
    sink.progress("checking", 0.0, "unpacking it and measuring what it lost")
    # In a folder where nothing but that file is: else nobody could tell what it really holds.
    undone = call(folder, engine, {}, compressed_input(path), tell)
    unpacked = take(engine.name, undone.program, undone.home, DECOMPRESSED, most_bytes=4 * most)
    full: Gaussians = format_named("ply").read(folder.root / source)
    gaussians = read_model(undone, unpacked, scene)
    held_out = eval_set.held_out(scene) if eval_set else scene.held_out
    side = eval_set.long_side if eval_set else 800
    loss = measured_loss(full, gaussians, scene, held_out, () if held_out else training, max_side_px=side)
    undone.home.forget()
    export = Export(
        version=version,
        format=engine.name,
        options={"filter_floaters": wanted.filter_floaters},
        file=File(kind="export", path=folder.relative(path), mime=MIME, made_from=(source,)),
        seconds=round(time.monotonic() - began, 3),
        measured_loss=loss.as_dict(),
        details={"engine": made.told(), "gaussians": len(gaussians), "full_bytes": most},
    )
    sink.keep(export)
    sink.progress("checking", 1.0)
    told = {"version": version, "format": engine.name, "bytes": path.stat().st_size, "gaussians": len(gaussians)}
    return {**told, "measured_loss": export.measured_loss, "engine": made.told()}
