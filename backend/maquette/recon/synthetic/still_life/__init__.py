"""Photos of a still life that the project paints itself: what the ready sample is made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from maquette.progress import Progress, silent
from maquette.recon.atomic import replacing
from maquette.recon.cameras import Camera
from maquette.recon.synthetic.orbit import orbit
from maquette.recon.synthetic.still_life import tracing
from maquette.recon.synthetic.still_life.solids import still_life

_NEARER = 1.16
"""How much narrower than the village's the lens looks: the table is smaller."""
_SUN = np.array([-0.48, -0.42, 0.77])


def make_still_life(
    out_dir: Path, *, views: int = 20, width: int = 480, height: int = 360, seed: int = 0, progress: Progress = silent
) -> tuple[Path, ...]:
    """Write ``views`` JPEGs ``still_life_01.jpg`` … to ``out_dir``, with no EXIF and no poses.

    The camera goes once around; the same arguments give the same pictures. Reports the stage ``photographing``.
    """
    paths = []
    for index, camera in enumerate(orbit(views, width, height, seed)):
        progress("photographing", index / views, f"photo {index + 1} of {views}")
        nearer = replace(camera, fx=camera.fx * _NEARER, fy=camera.fy * _NEARER)
        path = out_dir / f"still_life_{index + 1:02d}.jpg"
        with replacing(path) as file:
            Image.fromarray(photograph_still_life(nearer, seed)).save(file, "JPEG", quality=88)
        paths.append(path)
    progress("photographing", 1.0, f"{views} photos")
    return tuple(paths)


def photograph_still_life(camera: Camera, seed: int = 0, samples: int = 3) -> UInt8[ndarray, "h w 3"]:
    """The sRGB picture that ``camera`` takes, ``samples`` squared rays a pixel; ``seed`` decides how all is painted."""
    scene = still_life()
    light = np.zeros((camera.height, camera.width, 3))
    rotation = np.ascontiguousarray(camera.world_from_camera[:3, :3])
    intrinsics = np.array([camera.fx, camera.fy, camera.cx, camera.cy])
    sun = _SUN / np.linalg.norm(_SUN)
    tracing.render(scene.solids, scene.profile, sun, seed, camera.centre.copy(), rotation, intrinsics, samples, light)
    # IEC 61966-2-1
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    picture: UInt8[ndarray, "h w 3"] = np.clip(srgb * 255 + 0.5, 0, 255).astype(np.uint8)
    return picture
