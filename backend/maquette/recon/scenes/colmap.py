"""COLMAP models: ``sparse/0`` or ``sparse`` (.bin or .txt) with ``images/`` beside.

Masks lie where COLMAP's feature extraction looks for them: ``masks/NAME.png`` beside ``images/NAME``, and so
``masks/a.jpg.png``; ``masks/a.png`` is taken, too.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from maquette.progress import Progress
from maquette.recon.cameras import camera_from_dict
from maquette.recon.masks import BadMaskError, mask_beside
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

    Photos with a lens distortion are undistorted into ``cache_dir``, and their masks with them.
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
        mask = answer["masks"].get(entry["name"])
        views.append(View(entry["name"], camera, Path(answer["images"]) / entry["name"], mask and Path(mask)))
    _tell_unmasked(path.name, len(answer["masks"]), len(views), warn)
    with np.load(work / "sparse.npz") as arrays:
        scene = Scene(tuple(views), arrays["points"], arrays["colors"])
    photos = [image_dir / view.name for view in views]
    # The folder too, there or not: masks that are added later are noticed.
    masks = [image_dir.parent / "masks", *(mask for photo in views if (mask := mask_beside(image_dir, photo.name)))]
    return scene, [image_dir, *masks, *(file for file in model.iterdir() if file.is_file()), *photos]


def _tell_unmasked(name: str, masked: int, total: int, warn: Warn) -> None:
    if 0 < masked < total:
        warn("masks_missing", f"{total - masked} of {total} photos of '{name}' have no mask: all of them counts.")


def _explain(name: str, refusal: JobRefusedError) -> Exception:
    details = refusal.details
    if refusal.code == "bad_pose":
        return SceneBadPoseError(name, details["image"], "holds numbers that are not finite")
    if refusal.code == "camera_model":
        return CameraModelUnsupportedError(name, details["model"])
    if refusal.code == "bad_mask":
        return BadMaskError(details["image"], details["why"], details["suggestion"])
    return SceneUnreadableError(name, str(details.get("why", "its files are damaged")))
