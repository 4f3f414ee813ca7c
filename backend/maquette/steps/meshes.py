"""The textured mesh of a version: made once, with pictures and a report, and used by every export of a mesh."""

from __future__ import annotations

import json
import shutil
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maquette import __version__
from maquette.progress import Progress
from maquette.recon.atomic import replacing
from maquette.recon.formats import format_named
from maquette.recon.frame import Up, find_up, moved
from maquette.recon.gaussians import Gaussians
from maquette.recon.mesh import Mesh
from maquette.recon.mesh.making import make_mesh
from maquette.recon.mesh.saved import load_mesh, save_mesh, told_of
from maquette.recon.mesh.settings import PRESETS as MESH_PRESETS
from maquette.recon.previews import PreviewSettings, path_of, render_previews
from maquette.recon.scene import Scene
from maquette.recon.texture import bake_texture, measure_mesh
from maquette.recon.texture.measuring import MeshNotSeenError, MeshQuality
from maquette.recon.texture.settings import PRESETS as TEXTURE_PRESETS
from maquette.steps import evaluation
from maquette.steps.engines.engine import OURS
from maquette.steps.evaluation import EvaluationSet
from maquette.steps.folder import MESH_FILE, Folder, write_json
from maquette.steps.parameters import ExportParameters
from maquette.steps.presets import mesh_preset
from maquette.steps.provenance import provenance_of
from maquette.steps.quality_file import quality_of
from maquette.steps.records import File, MadeMesh, MeshFile, Model, Split, Warn
from maquette.steps.sink import Sink
from maquette.steps.standing import stand
from maquette.steps.training import MEASURED_VIEWS, spread

SURFACE = {"looking": 0.0, "fusing": 0.45, "meshing": 0.7, "cleaning": 0.8}
QUICK_FRAMES = 48
"""Of a turntable where the mesh itself is a first look."""
TEXTURE = {"unwrapping": 0.0, "evening": 0.3, "painting": 0.5, "filling": 0.9}
"""Where each stage of the computing begins within the step's own stage."""


RECORD, KEPT = "record.json", "kept"
STOOD_IN = {"texture_not_laid_out", "texture_laid_out_in_pairs"}
"""Warnings of something that is not the real thing."""
MIMES = {
    ".npz": "application/octet-stream",
    ".obj": "model/obj",
    ".mtl": "model/mtl",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".json": "application/json",
}


@dataclass(frozen=True)
class _Measured:
    split: Split | None
    quality: MeshQuality | None


def mesh_of(
    folder: Folder, scene: Scene, model: Model, gaussians: Gaussians, wanted: ExportParameters, sink: Sink
) -> tuple[Mesh, str]:
    """The mesh and the path of its file: one that stands in the folder, or a new one, which is kept.

    Raises what :func:`maquette.recon.mesh.making.make_mesh` and :func:`maquette.recon.texture.bake_texture` do.
    """
    preset = mesh_preset(wanted.preset, model.details)
    home = folder.mesh(model.version, preset, filtered=wanted.filter_floaters)
    path = home / MESH_FILE
    if path.exists():
        for told in told_of(path):
            sink.warn(Warn.model_validate(told))
        _keep_again(folder, home, sink)
        return load_mesh(path), folder.relative(path)
    began = time.monotonic()
    surface = make_mesh(gaussians, scene, MESH_PRESETS[preset], _within("surface", SURFACE, sink))
    eval_set = evaluation.load(folder)
    training = eval_set.training(scene) if eval_set else scene.training
    painted = bake_texture(
        surface.mesh,
        scene,
        TEXTURE_PRESETS[preset],
        _within("texture", TEXTURE, sink),
        views=training,
        detailed=surface.detailed,
    )
    warnings = [
        Warn(code=one.code, message=one.sentence, suggestion=one.action, degraded=one.code in STOOD_IN)
        for one in (*surface.warnings, *painted.warnings)
    ]
    for warning in warnings:
        sink.warn(warning)
    made_from = (
        (model.filtered if wanted.filter_floaters else model.model).path,
        *(folder.relative(scene.views[index].image_path) for index in training),
    )
    made = Surface(
        painted.mesh,
        f"tsdf/{painted.method}",
        bool(surface.details["watertight"]),
        made_from,
        {"surface": surface.details, "texture": painted.details, "engine": {"name": OURS, "version": __version__}},
        warnings,
        degraded=painted.degraded,
    )
    return painted.mesh, keep_mesh(folder, scene, model, gaussians, made, wanted, began, sink)


@dataclass(frozen=True, eq=False)
class Surface:
    """A mesh as it was made, by ours or by another engine: ``method`` and ``details`` as :class:`MadeMesh` has them."""

    mesh: Mesh
    method: str
    watertight: bool
    made_from: tuple[str, ...]
    details: dict[str, Any]
    warnings: Sequence[Warn] = ()
    degraded: bool = False


def keep_mesh(
    folder: Folder,
    scene: Scene,
    model: Model,
    gaussians: Gaussians,
    made: Surface,
    wanted: ExportParameters,
    began: float,
    sink: Sink,
) -> str:
    """Measure a mesh of a version, picture it, write and keep it as the one of its preset; the path of its file."""
    preset, mesh = mesh_preset(wanted.preset, model.details), made.mesh
    home = folder.mesh(model.version, preset, filtered=wanted.filter_floaters)
    home.mkdir(parents=True, exist_ok=True)
    (home / KEPT).unlink(missing_ok=True)  # of a mesh that this one takes the place of
    measured = _measure(mesh, scene, evaluation.load(folder))
    seconds = round(time.monotonic() - began, 2)
    up = find_up(scene, gaussians)
    files = _write(folder, home, mesh, gaussians, scene, up, model, measured, made.warnings, wanted, preset, sink)
    texture = mesh.texture
    record = MadeMesh(
        version=model.version,
        preset=preset,
        filtered=wanted.filter_floaters,
        method=made.method,
        triangles=len(mesh.faces),
        vertices=len(mesh.vertices),
        watertight=made.watertight,
        texture_px=None if texture is None else int(texture.color.shape[0]),
        observed_share=None if texture is None else texture.observed_share,
        split=measured.split,
        psnr=None if measured.quality is None else measured.quality.psnr,
        ssim=None if measured.quality is None else measured.quality.ssim,
        degraded=made.degraded,
        seconds=seconds,
        files=tuple(
            MeshFile(
                name=file.name,
                file=File(kind="mesh", path=folder.relative(file), mime=MIMES[file.suffix], made_from=made.made_from),
            )
            for file in files
        ),
        details={
            **made.details,
            "up": up.as_dict(),
            "measured": None if measured.quality is None else measured.quality.as_dict(),
        },
    )
    # The record first and the mesh last: whoever finds a mesh finds what is to be kept of it.
    write_json(home / RECORD, record.model_dump(mode="json"))
    save_mesh(mesh, home / MESH_FILE, told=[warning.model_dump() for warning in made.warnings])
    _keep_again(folder, home, sink)
    return folder.relative(home / MESH_FILE)


def _keep_again(folder: Folder, home: Path, sink: Sink) -> None:
    """Keep what was made here, unless that was done: an attempt may have been killed in between. What storage has, as
    ``artifacts.json`` says, is kept already.
    """
    known = folder.root / "artifacts.json"
    stored = known.exists() and folder.relative(home / MESH_FILE) in json.loads(known.read_text())
    if (home / RECORD).exists() and not (home / KEPT).exists() and not stored:
        sink.keep(MadeMesh.model_validate_json((home / RECORD).read_text()))
        (home / KEPT).touch()


def _within(told_as: str, begins: Mapping[str, float], sink: Sink) -> Progress:
    """Progress of the computing, told as the step's own stage."""
    starts = [*(begins.values() or [0.0]), 1.0]

    def tell(stage: str, fraction: float, message: str = "") -> None:
        place = list(begins).index(stage) if stage in begins else 0
        sink.progress(told_as, starts[place] + fraction * (starts[place + 1] - starts[place]), message or stage)

    return tell


def _measure(mesh: Mesh, scene: Scene, eval_set: EvaluationSet | None) -> _Measured:
    """On the held-out photos; where none was held out on a few of the others, which flatters, and is said."""
    held_out = eval_set.held_out(scene) if eval_set else scene.held_out
    views, split = (held_out, "held_out") if held_out else (spread(range(len(scene.views)), MEASURED_VIEWS), "training")
    try:
        return _Measured("held_out" if split == "held_out" else "training", measure_mesh(mesh, scene, views))
    except MeshNotSeenError:
        return _Measured(None, None)


def _write(
    folder: Folder,
    home: Path,
    mesh: Mesh,
    gaussians: Gaussians,
    scene: Scene,
    up: Up,
    model: Model,
    measured: _Measured,
    warnings: Sequence[Warn],
    wanted: ExportParameters,
    preset: str,
    sink: Sink,
) -> list[Path]:
    """The pictures, the report and the parts of an OBJ file upright; the mesh itself is listed and written later."""
    film = PreviewSettings(frames=QUICK_FRAMES) if preset == "fastest" else PreviewSettings()
    previews = render_previews(mesh, path_of(scene, up.direction), home, film, _within("previews", {}, sink))
    report = quality_of(folder, scene, model, mesh, measured.quality, warnings)
    write_json(home / "quality.json", report)
    upright = wanted.model_copy(update={"up_axis": "auto", "scale": 1.0, "origin": "captured", "crop": None})
    target = format_named("obj")
    standing = stand(target, upright, scene, gaussians, mesh)
    packed = home / "mesh.obj.zip"
    target.write(
        moved(mesh, standing.out_from_world), packed, provenance=provenance_of(folder, model, upright, standing)
    )
    parts = _unpacked(packed, home)
    packed.unlink()
    return [*parts, *previews.files, home / "quality.json", home / MESH_FILE]


def _unpacked(archive: Path, home: Path) -> list[Path]:
    """The files of an OBJ archive that was just written here, beside each other."""
    with zipfile.ZipFile(archive) as source:
        for name in source.namelist():
            with source.open(name) as part, replacing(home / name) as file:
                shutil.copyfileobj(part, file)
        return [home / name for name in source.namelist()]
