"""Cameras on a wavy circle around a point, all looking at it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.recon.cameras import Camera

HORIZONTAL_FIELD_OF_VIEW_DEG = 52.0
_TARGET = (0.0, 0.0, 0.42)
_DISTANCE = 4.9
_ELEVATION_DEG = 42.0
_WAVE_DEG = 7.0


def look_at(eye: Float[ndarray, " 3"], target: Float[ndarray, " 3"], up: Float[ndarray, " 3"]) -> Float[ndarray, "4 4"]:
    """``camera_from_world`` of a camera at ``eye`` (OpenCV axes), its picture upright along ``up``."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    camera_from_world = np.eye(4)
    camera_from_world[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    camera_from_world[:3, 3] = -camera_from_world[:3, :3] @ eye
    return camera_from_world


def orbit(views: int, width: int, height: int, seed: int) -> tuple[Camera, ...]:
    """``views`` cameras once around, as a person walks: elevation in two waves, distance and aim never the same."""
    rng = np.random.default_rng([seed, 1])
    focal_px = width / 2 / np.tan(np.radians(HORIZONTAL_FIELD_OF_VIEW_DEG) / 2)
    cameras = []
    for i in range(views):
        azimuth = 2 * np.pi * i / views
        elevation = np.radians(_ELEVATION_DEG + _WAVE_DEG * np.sin(2 * azimuth) + rng.uniform(-1.5, 1.5))
        distance = _DISTANCE * rng.uniform(0.94, 1.06)
        target = np.array(_TARGET) + rng.uniform(-0.08, 0.08, 3)
        eye = target + distance * np.array(
            [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
        )
        pose = look_at(eye, target, np.array([0.0, 0.0, 1.0]))
        cameras.append(Camera(width, height, focal_px, focal_px, width / 2, height / 2, pose))
    return tuple(cameras)
