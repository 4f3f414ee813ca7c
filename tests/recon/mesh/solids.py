"""Solids of known size as models: flat opaque Gaussians on their surfaces, and cameras all around."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.gaussians import SH_C0, Gaussians
from maquette.recon.scene import Scene, View
from maquette.recon.synthetic.orbit import look_at


def around(count: int, distance: float = 3.0, side: int = 160) -> list[Camera]:
    """Cameras spread evenly on a sphere (Fibonacci lattice), looking at the origin from all sides."""
    k = np.arange(count) + 0.5
    z, turn = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    directions = np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)
    focal = side * 1.15
    cameras = []
    for direction in directions:
        up = np.array([0.0, 0.0, 1.0]) if abs(direction[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
        pose = look_at(direction * distance, np.zeros(3), up)
        cameras.append(Camera(side, side, focal, focal, side / 2, side / 2, pose))
    return cameras


def scene_of(cameras: list[Camera]) -> Scene:
    """A scene without photos: the making of a mesh looks at the model alone."""
    views = tuple(View(f"{i:03d}.jpg", camera, Path(f"{i:03d}.jpg")) for i, camera in enumerate(cameras))
    return Scene(views, np.zeros((0, 3)), np.zeros((0, 3), np.uint8))


def on_surface(points: ndarray, normals: ndarray, spacing: float, colors: ndarray) -> Gaussians:
    """Opaque discs at ``points`` with the given unit normals, close enough to leave no hole; ``colors`` 0 to 1."""
    # The shortest turn of the z axis onto the normal
    quaternions = np.stack([1 + normals[:, 2], -normals[:, 1], normals[:, 0], np.zeros(len(points))], axis=1)
    quaternions[normals[:, 2] < -0.9999] = [0, 1, 0, 0]
    scales = np.tile(np.log([spacing, spacing, spacing * 0.02]), (len(points), 1))
    return Gaussians(
        means=points.astype(np.float32),
        log_scales=scales.astype(np.float32),
        quaternions=quaternions.astype(np.float32),
        opacity_logits=np.full(len(points), 5.0, np.float32),
        sh=((colors - 0.5) / SH_C0)[:, None, :].astype(np.float32),
    )


def ball(radius: float = 1.0, count: int = 3000) -> Gaussians:
    """A ball around the origin; its colour goes from one side to the other along each axis."""
    k = np.arange(count) + 0.5
    z, turn = 1 - 2 * k / count, np.pi * (1 + 5**0.5) * k
    normals = np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], axis=1)
    return on_surface(radius * normals, normals, radius * (4 * np.pi / count) ** 0.5, color_at(normals))


def cube(side: float = 1.4, across: int = 30) -> Gaussians:
    """A cube around the origin, each face of one colour of :data:`FACES`."""
    steps = (np.arange(across) + 0.5) / across - 0.5
    u, v = (grid.reshape(-1) * side for grid in np.meshgrid(steps, steps))
    points, normals, colors = [], [], []
    for face, color in enumerate(FACES):
        axis, sign = face // 2, 1 if face % 2 == 0 else -1
        normal = np.zeros(3)
        normal[axis] = sign
        place = np.empty((len(u), 3))
        place[:, axis], place[:, (axis + 1) % 3], place[:, (axis + 2) % 3] = sign * side / 2, u, v
        points.append(place)
        normals.append(np.tile(normal, (len(u), 1)))
        colors.append(np.tile(np.array(color) / 255, (len(u), 1)))
    return on_surface(np.concatenate(points), np.concatenate(normals), side / across, np.concatenate(colors))


FACES = ((200, 60, 50), (60, 190, 70), (50, 70, 200), (210, 190, 60), (190, 60, 180), (70, 190, 190))
"""sRGB of the cube's faces +x, -x, +y, -y, +z, -z."""


def color_at(directions: ndarray) -> ndarray:
    """The ball's colour, 0 to 1, in these unit directions."""
    return 0.5 + 0.35 * directions
