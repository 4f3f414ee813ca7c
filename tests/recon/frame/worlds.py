"""Worlds whose up is known, turned any way: cameras around a thing on a lawn, and models to move about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from maquette.recon.cameras import Camera
from maquette.recon.frame import Similarity
from maquette.recon.mesh import Mesh
from maquette.recon.scene import Scene, View
from maquette.recon.synthetic.orbit import look_at

UP = np.array([0.0, 0.0, 1.0])
"""Of every world here before it is turned."""


def any_turn(seed: int) -> Similarity:
    """Another world: turned, scaled and shifted at random."""
    rng = np.random.default_rng(seed)
    return Similarity(float(np.exp(rng.uniform(-2, 2))), Rotation.random(rng=rng).as_matrix(), rng.uniform(-20, 20, 3))


def held(eye: Sequence[float], target: Sequence[float], roll_deg: float = 0.0) -> Camera:
    """A camera at ``eye`` that looks at ``target``, turned about its own axis by ``roll_deg``."""
    pose = look_at(np.array(eye, float), np.array(target, float), UP)
    roll = np.eye(4)
    roll[:3, :3] = Rotation.from_euler("z", roll_deg, degrees=True).as_matrix()
    return Camera(320, 240, 300.0, 300.0, 160.0, 120.0, roll @ pose)


def around(
    azimuths_deg: Sequence[float],
    *,
    elevation_deg: float = 30.0,
    roll_deg: float = 0.0,
    wander: float = 0.0,
    distance: float = 5.0,
    seed: int = 0,
) -> list[Camera]:
    """Cameras around the origin. ``wander``: how much their places vary (world units)."""
    rng = np.random.default_rng(seed)
    cameras = []
    for azimuth, roll in zip(np.radians(azimuths_deg), rng.normal(0, 1, len(azimuths_deg)), strict=True):
        elevation = np.radians(elevation_deg)
        eye = distance * np.array(
            [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
        )
        cameras.append(held(eye + rng.normal(0, 1, 3) * wander, rng.normal(0, 0.1, 3), roll * roll_deg))
    return cameras


def blob(count: int = 800, seed: int = 0) -> np.ndarray:
    """Points without a plane."""
    return np.random.default_rng(seed).normal(0, 0.6, (count, 3))


def lawn(count: int = 800, height: float = -0.8, seed: int = 0) -> np.ndarray:
    """Points of a level plane, a little rough."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-4, 4, (count, 3))
    points[:, 2] = height + rng.normal(0, 0.01, count)
    return points


def scene_of(cameras: Sequence[Camera], points: np.ndarray) -> Scene:
    views = tuple(View(f"{i:03d}.jpg", camera, Path(f"{i:03d}.jpg")) for i, camera in enumerate(cameras))
    return Scene(views, np.asarray(points, np.float64), np.zeros((len(points), 3), np.uint8))


def apart_deg(direction: Sequence[float], other: np.ndarray) -> float:
    """Angle between two directions."""
    a, b = np.array(direction, float), np.array(other, float)
    return float(np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))))


def cube(side: float = 2.0) -> Mesh:
    """A cube about the origin, outwards counter-clockwise; texture coordinates follow x and y, colours z."""
    corners = np.array([[x, y, z] for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)], np.float32)
    quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]]
    faces = [[q[0], q[i], q[i + 1]] for q in quads for i in (1, 2)]
    return Mesh(
        vertices=corners * np.float32(side / 2),
        faces=np.array(faces, np.int32),
        normals=(corners / np.sqrt(np.float32(3))).astype(np.float32),
        colors=np.repeat(np.where(corners[:, 2:] > 0, 200, 100), 3, axis=1).astype(np.uint8),
        uvs=((corners[:, :2] + 1) / 2).astype(np.float32),
    )


def volume(mesh: Mesh) -> float:
    """Signed by the order of the corners: above 0 where faces look outwards (divergence theorem)."""
    a, b, c = mesh.vertices[mesh.faces].astype(np.float64).transpose(1, 0, 2)
    return float((a * np.cross(b, c)).sum() / 6)
