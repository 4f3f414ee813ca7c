"""Pictures of textured walls at known depths: each factor of the weighting has one answer here."""

from __future__ import annotations

import numpy as np

from maquette.recon.cameras import Camera
from maquette.recon.multiview.views import Loaded
from maquette.recon.photos import Photo

WIDTH, HEIGHT, FOCAL = 96, 72, 90.0
WALL = 4.0


def camera_at(x: float = 0.0, y: float = 0.0, z: float = 0.0, *, yaw: float = 0.0) -> Camera:
    """At (x, y, z), looking along +z turned by ``yaw`` radians about y, towards +x where positive."""
    c, s = np.cos(yaw), np.sin(yaw)
    world_from_camera = np.eye(4)
    world_from_camera[:3, :3] = [[c, 0, s], [0, 1, 0], [-s, 0, c]]
    world_from_camera[:3, 3] = [x, y, z]
    return Camera(WIDTH, HEIGHT, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, np.linalg.inv(world_from_camera))


def rays(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """World directions of unit z in the camera, (3, h, w), and the centre."""
    columns, rows = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    local = np.stack([(columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy, np.ones_like(columns)])
    return np.einsum("ij,jhw->ihw", camera.world_from_camera[:3, :3], local), camera.centre


def texture(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """sRGB 0 to 255 of a wall's point: smooth, without repetition, the channels different."""
    waves = [
        np.sin(5.1 * x + 0.3) * np.cos(4.3 * y) + 0.5 * np.sin(11 * x - 7 * y),
        np.sin(3.7 * x - 1.1) * np.sin(6.1 * y + 0.7) + 0.5 * np.cos(9 * x + 8 * y),
        np.cos(4.9 * x + 0.9) * np.cos(5.3 * y - 0.4) + 0.5 * np.sin(8 * x + 10 * y),
    ]
    return np.clip(128 + 60 * np.stack(waves), 10, 245)


def look(
    camera: Camera, *, slope: float = 0.0, box: tuple[float, float, float, float] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Picture (3, h, w) uint8 and depth of the wall z = 4 + ``slope`` x, behind a ``box``: x from, x to, z, level."""
    directions, centre = rays(camera)
    reach = (WALL + slope * centre[0] - centre[2]) / (directions[2] - slope * directions[0])
    points = centre[:, None, None] + reach * directions
    picture = texture(points[0], points[1])
    depth = np.where(reach > 0, reach, 0.0)
    if box is not None:
        near = (box[2] - centre[2]) / directions[2]
        x = centre[0] + near * directions[0]
        hit = (near > 0) & (x >= box[0]) & (x <= box[1]) & (near < np.where(reach > 0, reach, np.inf))
        depth = np.where(hit, near, depth)
        picture = np.where(hit, box[3], picture)
    return np.rint(picture).astype(np.uint8), depth.astype(np.float32)


def loaded(camera: Camera, picture: np.ndarray, depth: np.ndarray, render: np.ndarray, gain: float = 1.0) -> Loaded:
    """A view as the gallery would load it; ``render`` is 8 bit like the picture."""
    return Loaded(Photo(camera, picture), depth, (render / np.float32(255)).astype(np.float32), gain)


def photo_from(camera: Camera, **what: object) -> Loaded:
    """A view whose picture is the truth and whose render is the same."""
    picture, depth = look(camera, **what)  # type: ignore[arg-type]
    return loaded(camera, picture, depth, picture)
