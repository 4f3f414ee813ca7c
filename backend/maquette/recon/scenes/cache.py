"""What was worked out from a scene's files, kept until one of them changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from maquette.recon.atomic import replacing
from maquette.recon.cameras import camera_from_dict
from maquette.recon.scene import Scene, View

_FILE, _POINTS = "loaded.json", "loaded.npz"

_VERSION = 2
"""Of what is kept: 1 knew neither masks nor depths, so a scene that has some must be read again."""


def remember(folder: Path, scene: Scene, sources: Sequence[Path], warnings: Sequence[tuple[str, str]]) -> None:
    """Keep ``scene`` in ``folder``. ``sources``: the files (and folders) it was made from."""
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / _POINTS, points=scene.points, colors=scene.colors)
    data = {
        "version": _VERSION,
        "sources": {str(path): _stamp(path) for path in sources},
        "warnings": list(warnings),
        "views": [
            {
                "name": view.name,
                "image": str(view.image_path),
                "mask": view.mask_path and str(view.mask_path),
                "depth": view.depth_path and str(view.depth_path),
                "camera": view.camera.as_dict(),
            }
            for view in scene.views
        ],
    }
    with replacing(folder / _FILE) as file:
        file.write(json.dumps(data).encode())


def recall(folder: Path) -> tuple[Scene, list[tuple[str, str]]] | None:
    """The scene and warnings kept in ``folder``, or None when there are none or a source has changed since.

    What is damaged counts as not there: all of it can be worked out again.
    """
    if not (folder / _FILE).is_file():
        return None
    try:
        return _read(folder)
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, BadZipFile):
        return None


def _read(folder: Path) -> tuple[Scene, list[tuple[str, str]]] | None:
    data = json.loads((folder / _FILE).read_text())
    if data.get("version") != _VERSION:
        return None
    if any(_stamp(Path(path)) != stamp for path, stamp in data["sources"].items()):
        return None
    views = tuple(
        View(
            entry["name"],
            camera_from_dict(entry["camera"]),
            Path(entry["image"]),
            entry["mask"] and Path(entry["mask"]),
            entry["depth"] and Path(entry["depth"]),
        )
        for entry in data["views"]
    )
    files = [file for view in views for file in (view.image_path, view.mask_path, view.depth_path) if file is not None]
    if not all(file.is_file() for file in files):
        return None
    # numpy leaves the file open where it is no archive, so it is opened here.
    with (folder / _POINTS).open("rb") as stream, np.load(stream) as arrays:
        scene = Scene(views, arrays["points"], arrays["colors"])
    return scene, [(code, message) for code, message in data["warnings"]]


def _stamp(path: Path) -> list[int] | None:
    if not path.exists():
        return None
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
