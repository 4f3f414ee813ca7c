"""A little dog of ellipsoids with no two sides alike, and the six pictures a rig takes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy import ndarray

from maquette.recon.rig.reading import NamedFile
from maquette.recon.rig.sides import SIDES, Side, rotation_of

# Centre and half axes, in camera distances; x to the right of the front picture, y down, z away from its camera.
PARTS = (
    ((0.0, 0.0, 0.02), (0.12, 0.11, 0.22)),  # body
    ((0.0, -0.11, -0.2), (0.075, 0.075, 0.08)),  # head
    ((0.01, -0.08, -0.29), (0.035, 0.03, 0.05)),  # nose
    ((0.06, -0.15, -0.18), (0.03, 0.06, 0.03)),  # one ear stands
    ((-0.08, -0.11, -0.18), (0.035, 0.03, 0.03)),  # the other hangs
    ((0.06, 0.11, -0.12), (0.04, 0.09, 0.045)),
    ((-0.06, 0.11, -0.14), (0.04, 0.09, 0.045)),
    ((0.07, 0.11, 0.15), (0.04, 0.09, 0.045)),
    ((-0.08, 0.1, 0.17), (0.04, 0.08, 0.05)),
    ((0.03, -0.1, 0.2), (0.03, 0.09, 0.03)),  # tail
)


@dataclass(frozen=True)
class Making:
    """How the pictures are made; the defaults are those of the real capture: 60 degrees, white is far.

    ``shown``: how many of the parts there are.
    """

    field_of_view_deg: float = 60.0
    size: int = 240
    quarter_turns: dict[Side, int] = field(default_factory=dict)
    mirrored: tuple[Side, ...] = ()
    sides_swapped: bool = False
    object_scales: dict[Side, float] = field(default_factory=dict)
    white_near: bool = False
    shown: int = len(PARTS)

    @property
    def focal(self) -> float:
        """In picture widths."""
        return float(0.5 / np.tan(np.radians(self.field_of_view_deg) / 2))

    @property
    def object_size(self) -> float:
        """What fills the picture well, whatever the lens."""
        return 1.9 * float(np.tan(np.radians(self.field_of_view_deg) / 2))


def rotation(making: Making, side: Side) -> ndarray:
    """The truth that the solve should find."""
    return rotation_of(side, making.quarter_turns.get(side, 0), sides_swapped=making.sides_swapped)


def photograph(making: Making, side: Side) -> tuple[ndarray, ndarray]:
    """sRGB before white, and depth along z (0: nothing), not mirrored."""
    n = making.size
    place = (np.arange(n) + 0.5) / n - 0.5
    u, v = np.meshgrid(place, place)
    rays = np.stack([u / making.focal, v / making.focal, np.ones_like(u)], axis=-1).reshape(-1, 3) @ rotation(
        making, side
    )
    # A larger object is one seen from nearer.
    eye = -rotation(making, side)[2] / making.object_scales.get(side, 1.0)
    nearest = np.full(len(rays), np.inf)
    for centre, axes in making.object_size * np.array(PARTS[: making.shown]):
        d, o = rays / axes, (eye - centre) / axes
        a, b, c = (d * d).sum(1), d @ o, float(o @ o) - 1.0
        root = b * b - a * c
        hit = np.where(root > 0, (-b - np.sqrt(np.maximum(root, 0))) / a, np.inf)
        nearest = np.minimum(nearest, hit)
    on = np.isfinite(nearest)
    where = eye + rays * np.where(on, nearest, 0.0)[:, None]
    colours = 0.45 + 0.35 * np.sin(where * [10.0, 13.0, 8.0] + [0.5, 1.0, 2.0]) + 0.1 * np.sin(50 * where[:, [1, 2, 0]])
    pixels = np.where(on[:, None], np.clip(colours, 0, 0.9), 1.0)
    depth = np.where(on, nearest, 0.0)
    return np.rint(pixels.reshape(n, n, 3) * 255).astype(np.uint8), depth.reshape(n, n)


def write(making: Making, folder: Path) -> tuple[list[NamedFile], list[NamedFile]]:
    """The twelve files, views and depths."""
    files: dict[str, list[NamedFile]] = {"views": [], "depths": []}
    for side in SIDES:
        pixels, depth = photograph(making, side)
        on = depth > 0
        if making.white_near:
            near, far = depth[on].min(), depth[on].max()
            values = np.where(on, 40 + 215 * (far - depth) / (far - near), 0)
        else:
            values = np.where(on, 255 * depth / depth.max(), 0)
        pictures = {"views": pixels[..., ::-1], "depths": np.rint(values).astype(np.uint8)}
        for kind, picture in pictures.items():
            turned = picture[:, ::-1] if side in making.mirrored else picture
            path = folder / kind / f"{side}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), np.ascontiguousarray(turned))
            files[kind].append((path.name, path))
    return files["views"], files["depths"]
