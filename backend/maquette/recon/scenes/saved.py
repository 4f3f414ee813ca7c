"""Our own folder form of a scene: ``cameras.json``, ``points.npz`` and ``images/``; it can be moved and copied.

Where views have them, masks lie in ``masks/`` and depths in ``depths/``, called as their photo with an ending behind.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from maquette.recon.arrays import DAMAGE, DamagedArraysError, open_arrays
from maquette.recon.atomic import replacing
from maquette.recon.cameras import camera_from_dict
from maquette.recon.scene import Scene, View
from maquette.recon.scenes.errors import SceneNotFoundError, SceneUnreadableError

CAMERAS_FILE, POINTS_FILE, IMAGES_FOLDER = "cameras.json", "points.npz", "images"
MASKS_FOLDER, DEPTHS_FOLDER = "masks", "depths"


def save_scene(scene: Scene, folder: Path) -> None:
    """Write a scene; images, masks and depths that are not already inside ``folder`` are copied there.

    ``cameras.json`` is written last and atomically: where it exists, the scene is whole.
    """
    images = folder / IMAGES_FOLDER
    images.mkdir(parents=True, exist_ok=True)
    views = []
    for view in scene.views:
        target = images / Path(view.name).name
        _copy(view.image_path, target)
        entry = {"name": view.name, "image": target.name, "camera": view.camera.as_dict()}
        for key, source, home in (("mask", view.mask_path, MASKS_FOLDER), ("depth", view.depth_path, DEPTHS_FOLDER)):
            if source is not None:
                entry[key] = f"{target.name}{source.suffix}"
                (folder / home).mkdir(exist_ok=True)
                _copy(source, folder / home / f"{target.name}{source.suffix}")
        views.append(entry)
    with replacing(folder / POINTS_FILE) as file:
        np.savez_compressed(file, points=scene.points.astype(np.float64), colors=scene.colors)
    with replacing(folder / CAMERAS_FILE) as file:
        file.write(json.dumps({"version": 1, "views": views}, indent=1).encode())


def _copy(source: Path, target: Path) -> None:
    if source.resolve() != target.resolve():
        shutil.copyfile(source, target)


def is_saved_scene(folder: Path) -> bool:
    """Whether :func:`save_scene` finished here."""
    return (folder / CAMERAS_FILE).is_file() and (folder / POINTS_FILE).is_file()


def load_saved_scene(folder: Path) -> Scene:
    """Read what :func:`save_scene` wrote. Raises :class:`SceneNotFoundError` or :class:`SceneUnreadableError`."""
    if not is_saved_scene(folder):
        raise SceneNotFoundError(folder.name)
    try:
        data = json.loads((folder / CAMERAS_FILE).read_text())
        with open_arrays(folder / POINTS_FILE) as arrays:
            points, colors = arrays["points"], arrays["colors"]
        views = tuple(
            View(
                name=str(entry["name"]),
                camera=camera_from_dict(entry["camera"]),
                image_path=folder / IMAGES_FOLDER / Path(str(entry["image"])).name,
                mask_path=_inside(folder / MASKS_FOLDER, entry.get("mask")),
                depth_path=_inside(folder / DEPTHS_FOLDER, entry.get("depth")),
            )
            for entry in data["views"]
        )
    except (*DAMAGE, DamagedArraysError) as error:
        raise SceneUnreadableError(folder.name, f"its files are damaged ({type(error).__name__})") from error
    return Scene(views=views, points=points, colors=colors)


def _inside(folder: Path, name: object) -> Path | None:
    """A file of ``folder``, whatever path the name pretends to."""
    return None if name is None else folder / Path(str(name)).name
