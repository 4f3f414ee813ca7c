"""Scenes given as files: the one door for our own form, COLMAP models and ``transforms.json``."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from maquette.errors import BadInputError
from maquette.progress import Progress, silent
from maquette.recon.scene import Scene
from maquette.recon.scenes.cache import recall, remember
from maquette.recon.scenes.colmap import find_colmap_model, load_colmap
from maquette.recon.scenes.errors import SceneNotFoundError, SceneOneCameraError, Warn, log_warning
from maquette.recon.scenes.saved import is_saved_scene, load_saved_scene, save_scene
from maquette.recon.scenes.transforms import load_transforms
from maquette.recon.sfm.device import on_a_device
from maquette.recon.sfm.process import JobRefusedError, run_child
from maquette.recon.sfm.settings import SfmSettings

__all__ = ["SceneWithoutPointsError", "load_saved_scene", "load_scene", "save_scene"]

_TRANSFORMS = ("transforms.json", "transforms_train.json")


class SceneWithoutPointsError(BadInputError):
    """Cameras are known, but the photos share no spot to begin from."""

    code = "scene_without_points"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"No points could be found between the photos of the scene '{name}'.",
            suggestion="Check that the poses belong to these photos, or add photos with more overlap.",
            scene=name,
        )


def load_scene(path: Path, *, cache_dir: Path, progress: Progress = silent, warn: Warn = log_warning) -> Scene:
    """Read a scene: our own folder, a COLMAP model with images, or a transforms file (or the folder of one).

    Views come in name order. Photos that must be changed first (lens distortion) are written under ``cache_dir``,
    and so are points where the scene brings none: they are triangulated from the known cameras, once. ``warn`` is
    told (code, sentence) when up to half of the named images are missing and were left out.

    Raises the errors of :mod:`maquette.recon.scenes.errors`, those of reading photos, or
    :class:`SceneWithoutPointsError`.
    """
    if not path.exists():
        raise SceneNotFoundError(path.name)
    if is_saved_scene(path):
        return load_saved_scene(path)
    mine = cache_dir / hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    if (kept := recall(mine)) is not None:
        for code, message in kept[1]:
            warn(code, message)
        return kept[0]

    warnings: list[tuple[str, str]] = []

    def note(code: str, message: str) -> None:
        warnings.append((code, message))
        warn(code, message)

    shutil.rmtree(mine, ignore_errors=True)
    transforms = path if path.suffix == ".json" else _find_transforms(path)
    if transforms is not None:
        scene, sources = load_transforms(transforms, mine, note)
    elif (model := find_colmap_model(path)) is not None:
        scene, sources = load_colmap(path, model, mine, progress, note)
    else:
        raise SceneNotFoundError(path.name)
    if len(scene.views) < 2:
        raise SceneOneCameraError(path.name)
    if len(scene.points) == 0:
        scene = _with_points(path.name, scene, mine / "triangulate", progress)
    remember(mine, scene, sources, warnings)
    return scene


def _find_transforms(folder: Path) -> Path | None:
    return next((folder / name for name in _TRANSFORMS if (folder / name).is_file()), None)


def _with_points(name: str, scene: Scene, work: Path, progress: Progress) -> Scene:
    """Points triangulated from the known cameras, in a child process."""
    cameras: list[dict[str, Any]] = [
        {"name": f"{index:05d}{view.image_path.suffix.lower()}", "camera": view.camera.as_dict()}
        for index, view in enumerate(scene.views)
    ]
    (work / "photos").mkdir(parents=True)
    for entry, view in zip(cameras, scene.views, strict=True):
        (work / "photos" / str(entry["name"])).symlink_to(view.image_path.resolve())
    found = work / "found"

    def search(settled: SfmSettings) -> dict[str, Any]:
        shutil.rmtree(found, ignore_errors=True)
        request = {
            "images": str(work / "photos"),
            "work": str(found),
            "cameras": cameras,
            "settings": asdict(settled),
        }
        return run_child("triangulate", request, found, progress)

    try:
        _, fell_back = on_a_device(SfmSettings(), search)
    except JobRefusedError as refusal:
        raise SceneWithoutPointsError(name) from refusal
    if fell_back is not None:
        progress("matching", 1.0, fell_back["message"])
    with np.load(found / "sparse.npz") as arrays:
        scene = replace(scene, points=arrays["points"], colors=arrays["colors"])
    shutil.rmtree(work)
    return scene
