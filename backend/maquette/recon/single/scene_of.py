"""Made views written down as a scene that can be trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8
from numpy import ndarray

from maquette.recon.atomic import replacing
from maquette.recon.cameras import Camera
from maquette.recon.masks import write_mask
from maquette.recon.scene import Scene, View


@dataclass(frozen=True, eq=False)
class MadeView:
    """One view to write: ``known`` where its pixels mean something (None: everywhere), ``depth`` along z, 0 unknown."""

    name: str
    camera: Camera
    pixels: UInt8[ndarray, "h w 3"]
    azimuth_deg: float
    elevation_deg: float
    known: Bool[ndarray, "h w"] | None = None
    depth: Float32[ndarray, "h w"] | None = None


def view_name(index: int, azimuth_deg: float, elevation_deg: float) -> str:
    """Sorts by number and says from where it looks."""
    return f"{index:02d}_az{round(azimuth_deg) % 360:03d}_el{round(elevation_deg):+03d}"


def write_scene(
    views: Sequence[MadeView], points: Float[ndarray, "n 3"], colors: UInt8[ndarray, "n 3"], folder: Path
) -> Scene:
    """Write the views' pictures, masks and depths into ``folder``; the scene has them in the order of their names."""
    found = []
    for view in sorted(views, key=lambda view: view.name):
        picture = folder / "images" / f"{view.name}.png"
        _write_picture(view.pixels, picture)
        mask, depth = None, None
        if view.known is not None and not view.known.all():
            mask = folder / "masks" / f"{view.name}.png"
            write_mask(view.known.astype(np.uint8) * np.uint8(255), mask)
        if view.depth is not None and (view.depth > 0).any():
            depth = folder / "depths" / f"{view.name}.npy"
            depth.parent.mkdir(parents=True, exist_ok=True)
            with replacing(depth) as file:
                np.save(file, view.depth)
        found.append(View(picture.name, view.camera, picture, mask, depth))
    return Scene(tuple(found), points, colors)


def _write_picture(pixels: UInt8[ndarray, "h w 3"], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    done, png = cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]))
    if not done:
        raise RuntimeError(f"OpenCV could not encode {target.name}")
    with replacing(target) as file:
        file.write(png.tobytes())
