"""COLMAP models: ``sparse/0`` or ``sparse`` (.bin or .txt) with ``images/`` beside."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from maquette.progress import Progress
from maquette.recon.cameras import camera_from_dict
from maquette.recon.scene import Scene, View
from maquette.recon.scenes.errors import (
    CameraModelUnsupportedError,
    SceneBadPoseError,
    SceneImagesMissingError,
    SceneUnreadableError,
    SceneWithoutImagesError,
    Warn,
    log_warning,
    tell_missing,
)
from maquette.recon.sfm.process import JobRefusedError, run_child
from maquette.recon.sfm.settings import SfmSettings

_MODEL_FOLDERS = ("sparse/0", "sparse", "colmap/sparse/0", ".")
_IMAGE_FOLDERS = ("images", "../images", "../../images", "colmap/images")


def find_colmap_model(path: Path) -> Path | None:
    """The folder inside ``path`` that holds cameras, images and points, or None."""
    for relative in _MODEL_FOLDERS:
        folder = path / relative
        if any(
            (folder / f"images.{kind}").is_file() and (folder / f"cameras.{kind}").is_file() for kind in ("bin", "txt")
        ):
            return folder
    return None


def load_colmap(
    path: Path, model: Path, cache_dir: Path, progress: Progress, warn: Warn = log_warning
) -> tuple[Scene, list[Path]]:
    """Read the model in ``model``, and name the files used.

    Photos with a lens distortion are undistorted into ``cache_dir``.
    """
    image_dir = next((path / name for name in _IMAGE_FOLDERS if (path / name).is_dir()), None)
    if image_dir is None:
        raise SceneImagesMissingError(path.name, ["images/"], 1)
    work = cache_dir / "colmap"
    shutil.rmtree(work, ignore_errors=True)
    request = {"model": str(model), "images": str(image_dir), "work": str(work), "threads": SfmSettings().threads}
    try:
        answer = run_child("read_colmap", request, work, progress)
    except JobRefusedError as refusal:
        raise _explain(path.name, refusal) from refusal
    tell_missing(path.name, answer["missing"], answer["total"], warn)
    if not answer["cameras"]:
        raise SceneWithoutImagesError(path.name)
    views = []
    for entry in answer["cameras"]:
        camera = camera_from_dict(entry["camera"])
        if "size" in entry:
            camera = camera.resized(*entry["size"])
        views.append(View(entry["name"], camera, Path(answer["images"]) / entry["name"]))
    with np.load(work / "sparse.npz") as arrays:
        scene = Scene(tuple(views), arrays["points"], arrays["colors"])
    photos = [image_dir / view.name for view in views]
    return scene, [image_dir, *(file for file in model.iterdir() if file.is_file()), *photos]


def _explain(name: str, refusal: JobRefusedError) -> Exception:
    details = refusal.details
    if refusal.code == "bad_pose":
        return SceneBadPoseError(name, details["image"], "holds numbers that are not finite")
    if refusal.code == "camera_model":
        return CameraModelUnsupportedError(name, details["model"])
    return SceneUnreadableError(name, str(details.get("why", "its files are damaged")))
