"""From a solved rig to what the trainer reads: pictures before a plain background, depths, first points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray

from maquette.progress import Progress, silent
from maquette.recon.atomic import replacing
from maquette.recon.masks import write_mask
from maquette.recon.rig.points import DepthPicture, fuse
from maquette.recon.rig.reading import RigView
from maquette.recon.rig.rig import Rig, RigSide
from maquette.recon.rig.silhouettes import silhouette_of
from maquette.recon.scene import Scene, View

WHITE = (1.0, 1.0, 1.0)
BLACK = (0.0, 0.0, 0.0)
LONG_SIDE_PX = 640
"""Training pictures are no larger: of an object in the middle of a picture this shows what six views can tell."""
CONTINUED = 0.035
"""How far beyond the depth render's object its depth goes on where the picture's object does, picture widths."""


@dataclass(frozen=True, eq=False)
class RigScene:
    """All six views, every one to train on: there is no held-out view.

    ``scene`` shows the object before black, where the rest of the pipeline measures, ``over_white`` the same before
    white: a haze of the background's colour shows in one of the two (:mod:`maquette.recon.rig.training`).
    ``silhouettes`` are 8-bit grey pictures in the order of the views, 255 the object. They are no masks of the views:
    what is beside the object is known to be empty, so it counts. ``dropped``: share of points that other sides
    contradict.
    """

    scene: Scene
    over_white: Scene
    silhouettes: tuple[Path, ...]
    dropped: float

    @property
    def training(self) -> tuple[int, ...]:
        """All six."""
        return tuple(range(len(self.scene.views)))


def write_scene(
    views: Sequence[RigView], rig: Rig, folder: Path, *, long_side_px: int = LONG_SIDE_PX, progress: Progress = silent
) -> RigScene:
    """Write ``images/``, ``images_over_white/``, ``silhouettes/`` and ``depths/`` to ``folder``."""
    pictures = []
    for done, (view, side) in enumerate(zip(views, rig.sides, strict=True)):
        pictures.append(_picture(view, side, long_side_px))
        progress("silhouettes", (done + 1) / len(views))
    points, colors, dropped = fuse(pictures)
    black: list[View] = []
    white: list[View] = []
    silhouettes: list[Path] = []
    for view, picture in zip(views, pictures, strict=True):
        outline, depth = folder / "silhouettes" / f"{view.side}.png", folder / "depths" / f"{view.side}.npy"
        write_mask(picture.silhouette, outline)
        depth.parent.mkdir(parents=True, exist_ok=True)
        with replacing(depth) as out:
            np.save(out, picture.depth, allow_pickle=False)
        for background, name, written in ((BLACK, "images", black), (WHITE, "images_over_white", white)):
            image = folder / name / f"{view.side}.png"
            _write_png(before(background, picture.pixels, picture.silhouette), image)
            written.append(View(view.side, picture.camera, image, depth_path=depth))
        silhouettes.append(outline)
    return RigScene(
        Scene(tuple(black), points, colors), Scene(tuple(white), points, colors), tuple(silhouettes), dropped
    )


def before(
    background: tuple[float, float, float], pixels: UInt8[ndarray, "h w 3"], silhouette: UInt8[ndarray, "h w"]
) -> UInt8[ndarray, "h w 3"]:
    """The object of a picture before a plain colour (sRGB 0 to 1)."""
    share = silhouette[..., None].astype(np.float32) / np.float32(255)
    mixed = pixels * share + np.float32(255) * np.asarray(background, np.float32) * (1 - share)
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8)


def _picture(view: RigView, side: RigSide, long_side_px: int) -> DepthPicture:
    camera = side.camera.resized_to(long_side_px)
    size = (camera.width, camera.height)
    pixels = cv2.resize(side.lie.unmirrored(view.pixels), size, interpolation=cv2.INTER_AREA)
    silhouette = cv2.resize(side.lie.unmirrored(silhouette_of(view)), size, interpolation=cv2.INTER_AREA)
    depth = side.depth(side.lie.unmirrored(view.values), side.lie.unmirrored(view.known))
    depth = cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)
    return DepthPicture(camera, _continued(depth, silhouette), pixels, silhouette)


def _continued(depth: Float32[ndarray, "h w"], silhouette: UInt8[ndarray, "h w"]) -> Float32[ndarray, "h w"]:
    """Pictures and depth renders do not end at the same pixel: the nearest depth is the best guess between."""
    known = depth > 0
    away, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    lookup = np.zeros(int(labels.max()) + 1, np.float32)
    lookup[labels[known]] = depth[known]
    wanted = (silhouette >= 128) & (away <= CONTINUED * depth.shape[1])
    continued: Float32[ndarray, "h w"] = np.where(known | wanted, lookup[labels], np.float32(0))
    return continued


def _write_png(pixels: UInt8[ndarray, "h w 3"], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    done, png = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise RuntimeError(f"OpenCV could not encode {target.name}")
    with replacing(target) as file:
        file.write(png.tobytes())
