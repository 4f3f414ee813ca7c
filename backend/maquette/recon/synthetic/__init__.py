"""The project's own capture: photos of a little world whose every length is known, made by our own ray caster.

The demo reconstructs it without being told anything; tests compare with the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray
from PIL import Image

from maquette.progress import Progress, silent
from maquette.recon.atomic import replacing
from maquette.recon.cameras import Camera
from maquette.recon.scene import Scene, View
from maquette.recon.synthetic import kernels
from maquette.recon.synthetic.diorama import VILLAGE, Diorama
from maquette.recon.synthetic.orbit import orbit
from maquette.recon.synthetic.surfaces import paint

SKY = np.array([196.0, 210.0, 224.0])
_SAMPLES_ACROSS_PIXEL = 2


@dataclass(frozen=True, eq=False)
class SyntheticCapture:
    """Photos on disk and the truth about them: cameras in the order of ``paths``, and what stands where."""

    paths: tuple[Path, ...]
    cameras: tuple[Camera, ...]
    diorama: Diorama
    seed: int

    def depth(self, index: int) -> Float32[ndarray, "h w"]:
        """True depth of a view along its camera's z in world units, through pixel centres; 0 = nothing there."""
        return true_depth(self.diorama, self.cameras[index])

    def scene(self, points: int = 4000) -> Scene:
        """The capture as structure-from-motion would ideally give it: true cameras, ``points`` points on surfaces."""
        rng = np.random.default_rng([self.seed, 2])
        views = tuple(View(path.name, camera, path) for path, camera in zip(self.paths, self.cameras, strict=True))
        positions, colours = [], []
        for index, camera in enumerate(self.cameras):
            count = points // len(views) + (index < points % len(views))
            depth = self.depth(index)
            rows, columns = np.divmod(rng.choice(np.flatnonzero(depth), count), camera.width)
            positions.append(_in_world(camera, rows, columns, depth[rows, columns]))
            with Image.open(self.paths[index]) as photo:
                colours.append(np.asarray(photo)[rows, columns])
        return Scene(views, np.concatenate(positions), np.concatenate(colours))


def make_capture(
    out_dir: Path,
    *,
    views: int = 24,
    width: int = 640,
    height: int = 480,
    seed: int = 0,
    progress: Progress = silent,
) -> SyntheticCapture:
    """Write ``views`` JPEGs ``photo_01.jpg`` … to ``out_dir``, with no EXIF and no poses; answer the truth.

    The camera goes once around; the same arguments give the same pictures. Reports the stage ``photographing``.
    """
    cameras = orbit(views, width, height, seed)
    paths = []
    for index, camera in enumerate(cameras):
        progress("photographing", index / views, f"photo {index + 1} of {views}")
        path = out_dir / f"photo_{index + 1:02d}.jpg"
        with replacing(path) as file:
            Image.fromarray(photograph(VILLAGE, camera, seed)).save(file, "JPEG", quality=94, subsampling=0)
        paths.append(path)
    progress("photographing", 1.0, f"{views} photos")
    return SyntheticCapture(tuple(paths), cameras, VILLAGE, seed)


def photograph(diorama: Diorama, camera: Camera, seed: int = 0) -> UInt8[ndarray, "h w 3"]:
    """The sRGB picture that ``camera`` takes; ``seed`` paints the surfaces."""
    atlas = paint(diorama, seed)
    picture = np.empty((camera.height, camera.width, 3), np.uint8)
    kernels.render(
        *_shapes(diorama),
        atlas.texels,
        atlas.levels,
        atlas.texels_per_unit,
        *_lens(camera),
        _SAMPLES_ACROSS_PIXEL,
        SKY,
        picture,
    )
    return picture


def true_depth(diorama: Diorama, camera: Camera) -> Float32[ndarray, "h w"]:
    """Depth along z in world units through every pixel's centre, 0 where nothing is met."""
    depth = np.empty((camera.height, camera.width), np.float32)
    kernels.depth(*_shapes(diorama), *_lens(camera), depth)
    return depth


def _shapes(diorama: Diorama) -> tuple[ndarray, ndarray, float, float]:
    return diorama.box_rows(), diorama.sphere_rows(), diorama.plaza_side, diorama.lawn_side


def _lens(camera: Camera) -> tuple[ndarray, ndarray, ndarray]:
    rotation = np.ascontiguousarray(camera.world_from_camera[:3, :3])
    return camera.centre.copy(), rotation, np.array([camera.fx, camera.fy, camera.cx, camera.cy])


def _in_world(camera: Camera, rows: ndarray, columns: ndarray, depth: ndarray) -> Float[ndarray, "n 3"]:
    x = (columns + 0.5 - camera.cx) / camera.fx
    y = (rows + 0.5 - camera.cy) / camera.fy
    in_camera = np.stack([x, y, np.ones_like(x)], axis=1) * depth[:, None]
    in_world: Float[ndarray, "n 3"] = in_camera @ camera.world_from_camera[:3, :3].T + camera.centre
    return in_world
