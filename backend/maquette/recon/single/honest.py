"""From where a relief can be looked at before too much of the view would have to be made up."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from maquette.recon.cameras import Camera
from maquette.recon.single.rings import ring_camera
from maquette.recon.single.surface import Relief
from maquette.recon.single.sweep import look

MOST_UNKNOWN = 0.15
"""Share of a view, of what is or may be in it, that may be unknown."""
MOST_DEG = 30.0
MADE_UP_DEG = 10.0
"""The most where the depth itself was made up: farther round, a balloon would pass for a chair."""
STEP_DEG = 2.5
APART_DEG = 5.0
"""Views nearer to each other show nothing new."""
LEAST_DEG = 1.0
"""So far the camera always may: a training needs two views, and their unknown parts are masked."""
_LOOKING_PX = 160
_HALF = 0.5**0.5
_WAYS = (
    (1.0, 0.0),
    (-1.0, 0.0),
    (0.0, 1.0),
    (0.0, -1.0),
    (_HALF, _HALF),
    (-_HALF, -_HALF),
    (-_HALF, _HALF),
    (_HALF, -_HALF),
)


@dataclass(frozen=True)
class HonestRange:
    """Degrees from the input view each way."""

    left: float
    right: float
    up: float
    down: float

    def as_dict(self) -> dict[str, float]:
        """For a record."""
        return asdict(self)


def honest_range(relief: Relief, most_deg: float = MOST_DEG) -> HonestRange:
    """How far the camera can go around the relief's middle each way while at most :data:`MOST_UNKNOWN` is unknown."""
    small = relief.resized_to(_LOOKING_PX)

    def reach(azimuth: float, elevation: float) -> float:
        reached = LEAST_DEG
        for angle in np.arange(STEP_DEG, most_deg + 1e-6, STEP_DEG):
            if not _is_honest(small, azimuth * angle, elevation * angle):
                break
            reached = float(angle)
        return reached

    return HonestRange(left=reach(-1.0, 0.0), right=reach(1.0, 0.0), up=reach(0.0, 1.0), down=reach(0.0, -1.0))


def honest_viewpoints(relief: Relief, within: HonestRange, most: int) -> list[tuple[float, float]]:
    """Azimuth and elevation, degrees, of at most ``most`` views other than the input's, none nearer than they should.

    They lie on rings of the ellipse that the range spans; the outermost, which show most, come first. What turns out
    to show too little of what is known (two ways at once) is left out.
    """
    small = relief.resized_to(_LOOKING_PX)
    widest = max(within.left, within.right, within.up, within.down)
    rings = max(1, int(widest / APART_DEG))
    found: list[tuple[float, float]] = [(0.0, 0.0)]
    for ring in range(rings, 0, -1):
        share = ring / rings
        for x, y in _WAYS:
            azimuth = round(share * x * (within.right if x > 0 else within.left), 2)
            elevation = round(share * y * (within.up if y > 0 else within.down), 2)
            apart = min(np.hypot(azimuth - a, elevation - e) for a, e in found)
            if apart < min(APART_DEG, 0.99 * LEAST_DEG if rings == 1 else APART_DEG):
                continue
            if np.hypot(azimuth, elevation) <= LEAST_DEG or _is_honest(small, azimuth, elevation):
                found.append((azimuth, elevation))
    return found[1 : most + 1]


def _is_honest(small: Relief, azimuth: float, elevation: float) -> bool:
    return look(small, camera_at(small, azimuth, elevation)).unknown_share <= MOST_UNKNOWN


def camera_at(relief: Relief, azimuth_deg: float, elevation_deg: float) -> Camera:
    """The relief's own camera carried around its middle."""
    own = relief.camera
    fov = 2 * float(np.degrees(np.arctan(own.height / 2 / own.fy)))
    return ring_camera(azimuth_deg, elevation_deg, relief.distance, fov, own.width, own.height)
