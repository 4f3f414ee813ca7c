"""Where to look at a model from: all around where it was photographed all around, else near where it was.

What no photo showed is guessed at best. A full turn around a wall would show its back for half of the time, so the path
keeps to the angles that the cameras covered, and along the cameras themselves where they stood inside a room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.doctor.coverage import subject
from maquette.recon.gaussians import Gaussians
from maquette.recon.mesh import Mesh
from maquette.recon.previews.errors import NothingToShowError
from maquette.recon.scene import Scene
from maquette.recon.viewpoints import look_at

Kind = Literal["orbit", "arc", "walk"]

ALL_AROUND_DEG = 120.0
"""Largest gap between neighbouring cameras, seen from above, up to which a model was photographed all around."""
LOWEST_DEG, HIGHEST_DEG = 8.0, 50.0
"""Elevation of an orbit: that of the cameras within these, so that it looks slightly down."""
ELEVATION_DEG, FOV_DEG = 20.0, 40.0
"""Of an orbit around a thing whose photos are not known."""
NARROWEST_DEG, WIDEST_DEG = 5.0, 75.0
"""Vertical fields of view of the pictures: the photos' within these."""
CONVERGING = 0.7
"""Share of the cameras that must look towards the subject, to have stood around it."""
TOWARDS = 0.5
"""Cosine between a camera's look and the way to the subject from which it looks towards it."""
EDGE = 0.05
"""Share of the cameras at either end of an arc that it leaves out: the model is poorest there."""
MARGIN = 1.15
"""Room around what fills the photos, or the sphere around a thing."""
_NEIGHBOURHOOD_DEG = 15.0


@dataclass(frozen=True, eq=False)
class PreviewPath:
    """Places to look from and at, world units: ``eyes`` and ``targets`` of a way that is ``closed`` or has two ends."""

    kind: Kind
    eyes: Float[ndarray, "m 3"]
    targets: Float[ndarray, "m 3"]
    up: Float[ndarray, 3]
    vertical_fov_deg: float
    sentence: str

    @property
    def closed(self) -> bool:
        """Whether its end is its beginning."""
        return self.kind == "orbit"

    def preview_cameras(self, count: int = 8, size: int = 512) -> list[Camera]:
        """``count`` cameras spread evenly: every 45 degrees of an orbit by default, from where the first photo was
        taken; of a way with two ends from one to the other."""
        return self._at(np.arange(count) / count if self.closed else np.linspace(0, 1, count), size)

    def turntable_cameras(self, count: int, size: int = 512) -> list[Camera]:
        """``count`` cameras of a film that can be looped: once around, or there and back, slow at the ends."""
        turns = np.arange(count) / count
        return self._at(turns if self.closed else (1 - np.cos(2 * np.pi * turns)) / 2, size)

    def poster_camera(self, size: int = 1024) -> Camera:
        """One camera for the model's face: where the first photo was taken, or the middle of a way with two ends."""
        return self._at(np.array([0.0 if self.closed else 0.5]), size)[0]

    def _at(self, shares: Float[ndarray, " n"], size: int) -> list[Camera]:
        known, up = np.linspace(0, 1, len(self.eyes)), self.up.tolist()
        eyes, targets = (
            np.stack([np.interp(shares, known, way[:, axis]) for axis in range(3)], axis=1)
            for way in (self.eyes, self.targets)
        )
        return [
            look_at(eye, target, up=up, vertical_fov_deg=self.vertical_fov_deg, width=size, height=size)
            for eye, target in zip(eyes.tolist(), targets.tolist(), strict=True)
        ]


def path_around(content: Mesh | Gaussians, up: Sequence[float]) -> PreviewPath:
    """An orbit that frames the whole of ``content``, for one whose photos are not known. Raises ``nothing_to_show``.

    Of Gaussians the outermost 1 % along each axis may be cut off.
    """
    places = content.vertices if isinstance(content, Mesh) else content.means
    places = places[np.isfinite(places).all(axis=1)].astype(np.float64)
    if len(places) == 0:
        raise NothingToShowError
    low, high = np.percentile(places, [0, 100] if isinstance(content, Mesh) else [1, 99], axis=0)
    radius = max(float(np.linalg.norm(high - low) / 2), 1e-6)
    distance = MARGIN * radius / np.sin(np.radians(FOV_DEG) / 2)
    return _orbit((low + high) / 2, np.array(up, np.float64), 0.0, ELEVATION_DEG, distance, FOV_DEG, "all around it")


def path_of(scene: Scene, up: Sequence[float]) -> PreviewPath:
    """The path that the scene's own cameras suggest. ``up``: unit vector in the world."""
    cameras = [view.camera for view in scene.views]
    if not cameras:
        raise NothingToShowError
    upright = np.array(up, np.float64)
    fov = float(np.clip(np.median([_fov_deg(camera) for camera in cameras]), NARROWEST_DEG, WIDEST_DEG))
    eyes = np.stack([camera.centre for camera in cameras])
    looks = np.stack([camera.camera_from_world[2, :3] for camera in cameras])
    middle = subject(scene)
    offsets = eyes - middle
    distances = np.linalg.norm(offsets, axis=1)
    towards = -(offsets * looks).sum(axis=1) > TOWARDS * distances
    if len(cameras) < 3 or towards.mean() < CONVERGING:
        return _walk(eyes, looks, float(np.median(distances)), upright, fov)

    azimuths, elevations = _angles(offsets[towards], upright)
    order = np.argsort(azimuths)
    gaps = np.diff(np.append(azimuths[order], azimuths[order[0]] + 360))
    if gaps.max() <= ALL_AROUND_DEG:
        start = float(_angles(offsets[:1], upright)[0][0])
        elevation = float(np.clip(np.median(elevations), LOWEST_DEG, HIGHEST_DEG))
        return _orbit(
            middle,
            upright,
            start,
            elevation,
            MARGIN * float(np.median(distances)),
            fov,
            "all around, as it was photographed",
        )
    begin = azimuths[order[(int(gaps.argmax()) + 1) % len(order)]]
    return _arc(middle, upright, (azimuths - begin) % 360, begin, elevations, distances[towards], fov)


def _orbit(
    middle: Float[ndarray, 3],
    up: Float[ndarray, 3],
    start_deg: float,
    elevation_deg: float,
    distance: float,
    fov: float,
    words: str,
) -> PreviewPath:
    azimuths = start_deg + np.linspace(0, 360, 721)
    eyes = middle + distance * _directions(azimuths, np.full(len(azimuths), elevation_deg), up)
    targets = np.repeat(middle[None], len(eyes), axis=0)
    return PreviewPath("orbit", eyes, targets, up, fov, f"Seen from {words}, {elevation_deg:.0f}° from above.")


def _arc(
    middle: Float[ndarray, 3],
    up: Float[ndarray, 3],
    along_deg: Float[ndarray, " n"],
    begin_deg: float,
    elevations: Float[ndarray, " n"],
    distances: Float[ndarray, " n"],
    fov: float,
) -> PreviewPath:
    """From one end of what the cameras covered to the other, as high and as far as the cameras near by."""
    low, high = np.quantile(along_deg, [EDGE, 1 - EDGE])
    places = np.linspace(low, high, 181)
    near = max(_NEIGHBOURHOOD_DEG, (high - low) / 6)
    weights = np.exp(-0.5 * ((places[:, None] - along_deg) / near) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    outwards = _directions(begin_deg + places, weights @ elevations, up)
    eyes = middle + np.exp(weights @ np.log(distances))[:, None] * outwards
    targets = np.repeat(middle[None], len(eyes), axis=0)
    sentence = f"Seen from the {high - low:.0f}° that the photos cover; nothing is known of the other side."
    return PreviewPath("arc", eyes, targets, up, fov, sentence)


def _walk(
    eyes: Float[ndarray, "n 3"], looks: Float[ndarray, "n 3"], reach: float, up: Float[ndarray, 3], fov: float
) -> PreviewPath:
    """Along the cameras in their order, as they looked; a little smoothed where there are many."""
    width = max(0.5, len(eyes) / 24)
    places = np.arange(len(eyes))
    weights = np.exp(-0.5 * ((places[:, None] - places) / width) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    eyes, looks = weights @ eyes, weights @ looks
    level = looks - (looks @ up)[:, None] * up
    # Where smoothing left no direction, or one along up, the way leads on.
    lost = np.linalg.norm(level, axis=1) < 0.1
    looks[lost] = np.cross(up, [1.0, 0.0, 0.0] if abs(up[0]) < 0.8 else [0.0, 1.0, 0.0])
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    targets = eyes + max(reach, 1e-6) * looks
    if len(eyes) == 1:
        eyes, targets = np.repeat(eyes, 2, axis=0), np.repeat(targets, 2, axis=0)
    return PreviewPath("walk", eyes, targets, up, fov, "Seen along the way that the photos were taken on.")


def _angles(offsets: Float[ndarray, "n 3"], up: Float[ndarray, 3]) -> tuple[ndarray, ndarray]:
    """Azimuth and elevation, degrees; the inverse of :func:`_directions`."""
    east, north = _level_axes(up)
    azimuths = np.degrees(np.arctan2(offsets @ north, offsets @ east))
    height = offsets @ up / np.maximum(np.linalg.norm(offsets, axis=1), 1e-12)
    return azimuths % 360, np.degrees(np.arcsin(np.clip(height, -1, 1)))


def _directions(
    azimuths: Float[ndarray, " n"], elevations: Float[ndarray, " n"], up: Float[ndarray, 3]
) -> Float[ndarray, "n 3"]:
    east, north = _level_axes(up)
    a, e = np.radians(azimuths)[:, None], np.radians(elevations)[:, None]
    return np.asarray(np.cos(e) * (np.cos(a) * east + np.sin(a) * north) + np.sin(e) * up)


def _level_axes(up: Float[ndarray, 3]) -> tuple[Float[ndarray, 3], Float[ndarray, 3]]:
    east = np.cross(up, [1.0, 0.0, 0.0] if abs(up[0]) < 0.8 else [0.0, 1.0, 0.0])
    east /= np.linalg.norm(east)
    return east, np.cross(up, east)


def _fov_deg(camera: Camera) -> float:
    """Of a square picture that shows about as much as the photo: the geometric mean of its two sides."""
    tangent = np.sqrt(camera.width / camera.fx * camera.height / camera.fy) / 2
    return float(np.degrees(2 * np.arctan(tangent)))
