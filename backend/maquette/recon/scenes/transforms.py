"""nerfstudio and instant-ngp scenes: ``transforms.json`` with intrinsics for all or for each frame.

Their cameras look along -z with y up (OpenGL) and poses are ``world_from_camera``; ours are OpenCV,
``camera_from_world``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.images import Photo, read_photo, write_photo
from maquette.recon.scene import Scene, View
from maquette.recon.scenes.companions import MILLIMETRE, Straighten, named_mask, straight_depth, straight_mask
from maquette.recon.scenes.errors import (
    CameraModelUnsupportedError,
    SceneBadPoseError,
    SceneUnreadableError,
    SceneWithoutImagesError,
    Warn,
    log_warning,
    tell_missing,
)
from maquette.recon.scenes.ply_points import read_ply_points
from maquette.recon.scenes.poses import BrownLens, KnownPoses, NamedPose

_SUFFIXES = ("", ".png", ".jpg", ".jpeg", ".JPG", ".PNG")
_MODELS = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "PERSPECTIVE")
OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
"""Turns a camera's axes from one convention to the other, and back."""
_ROTATION_TOLERANCE = 0.02


@dataclass(frozen=True)
class _Frame:
    name: str
    image: Path
    values: dict[str, Any]
    """The frame's own keys over the file's."""


def load_transforms(file: Path, cache_dir: Path, warn: Warn = log_warning) -> tuple[Scene, list[Path]]:
    """Read the cameras and photos, and the points where the file names some (else none); and the files used.

    Photos that are distorted, turned by EXIF or transparent are written as plain ones into ``cache_dir``. A frame's
    ``mask_path`` (grey, 0 does not count) and ``depth_file_path`` (16-bit PNG or .npy, in millimetres of a world in
    metres unless ``depth_unit_scale_factor`` says otherwise, 0 unknown; nerfstudio, "Data conventions") come along.
    """
    name = file.parent.name
    data, frames = _read_frames(name, file)
    found = _find_images(name, file.parent, data, frames, warn)
    views = sorted((_view(name, frame, file.parent, cache_dir) for frame in found), key=lambda view: view.name)
    points, colors = np.zeros((0, 3)), np.zeros((0, 3), np.uint8)
    if data.get("ply_file_path"):
        try:
            points, colors = read_ply_points(file.parent / str(data["ply_file_path"]))
        except (OSError, ValueError, IndexError) as error:
            raise SceneUnreadableError(name, f"its points cannot be read ({error})") from error
    folders = {frame.image.parent for frame in found}
    companions = [
        file.parent / str(frame.values[key])
        for frame in found
        for key in ("mask_path", "depth_file_path")
        if frame.values.get(key)
    ]
    return Scene(tuple(views), points, colors), [file, *folders, *(frame.image for frame in found), *companions]


def read_transforms_poses(file: Path, *, with_points: bool = True) -> KnownPoses:
    """The cameras alone, without looking for photos, and the points where the file names some that are there.

    ``with_points``: whether another file may be opened: one beside this one or below, wherever it says that it lies.
    Raises :class:`SceneUnreadableError`, :class:`SceneWithoutImagesError`, :class:`SceneBadPoseError` or
    :class:`CameraModelUnsupportedError`.
    """
    name = file.name
    data, frames = _read_frames(name, file)
    shared = {key: value for key, value in data.items() if key != "frames"}
    poses = []
    for entry in frames:
        _refuse_bare(name, entry)
        frame = _Frame(str(entry["file_path"]), file.parent / str(entry["file_path"]), {**shared, **entry})
        width, height = _number(name, frame, "w"), _number(name, frame, "h")
        size = (round(width), round(height)) if width and height else None
        poses.append(NamedPose(frame.name, _camera_from_world(name, frame), size, _lens_of(name, frame)))
        poses[-1].lens_at(*(size or (1000, 1000)))  # a broken camera is told now, not when its photo is there
    cloud = file.parent / str(data.get("ply_file_path") or "")
    # A stranger's file may name any on this machine, another user's among them.
    if not with_points or not _is_file(cloud) or not cloud.resolve().is_relative_to(file.parent.resolve()):
        return KnownPoses("transforms", tuple(poses), np.zeros((0, 3)), np.zeros((0, 3), np.uint8))
    try:
        return KnownPoses("transforms", tuple(poses), *read_ply_points(cloud))
    except (OSError, ValueError, IndexError) as error:
        raise SceneUnreadableError(name, f"its points cannot be read ({error})") from error


def _lens_of(scene: str, frame: _Frame) -> Callable[[int, int], BrownLens]:
    def lens_at(width: int, height: int) -> BrownLens:
        matrix, (k1, k2, p1, p2, k3) = _intrinsics(scene, frame, width, height)
        focal_and_centre = (float(matrix[0, 0]), float(matrix[1, 1]), float(matrix[0, 2]), float(matrix[1, 2]))
        bent = tuple(float(value) for value in (k1, k2, p1, p2, k3, 0.0, 0.0, 0.0))
        return BrownLens(width, height, *focal_and_centre, bent)

    return lens_at


def _read_frames(scene: str, file: Path) -> tuple[dict[str, Any], list[Any]]:
    try:
        data = json.loads(file.read_text())
        frames = data["frames"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SceneUnreadableError(scene, f"{file.name} is not a list of frames") from error
    if not isinstance(frames, list) or not frames:
        raise SceneWithoutImagesError(scene)
    return data, frames


def _refuse_bare(scene: str, frame: object) -> None:
    if not isinstance(frame, dict) or "file_path" not in frame or "transform_matrix" not in frame:
        raise SceneUnreadableError(scene, "a frame lacks its file_path or transform_matrix")


def _find_images(scene: str, root: Path, data: dict[str, Any], frames: list[Any], warn: Warn) -> list[_Frame]:
    shared = {key: value for key, value in data.items() if key != "frames"}
    found, missing = [], []
    for frame in frames:
        _refuse_bare(scene, frame)
        path = str(frame["file_path"])
        image = next((root / f"{path}{end}" for end in _SUFFIXES if _is_file(root / f"{path}{end}")), None)
        if image is None:
            missing.append(path)
        else:
            label = str(image.relative_to(root)) if image.is_relative_to(root) else image.name
            found.append(_Frame(label, image, {**shared, **frame}))
    tell_missing(scene, missing, len(frames), warn)
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False


def _view(scene: str, frame: _Frame, root: Path, cache: Path) -> View:
    pose = _camera_from_world(scene, frame)
    photo = read_photo(frame.image, name=frame.name, original_resolution=True)
    width, height = photo.width, photo.height
    matrix, distortion = _intrinsics(scene, frame, width, height)
    plain = photo.alpha is None and not photo.notes and photo.format in ("jpeg", "png")
    pixels, path, straighten = photo.pixels, frame.image, None
    own_name = frame.name.replace("/", "_").rsplit(".", 1)[0]
    if distortion.any():
        straighten, matrix = _straightener(width, height, matrix, distortion)
        pixels = straighten(pixels, cv2.INTER_CUBIC)
    if distortion.any() or not plain:
        path = cache / "images" / f"{own_name}.png"
        write_photo(Photo(frame.name, pixels, None, width, height, None, None, "png"), path)
    mask, depth = None, None
    if frame.values.get("mask_path"):
        mask = named_mask(root / str(frame.values["mask_path"]), frame.name)
        if straighten is not None:
            target = cache / "masks" / f"{own_name}.png"
            mask = straight_mask(mask, frame.name, width, height, straighten, target)
    if frame.values.get("depth_file_path"):
        scale = _number(scene, frame, "depth_unit_scale_factor") or MILLIMETRE
        file, target = root / str(frame.values["depth_file_path"]), cache / "depths" / f"{own_name}.npy"
        depth = straight_depth(file, frame.name, width, height, scale, straighten, target)
    camera = Camera(
        width=pixels.shape[1],
        height=pixels.shape[0],
        fx=float(matrix[0, 0]),
        fy=float(matrix[1, 1]),
        cx=float(matrix[0, 2]),
        cy=float(matrix[1, 2]),
        camera_from_world=pose,
    )
    return View(frame.name, camera, path, mask, depth)


def _camera_from_world(scene: str, frame: _Frame) -> Float[ndarray, "4 4"]:
    try:
        world_from_gl = np.array(frame.values["transform_matrix"], np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise SceneBadPoseError(scene, frame.name, "is not a 4x4 matrix") from error
    if world_from_gl.shape not in ((4, 4), (3, 4)):
        raise SceneBadPoseError(scene, frame.name, "is not a 4x4 matrix")
    if not np.isfinite(world_from_gl).all():
        raise SceneBadPoseError(scene, frame.name, "holds numbers that are not finite")
    pose = np.vstack([world_from_gl[:3], [0.0, 0.0, 0.0, 1.0]])
    U, sizes, Vt = np.linalg.svd(pose[:3, :3])
    if abs(sizes - 1.0).max() > _ROTATION_TOLERANCE or np.linalg.det(U @ Vt) < 0:
        raise SceneBadPoseError(scene, frame.name, "is no rotation and translation")
    pose[:3, :3] = U @ Vt  # files hold rounded numbers: the nearest rotation
    world_from_camera = pose @ OPENCV_FROM_OPENGL
    camera_from_world = np.eye(4)
    camera_from_world[:3, :3] = world_from_camera[:3, :3].T
    camera_from_world[:3, 3] = -world_from_camera[:3, :3].T @ world_from_camera[:3, 3]
    return camera_from_world


def _intrinsics(scene: str, frame: _Frame, width: int, height: int) -> tuple[Float[ndarray, "3 3"], Float[ndarray, 5]]:
    """Camera matrix for the photo's real size (pixel centres at +0.5) and k1, k2, p1, p2, k3."""
    values = frame.values
    model = str(values.get("camera_model", "OPENCV"))
    if model not in _MODELS or values.get("is_fisheye"):
        raise CameraModelUnsupportedError(scene, model if model not in _MODELS else "fisheye")
    if values.get("k4"):
        raise CameraModelUnsupportedError(scene, f"{model} with k4")

    def number(key: str) -> float | None:
        return _number(scene, frame, key)

    stated_width, stated_height = number("w") or width, number("h") or height
    scale_x, scale_y = width / stated_width, height / stated_height
    if scale_x <= 0 or not math.isclose(scale_x, scale_y, rel_tol=0.02):
        raise SceneUnreadableError(scene, f"'{frame.name}' has another shape than its camera")
    angle_x, angle_y = number("camera_angle_x"), number("camera_angle_y")
    fx = number("fl_x") or (angle_x and 0.5 * stated_width / math.tan(0.5 * angle_x))
    fy = number("fl_y") or (angle_y and 0.5 * stated_height / math.tan(0.5 * angle_y)) or fx
    fx = fx or fy
    if not fx or not fy or fx <= 0 or fy <= 0:
        raise SceneUnreadableError(scene, f"'{frame.name}' has no focal length")
    cx, cy = number("cx"), number("cy")
    matrix = np.array(
        [
            [fx * scale_x, 0.0, (stated_width / 2 if cx is None else cx) * scale_x],
            [0.0, fy * scale_y, (stated_height / 2 if cy is None else cy) * scale_y],
            [0.0, 0.0, 1.0],
        ]
    )
    return matrix, np.array([number(key) or 0.0 for key in ("k1", "k2", "p1", "p2", "k3")])


def _number(scene: str, frame: _Frame, key: str) -> float | None:
    if frame.values.get(key) is None:
        return None
    try:
        value = float(frame.values[key])
    except (TypeError, ValueError, OverflowError) as error:
        raise SceneUnreadableError(scene, f"'{key}' of '{frame.name}' is no number") from error
    if not math.isfinite(value):
        raise SceneUnreadableError(scene, f"'{key}' of '{frame.name}' is no number")
    return value


def _straightener(
    width: int, height: int, matrix: Float[ndarray, "3 3"], distortion: Float[ndarray, 5]
) -> tuple[Straighten, Float[ndarray, "3 3"]]:
    """What takes Brown's lens model out of a picture, zoomed until no pixel is blank, and the camera matrix after it.

    OpenCV counts from pixel centres.
    """
    half = np.array([[0.0, 0.0, 0.5], [0.0, 0.0, 0.5], [0.0, 0.0, 0.0]])
    lens = matrix - half
    flat, _ = cv2.getOptimalNewCameraMatrix(lens, distortion, (width, height), 0.0)
    maps = cv2.initUndistortRectifyMap(lens, distortion, None, flat, (width, height), cv2.CV_32FC1)

    def straighten(picture: ndarray, sampling: int) -> ndarray:
        straight: ndarray = cv2.remap(picture, *maps, sampling, borderMode=cv2.BORDER_REPLICATE)
        return straight

    return straighten, flat + half
