"""Writes what an engine is given: photos, cameras in two forms, points, a model, and what is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from maquette import __version__
from maquette.recon.formats import format_named
from maquette.recon.formats.points import Points
from maquette.recon.scene import Scene
from maquette.recon.scenes.colmap_text import write_colmap_text
from maquette.steps.engines.calling import Fill
from maquette.steps.engines.engine import EngineLimits
from maquette.steps.engines.folder import EngineFolder
from maquette.steps.folder import write_json

CONTRACT = 1
"""Counts up when an engine that was written for it would no longer understand the folder."""
READ_ONLY = 0o444
PLACES = {
    "images": "images",
    "masks": "masks",
    "colmap": "sparse/0",
    "transforms": "transforms.json",
    "points": "points.ply",
    "model": "model.ply",
    "compressed": "compressed.bin",
}
"""Below ``input/``; the request names those that are there."""


def scene_inputs(
    scene: Scene, views: Sequence[int], stage: str, parameters: Mapping[str, Any], *, model: Path | None = None
) -> Fill:
    """Photos, cameras, points and a model to begin with, for ``views`` alone."""

    def fill(home: EngineFolder, limits: EngineLimits) -> None:
        _write_photos(home, scene, views)
        if model is not None:
            shutil.copyfile(model, home.input / "model.ply")
        _write_request(home, stage, parameters, limits)

    return fill


def compressed_input(packed: Path) -> Fill:
    """A file that the engine compressed, alone: what it unpacks must come out of that."""

    def fill(home: EngineFolder, limits: EngineLimits) -> None:
        shutil.copyfile(packed, home.input / "compressed.bin")
        _write_request(home, "decompress", {}, limits)

    return fill


def _write_photos(home: EngineFolder, scene: Scene, views: Sequence[int]) -> None:
    """Copies, for the engine runs as we do and could change what it is given."""
    images, names = home.input / "images", [Path(scene.views[index].name).name for index in views]
    images.mkdir()
    for index, name in zip(views, names, strict=True):
        view = scene.views[index]
        shutil.copyfile(view.image_path, images / name)
        if view.mask_path is not None:
            (home.input / "masks").mkdir(exist_ok=True)
            shutil.copyfile(view.mask_path, home.input / "masks" / f"{name}.png")
    given = replace(scene, views=tuple(replace(scene.views[i], name=n) for i, n in zip(views, names, strict=True)))
    about = {"generator": f"maquette {__version__}", "up_axis": "as captured, OpenCV axes"}
    sparse = home.input / "sparse" / "0"
    write_colmap_text(given, names, sparse)
    format_named("transforms.json").write(given, home.input / "transforms.json", provenance=about)
    if len(scene.points):
        # With normals, if only zeros: some trainers refuse points without.
        positions = scene.points.astype(np.float32)
        points = Points(positions, scene.colors, np.zeros_like(positions))
        format_named("pointcloud.ply").write(points, home.input / "points.ply", provenance=about)
        shutil.copyfile(home.input / "points.ply", sparse / "points3D.ply")


def _write_request(home: EngineFolder, stage: str, parameters: Mapping[str, Any], limits: EngineLimits) -> None:
    there = {name: f"input/{place}" for name, place in PLACES.items() if (home.input / place).exists()}
    write_json(
        home.request,
        {
            "contract": CONTRACT,
            "stage": stage,
            "parameters": dict(parameters),
            "seed": parameters.get("seed", 0),
            "limits": {"seconds": limits.timeout_s, "memory_mb": limits.memory_mb, "output_mb": limits.output_mb},
            "inputs": {**dict.fromkeys(PLACES), **there},
            "output": "output",
            "work": "work",
        },
    )
    for path in home.input.rglob("*"):
        if path.is_file():
            path.chmod(READ_ONLY)
