"""Meshes that an engine makes of a version: read by our readers, measured on the photos, kept as ours are."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from maquette.errors import MaquetteError
from maquette.recon.formats import format_named
from maquette.recon.gaussians import Gaussians
from maquette.recon.mesh import Mesh
from maquette.recon.mesh.topology import border
from maquette.recon.scene import Scene
from maquette.recon.texture import measure_mesh
from maquette.recon.texture.measuring import MeshNotSeenError
from maquette.steps.engines import engine_named
from maquette.steps.engines.calling import call, or_ours, ours
from maquette.steps.engines.engine import Arguments, Engine
from maquette.steps.engines.errors import EngineError, EngineOutputRefusedError
from maquette.steps.engines.inputs import scene_inputs
from maquette.steps.engines.taking import take_mesh
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.folder import MESH_FILE, Folder
from maquette.steps.meshes import RECORD, Surface, keep_mesh, mesh_of
from maquette.steps.parameters import ExportParameters, Preset
from maquette.steps.records import Model, Warn
from maquette.steps.sink import Sink
from maquette.steps.training import MEASURED_VIEWS, spread

MOST_BYTES, MOST_TRIANGLES = 1 << 30, 5_000_000
STAGE = "evaluation"
"""The steps have no stage of their own for it, and this one comes last."""


@dataclass(frozen=True, eq=False)
class _Made:
    mesh: Mesh
    told: dict[str, Any]
    frame_psnr: float


def mesh_by_engine(
    folder: Folder,
    engine: Engine,
    stage: str,
    scene: Scene,
    eval_set: EvaluationSet,
    model: Model,
    preset: Preset,
    asked: Arguments,
    sink: Sink,
    *,
    fallback: bool,
) -> dict[str, Any]:
    """Keep the engine's mesh as the version's own of this preset; who made it, for the step's result.

    Exports of meshes then use it. Where it fails and ``fallback`` allows, ours is made. Raises
    :class:`~maquette.steps.engines.errors.EngineError` and its kinds otherwise.
    """
    wanted, began = ExportParameters(format="glb", version=model.version, preset=preset), time.monotonic()
    kept = _kept(folder.mesh(model.version, preset, filtered=False))
    if engine.name in (kept.get("name"), kept.get("asked")):
        return kept  # an earlier attempt of this run made it
    gaussians: Gaussians = format_named("ply").read(folder.root / model.model.path)
    views = eval_set.training(scene)

    def work() -> _Made:
        return _best(folder, engine, stage, scene, eval_set, model, asked, sink)

    made, failed = or_ours(work, fallback=fallback, sink=sink)
    if made is None:
        mesh_of(folder, scene, model, gaussians, wanted, sink)
        return ours(failed, engine.name)
    surface = Surface(
        made.mesh,
        f"{made.told['name']}/engine",
        _closed(made.mesh),
        (model.model.path, *(folder.relative(scene.views[index].image_path) for index in views)),
        {"engine": made.told},
    )
    keep_mesh(folder, scene, model, gaussians, surface, wanted, began, sink)
    return made.told


def _kept(home: Path) -> dict[str, Any]:
    """Who made the mesh that stands there; nobody where none does."""
    if not (home / MESH_FILE).exists():
        return {}
    told: dict[str, Any] = json.loads((home / RECORD).read_text())["details"].get("engine") or {}
    return told


def _best(
    folder: Folder,
    engine: Engine,
    stage: str,
    scene: Scene,
    eval_set: EvaluationSet,
    model: Model,
    asked: Arguments,
    sink: Sink,
) -> _Made:
    """Of several engines the result that the photos agree with most; one that fails is told of, if not all do."""
    if not engine.one_of:
        return _make(folder, engine, stage, scene, eval_set, model, asked, sink)
    made: list[_Made] = []
    errors: list[EngineError] = []
    for name in engine.one_of:
        one = engine_named(name)
        assert one is not None  # noqa: S101 - the list names its own
        try:
            made.append(_make(folder, one, stage, scene, eval_set, model, asked, sink))
        except EngineError as failed:
            errors.append(failed)
    if not made:
        raise errors[0]
    for error in errors:
        sink.warn(Warn(code=error.code, message=error.message, suggestion=error.suggestion, degraded=True))
    best = max(made, key=lambda one: one.frame_psnr)
    compared = {one.told["name"]: {"frame_psnr": one.frame_psnr, "seconds": one.told["seconds"]} for one in made}
    return replace(best, told={**best.told, "asked": engine.name, "compared": compared})


def _make(
    folder: Folder,
    engine: Engine,
    stage: str,
    scene: Scene,
    eval_set: EvaluationSet,
    model: Model,
    asked: Arguments,
    sink: Sink,
) -> _Made:
    def tell(share: float, message: str) -> None:
        sink.progress(STAGE, share, message)

    views = eval_set.training(scene)
    fill = scene_inputs(scene, views, stage, asked, model=folder.root / model.model.path)
    called = call(folder, engine, asked, fill, tell)
    mesh = _read(engine.name, take_mesh(engine.name, called.program, called.home, most_bytes=MOST_BYTES))
    called.home.forget()
    return _Made(mesh, called.told(), _compared(engine.name, mesh, scene, eval_set.held_out(scene) or views))


def _read(engine: str, path: Path) -> Mesh:
    try:
        mesh: Mesh = format_named("glb" if path.suffix == ".glb" else "obj").read(path)
    except MaquetteError as error:
        raise EngineOutputRefusedError(engine, error.message.rstrip(".")) from error
    if len(mesh.faces) > MOST_TRIANGLES:
        raise EngineOutputRefusedError(
            engine, f"its mesh has {len(mesh.faces)} triangles where at most {MOST_TRIANGLES} are allowed"
        )
    return mesh


def _compared(engine: str, mesh: Mesh, scene: Scene, views: Sequence[int]) -> float:
    """dB over whole frames, black where there is no mesh: a mesh that shows little must not win by it."""
    try:
        return float(measure_mesh(mesh, scene, spread(views, MEASURED_VIEWS)).frame_psnr)
    except MeshNotSeenError:
        raise EngineOutputRefusedError(
            engine, "no photo shows its mesh, so it does not stand in the world of the cameras"
        ) from None


def _closed(mesh: Mesh) -> bool:
    """Whether it has no border; where the texture has a seam a vertex stands twice."""
    _, one = np.unique(mesh.vertices, axis=0, return_inverse=True)
    return not border(one.reshape(-1)[mesh.faces].astype(np.int32)).any()
