"""A capture written down as other programs write scenes: transforms.json, PLY points, COLMAP models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
import pytest
from PIL import Image

from maquette.recon.cameras import Camera
from maquette.recon.scene import Scene
from maquette.recon.synthetic import SyntheticCapture

GL = np.diag([1.0, -1.0, -1.0, 1.0])


def as_transforms(capture: SyntheticCapture, folder: Path) -> dict[str, Any]:
    """The capture as instant-ngp would write it: OpenGL axes, world_from_camera, names without an ending."""
    (folder / "images").mkdir(parents=True)
    frames = []
    for path, camera in zip(capture.paths, capture.cameras, strict=True):
        shutil.copy(path, folder / "images")
        pose = camera.world_from_camera @ GL
        frames.append({"file_path": f"images/{path.stem}", "transform_matrix": pose.tolist()})
    first = capture.cameras[0]
    intrinsics = {"fl_x": first.fx, "fl_y": first.fy, "cx": first.cx, "cy": first.cy, "w": 320.0, "h": 240.0}
    return {**intrinsics, "frames": frames}


def write(data: dict[str, Any], folder: Path) -> Path:
    (folder / "transforms.json").write_text(json.dumps(data))
    return folder


def write_ply(path: Path, points: np.ndarray, colors: np.ndarray, binary: bool) -> None:
    kind = "binary_little_endian" if binary else "ascii"
    header = f"ply\nformat {kind} 1.0\ncomment made by hand\nelement vertex {len(points)}\n"
    header += "".join(f"property float {axis}\n" for axis in "xyz")
    header += "".join(f"property uchar {name}\n" for name in ("red", "green", "blue")) + "end_header\n"
    if binary:
        rows = np.zeros(len(points), [("p", "<f4", 3), ("c", "u1", 3)])
        rows["p"], rows["c"] = points, colors
        path.write_bytes(header.encode() + rows.tobytes())
    else:
        lines = (
            " ".join(map(str, [*point.tolist(), *color.tolist()])) for point, color in zip(points, colors, strict=True)
        )
        path.write_text(header + "\n".join(lines) + "\n")


def assert_same_cameras(scene: Scene, capture: SyntheticCapture, focal_rel: float = 1e-6) -> None:
    assert len(scene.views) == len(capture.cameras)
    for view, camera in zip(scene.views, capture.cameras, strict=True):
        assert np.allclose(view.camera.camera_from_world, camera.camera_from_world, atol=1e-5)
        assert view.camera.fx == pytest.approx(camera.fx, rel=focal_rel)
        with Image.open(view.image_path) as image:
            assert image.size == (view.camera.width, view.camera.height)


def write_colmap(
    capture: SyntheticCapture, folder: Path, model: str, params: list[float], text: bool, spoil: bool = False
) -> None:
    """A COLMAP model of the true cameras with some true points, in text or binary."""
    (folder / "images").mkdir(parents=True)
    (folder / "sparse" / "0").mkdir(parents=True)
    reconstruction = pycolmap.Reconstruction()
    camera = pycolmap.Camera(model=model, width=320, height=240, params=params, camera_id=1)
    reconstruction.add_camera_with_trivial_rig(camera)
    for number, (path, known) in enumerate(zip(capture.paths, capture.cameras, strict=True), start=1):
        shutil.copy(path, folder / "images")
        pose = known.camera_from_world
        shift = pose[:3, 3] * (np.nan if spoil and number == 3 else 1.0)
        rigid = pycolmap.Rigid3d(pycolmap.Rotation3d(pose[:3, :3]), shift)
        image = pycolmap.Image(name=path.name, camera_id=1, image_id=number)
        reconstruction.add_image_with_trivial_frame(image, rigid)
    truth = capture.scene(points=40)
    for point, color in zip(truth.points, truth.colors, strict=True):
        reconstruction.add_point3D(point, pycolmap.Track(), color)
    target = folder / "sparse" / "0"
    reconstruction.write_text(str(target)) if text else reconstruction.write_binary(str(target))


def pinhole(camera: Camera) -> list[float]:
    return [camera.fx, camera.fy, camera.cx, camera.cy]
