"""A scene with known cameras and points, as ``maquette splat`` takes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maquette.recon.synthetic import make_capture

GL_FROM_CV = np.diag([1.0, -1.0, -1.0, 1.0])
POINTS = 15_000
"""Enough that a checkpoint is larger than any file that numba keeps of a kernel: see the test of the full disk."""


def write_scene(folder: Path, *, points: int = POINTS) -> Path:
    """A transforms.json with its eight photos and its points, as nerfstudio writes them."""
    capture = make_capture(folder / "images", views=8, width=160, height=120)
    camera = capture.cameras[0]
    data: dict[str, Any] = {
        "fl_x": camera.fx, "fl_y": camera.fy, "cx": camera.cx, "cy": camera.cy, "w": 160, "h": 120,
        "ply_file_path": "points.ply",
        "frames": [
            {"file_path": f"images/{path.name}", "transform_matrix": (camera.world_from_camera @ GL_FROM_CV).tolist()}
            for path, camera in zip(capture.paths, capture.cameras, strict=True)
        ],
    }  # fmt: skip
    truth = capture.scene(points=points)
    rows = np.zeros(points, [("p", "<f4", 3), ("c", "u1", 3)])
    rows["p"], rows["c"] = truth.points, truth.colors
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {points}\n"
    header += "".join(f"property float {axis}\n" for axis in "xyz")
    header += "".join(f"property uchar {name}\n" for name in ("red", "green", "blue")) + "end_header\n"
    (folder / "points.ply").write_bytes(header.encode() + rows.tobytes())
    (folder / "transforms.json").write_text(json.dumps(data))
    return folder


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read only: copy it before changing it."""
    return write_scene(tmp_path_factory.mktemp("nerf"))
