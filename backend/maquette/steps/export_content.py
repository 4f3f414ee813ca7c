"""What an export writes, by the kind of its format, in the captured world: Gaussians, a mesh, points or cameras."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from maquette.recon.formats import Format, format_named
from maquette.recon.formats.options import check_optimize
from maquette.recon.formats.points import Points
from maquette.recon.gaussians import Gaussians
from maquette.recon.gaussians.cloud import cloud_of
from maquette.recon.mesh import Mesh
from maquette.recon.optimize import OptimizeSettings, optimize_gaussians
from maquette.recon.scene import Scene, View
from maquette.recon.scenes.errors import SceneNotFoundError
from maquette.recon.scenes.saved import is_saved_scene, load_saved_scene
from maquette.recon.texture.transfer import FEWEST, decimated
from maquette.steps import evaluation
from maquette.steps.folder import Folder
from maquette.steps.parameters import ExportParameters
from maquette.steps.records import Model, Warn
from maquette.steps.sink import Sink

OPTIMIZE_LOSS_DB = 0.3
"""What ``optimize`` may cost on the evaluation photos."""
DECIMATE_TO = 0.5
"""Share of a mesh's triangles that ``optimize`` leaves. On held-out photos that costs 0.14 dB of kermit's 29,033 and
0.08 and 0.03 dB of fox's and sceaux's 77,000."""
DECIMATE = {"decimating": (0.0, 0.2), "unwrapping": (0.2, 0.4), "painting": (0.6, 0.4)}
"""Where each stage of the computing begins within the step's own stage, and its share."""


@dataclass(frozen=True, eq=False)
class Made:
    """``content`` of a file before it is placed; ``full``: what was made smaller, or is, and the file is measured by;
    None: nothing is lost, or ``unmeasured`` says why that is not told.

    ``model``: the version itself. ``about``: what ``origin`` is measured on. ``texture``: the encoding to write a
    texture in, None: the format's own.
    """

    content: Any
    model: Gaussians
    about: Gaussians | Mesh
    scene: Scene | None
    made_from: tuple[str, ...]
    full: Any = None
    unmeasured: str | None = None
    texture: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def content_of(folder: Folder, target: Format[Any], model: Model, wanted: ExportParameters, sink: Sink) -> Made:
    """Make or find what the file holds. Raises ``nothing_to_optimize``, and what a mesh's making raises."""
    check_optimize(target, optimize=wanted.optimize)
    source = (model.filtered if wanted.filter_floaters else model.model).path
    scene = load_saved_scene(folder.scene) if is_saved_scene(folder.scene) else None
    gaussians: Gaussians = format_named("ply").read(folder.root / source)
    if target.kind == "cameras":
        cameras = _needed(scene)
        files = [folder.scene / name for name in ("cameras.json", "points.npz")]
        return Made(cameras, gaussians, gaussians, scene, tuple(folder.relative(file) for file in files))
    if target.kind == "mesh":
        # Here, for what makes surfaces, textures and films takes long to load, and splats need none of it.
        from maquette.steps.meshes import mesh_of

        mesh, path = mesh_of(folder, _needed(scene), model, gaussians, wanted, sink)
        if not wanted.optimize:
            return Made(mesh, gaussians, mesh, scene, (path,))
        small, told = _smaller(mesh, target, sink)
        encoding = next(iter(target.compressed), None) if "compress_texture" in target.optimizations else None
        told = {**told, "texture": encoding}
        return Made(small, gaussians, mesh, scene, (path,), full=mesh, texture=encoding, details=told)
    details: dict[str, Any] = {}
    kept = gaussians
    if wanted.optimize:
        kept, details = _optimized(folder, target, gaussians, scene, sink)
    if target.kind == "points":
        unmeasured = "points show no surface that photos could be compared with" if wanted.optimize else None
        return Made(cloud_of(kept), gaussians, kept, scene, (source,), unmeasured=unmeasured, details=details)
    full = gaussians if wanted.optimize or not target.lossless else None
    return Made(kept, gaussians, kept, scene, (source,), full=full, details=details)


def _optimized(
    folder: Folder, target: Format[Any], gaussians: Gaussians, scene: Scene | None, sink: Sink
) -> tuple[Gaussians, dict[str, Any]]:
    cameras, eval_set = _needed(scene), evaluation.load(folder)
    chosen = (eval_set.held_out(cameras), eval_set.training(cameras)) if eval_set else ((), ())
    held_out, training = (there(cameras, some) for some in chosen)
    settings = OptimizeSettings(
        loss_db=OPTIMIZE_LOSS_DB,
        prune="prune" in target.optimizations,
        lower_sh="lower_sh" in target.optimizations,
        max_side_px=eval_set.long_side if eval_set else 800,
    )

    def progress(stage: str, fraction: float, message: str = "") -> None:
        sink.progress("optimizing", fraction / 2 + (stage == "optimizing") / 2, message)

    found = optimize_gaussians(gaussians, cameras, held_out, training, settings, progress)
    return found.gaussians, {"optimized": found.details.as_dict()}


def _smaller(mesh: Mesh, target: Format[Any], sink: Sink) -> tuple[Mesh, dict[str, Any]]:
    """The mesh of half as many triangles, where the format's are worth taking away, painted from it anew."""
    if "decimate" not in target.optimizations:
        return mesh, {}
    # What has no room for a texture needs none carried over
    whole = mesh if "compress_texture" in target.optimizations else replace(mesh, texture=None, uvs=None)

    def progress(stage: str, fraction: float, message: str = "") -> None:
        begin, share = DECIMATE[stage]
        sink.progress("optimizing", begin + share * fraction, message)

    found = decimated(whole, max(int(len(mesh.faces) * DECIMATE_TO), FEWEST), progress)
    for one in found.warnings:
        sink.warn(Warn(code=one.code, message=one.sentence, suggestion=one.action, degraded=found.degraded))
    told = {key: value for key, value in found.details.items() if key != "triangles"}  # a crop may leave fewer
    return found.mesh, {**told, "texture_laid_out": found.method}


def there(scene: Scene, views: tuple[int, ...]) -> tuple[int, ...]:
    """Those of which the photo, and its mask where it has one, is in the folder."""
    return tuple(index for index in views if all(path.exists() for path in _files_of(scene.views[index])))


def _files_of(view: View) -> list[Path]:
    return [view.image_path, *([view.mask_path] if view.mask_path else [])]


def _needed(scene: Scene | None) -> Scene:
    if scene is None:
        raise SceneNotFoundError("the project")
    return scene


def count_of(content: Gaussians | Mesh | Points | Scene) -> dict[str, int]:
    """How much a file holds, by what it is."""
    if isinstance(content, Mesh):
        return {"triangles": len(content.faces)}
    if isinstance(content, Points):
        return {"points": len(content.positions)}
    if isinstance(content, Scene):
        return {"cameras": len(content.views)}
    return {"gaussians": len(content)}
