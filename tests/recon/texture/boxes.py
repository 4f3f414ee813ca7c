"""Photos of coloured boxes, cast ray by ray: what a texture must give back is known at every place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.mesh import Mesh
from maquette.recon.scene import Scene, View
from maquette.recon.synthetic.orbit import look_at

Paint = Callable[[ndarray], ndarray]
"""World points (n, 3) to sRGB colours 0 to 255 (n, 3)."""

_SUB = 3
"""Places along each side of a pixel."""


@dataclass(frozen=True)
class PaintedBox:
    """An axis-aligned box and its colours."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    paint: Paint


def waves(points: Float[ndarray, "n 3"]) -> Float[ndarray, "n 3"]:
    """A smooth pattern that is different everywhere on a box of about 1."""
    x, y, z = points.T
    return np.stack(
        [
            140 + 70 * np.sin(5 * x + 2 * y) * np.cos(4 * z),
            130 + 60 * np.sin(4 * y - 3 * z + 1),
            120 + 70 * np.cos(5 * z + 3 * x - 2),
        ],
        axis=1,
    )


CUBE = PaintedBox((-0.5, -0.5, -0.5), (0.5, 0.5, 0.5), waves)


def mesh_of(boxes: Sequence[PaintedBox], steps: int = 6) -> Mesh:
    """All sides as grids of triangles, counter-clockwise from outside, vertices shared along edges of a side only."""
    vertices: list[ndarray] = []
    faces: list[ndarray] = []
    count = 0
    t = np.linspace(0, 1, steps + 1)
    row, column = np.mgrid[0:steps, 0:steps]
    a = (row * (steps + 1) + column).ravel()
    grid = np.concatenate([np.stack([a, a + steps + 1, a + steps + 2], 1), np.stack([a, a + steps + 2, a + 1], 1)])
    for box in boxes:
        low, size = np.array(box.low), np.array(box.high) - np.array(box.low)
        for axis in range(3):
            for side in (0.0, 1.0):
                points = np.empty((steps + 1, steps + 1, 3))
                points[..., axis] = side
                points[..., (axis + 1) % 3] = t[:, None]
                points[..., (axis + 2) % 3] = t[None]
                vertices.append((low + size * points).reshape(-1, 3))
                faces.append((grid if side else grid[:, ::-1]) + count)
                count += (steps + 1) ** 2
    return Mesh(np.concatenate(vertices).astype(np.float32), np.concatenate(faces).astype(np.int32))


def around(count: int, distance: float = 2.6, width: int = 192, height: int = 160) -> list[Camera]:
    """Cameras on a sphere about the origin, sunflower-spaced, looking at it."""
    i = np.arange(count) + 0.5
    z, angle = 1 - 2 * i / count, i * np.pi * (3 - np.sqrt(5))
    flat = np.sqrt(1 - z * z)
    return [
        from_place(distance * np.array(eye), width, height)
        for eye in np.stack([flat * np.cos(angle), flat * np.sin(angle), z], axis=1)
    ]


def from_place(eye: Float[ndarray, " 3"], width: int = 192, height: int = 160) -> Camera:
    """A camera there, looking at the origin."""
    up = np.array([0.0, 0.0, 1.0]) if abs(eye[2]) < 0.95 * np.linalg.norm(eye) else np.array([0.0, 1.0, 0.0])
    return Camera(width, height, width * 1.25, width * 1.25, width / 2, height / 2, look_at(eye, np.zeros(3), up))


def cast(boxes: Sequence[PaintedBox], camera: Camera, background: float = 30.0) -> Float[ndarray, "h w 3"]:
    """The picture, each pixel the mean of 3 x 3 rays."""
    fine = camera.resized(camera.width * _SUB, camera.height * _SUB)
    y, x = np.mgrid[0 : fine.height, 0 : fine.width] + 0.5
    local = np.stack([(x - fine.cx) / fine.fx, (y - fine.cy) / fine.fy, np.ones_like(x)], axis=-1).reshape(-1, 3)
    rays = local @ fine.world_from_camera[:3, :3].T
    colors, depth = np.full((len(rays), 3), background), np.full(len(rays), np.inf)
    for box in boxes:
        slabs = np.stack([(np.array(end) - fine.centre) / rays for end in (box.low, box.high)])
        entry, leave = slabs.min(axis=0).max(axis=1), slabs.max(axis=0).min(axis=1)
        hit = (entry < leave) & (entry > 0) & (entry < depth)
        depth[hit] = entry[hit]
        colors[hit] = box.paint(fine.centre + rays[hit] * entry[hit][:, None])
    return colors.reshape(camera.height, _SUB, camera.width, _SUB, 3).mean(axis=(1, 3))


def write_scene(folder: Path, cameras: Sequence[Camera], pictures: Sequence[ndarray]) -> Scene:
    """The pictures (0 to 255) as PNG files and their scene."""
    views = []
    for index, (camera, picture) in enumerate(zip(cameras, pictures, strict=True)):
        path = folder / f"{index:02d}.png"
        cv2.imwrite(str(path), np.clip(np.rint(picture[..., ::-1]), 0, 255).astype(np.uint8))
        views.append(View(path.name, camera, path))
    return Scene(tuple(views), np.zeros((0, 3)), np.zeros((0, 3), np.uint8))
