"""The job that reads a COLMAP model, undistorting its photos where the lens model asks for it. Child process only."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
from PIL import Image

from maquette.recon.masks import BadMaskError, mask_beside
from maquette.recon.sfm.child import RefusedError
from maquette.recon.sfm.database import Report
from maquette.recon.sfm.mapping import undistort, undistort_masks, write_arrays


def read_colmap(request: dict[str, Any], report: Report) -> dict[str, Any]:
    """Request: ``model`` and ``images`` folders, ``work``, ``threads``.

    Answers ``cameras`` in name order, ``images`` (the folder of their photos), ``masks`` (by name, of the photos that
    have one), and ``missing`` of ``total``; writes ``sparse.npz`` under ``work``. Cameras are scaled to the size of
    the photos that are really there. Refuses with ``unreadable``, ``bad_pose``, ``camera_model`` or ``bad_mask``.
    """
    image_dir, work = Path(request["images"]), Path(request["work"])
    try:
        model = pycolmap.Reconstruction(str(request["model"]))
    except (RuntimeError, ValueError, IndexError) as error:
        raise RefusedError("unreadable", why=type(error).__name__) from error
    placed = {image.name: image for image in model.images.values() if image.has_pose}
    names = sorted(placed)
    missing = [name for name in names if not (image_dir / name).is_file()]
    gaps = {"missing": missing, "total": len(names)}
    for name in missing:
        model.deregister_frame(placed.pop(name).frame_id)
    names = sorted(placed)
    if not names:
        return {"cameras": [], "images": str(image_dir), "masks": {}, **gaps}
    for name in names:
        if not np.isfinite(placed[name].cam_from_world().matrix()).all():
            raise RefusedError("bad_pose", image=name)
    masks = {name: mask for name in names if (mask := mask_beside(image_dir, name)) is not None}
    sizes = _sizes(image_dir, model, placed)
    models = {camera.model.name for camera in model.cameras.values()}
    if models <= {"PINHOLE", "SIMPLE_PINHOLE"}:
        cameras = write_arrays(model, names, work / "sparse.npz")
        for entry in cameras:
            entry["size"] = sizes[str(entry["name"])]
        return {"cameras": cameras, "images": str(image_dir), "masks": _as_text(masks), **gaps}

    unsupported = sorted(name for name in models if "FISHEYE" in name or name == "FOV")
    if unsupported:
        raise RefusedError("camera_model", model=unsupported[0])
    _rescale(model, placed, sizes)
    report("undistort", 0.0, f"{len(names)} photos")
    flat = undistort(model, image_dir, work / "undistorted", None, int(request["threads"]))
    try:
        masks = undistort_masks(model, flat, masks, work / "undistorted" / "masks")
    except BadMaskError as error:
        name = error.details["view"]
        raise RefusedError("bad_mask", image=name, why=error.why, suggestion=error.suggestion) from error
    cameras = write_arrays(flat, names, work / "sparse.npz")
    report("undistort", 1.0, "")
    return {"cameras": cameras, "images": str(work / "undistorted" / "images"), "masks": _as_text(masks), **gaps}


def _as_text(masks: dict[str, Path]) -> dict[str, str]:
    return {name: str(file) for name, file in masks.items()}


def _sizes(
    image_dir: Path, model: pycolmap.Reconstruction, placed: dict[str, pycolmap.Image]
) -> dict[str, tuple[int, int]]:
    """Size of every photo, from its header. Only one of another shape than its camera is refused."""
    sizes = {}
    for name, image in placed.items():
        with Image.open(image_dir / name) as photo:
            sizes[name] = photo.size
        camera = model.cameras[image.camera_id]
        ratio = sizes[name][0] / sizes[name][1] / (camera.width / camera.height)
        if not math.isclose(ratio, 1.0, rel_tol=0.02):
            raise RefusedError("unreadable", why=f"'{name}' has another shape than its camera")
    return sizes


def _rescale(
    model: pycolmap.Reconstruction, placed: dict[str, pycolmap.Image], sizes: dict[str, tuple[int, int]]
) -> None:
    """Photos are often kept smaller than the model was made with: scale cameras and observations to them."""
    for camera in model.cameras.values():
        mine = {name: image for name, image in placed.items() if image.camera_id == camera.camera_id}
        found = {sizes[name] for name in mine}
        if len(found) > 1:
            raise RefusedError("unreadable", why="photos of one camera differ in size")
        if not found or found == {(camera.width, camera.height)}:
            continue
        width, height = found.pop()
        scale = np.array([width / camera.width, height / camera.height])
        camera.rescale(width, height)
        for image in mine.values():
            for point in image.points2D:
                point.xy = point.xy * scale
