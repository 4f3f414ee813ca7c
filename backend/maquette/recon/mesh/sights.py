"""What the views see of a model's surface: depth, colour, and how far each pixel is to be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Int, UInt8
from numpy import ndarray

from maquette.progress import Progress
from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.masks import read_mask, shrunk_weights
from maquette.recon.mesh.between import cameras_between
from maquette.recon.mesh.settings import MeshSettings
from maquette.recon.mesh.surface_depth import surface_depth, whitenings
from maquette.recon.rasterize import forward
from maquette.recon.scene import Scene, View

STEEPEST = 40.0
"""Depth from one pixel to the next, in pixel widths, from which a surface is seen too flatly: 88.6 degrees."""
BEND = 12.0
"""Second difference of depth, in pixel widths, that makes an edge. Taken of inverse depth, which has none on a plane,
however slanted."""
LOOSE, LOOSEST = 0.02, 0.3
"""Spread of a pixel's depth, in depths, with which it counts half; and from which it is no surface, but lies on an edge
or in a cloud."""
EDGE_PX = 1
"""So near to an edge, in pixels, depths are a mixture."""
MASK_SHARE = 0.5
"""Of a mask's largest weight: pixels below do not show the subject. Where photos were cut out by us their background
has a fifth."""


@dataclass(frozen=True, eq=False)
class Sight:
    """One view of the model.

    ``depth`` along z in world units, 0 where no surface can be trusted; ``weight`` 0 to 1, the cosine between ray and
    surface, less where the model is a cloud; ``color`` sRGB.
    """

    camera: Camera
    depth: Float32[ndarray, "h w"]
    weight: Float32[ndarray, "h w"]
    color: UInt8[ndarray, "h w 3"]

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.depth.nbytes + self.weight.nbytes + self.color.nbytes


def take_sights(gaussians: Gaussians, scene: Scene, settings: MeshSettings, progress: Progress) -> list[Sight]:
    """Render the chosen views, and some between if they are few. Raises ``bad_mask``. Reports the stage ``looking``."""
    whitened = whitenings(gaussians)
    chosen = spread_out([view.camera for view in scene.views], settings.most_views)
    taken: list[tuple[Camera, View | None]] = [(scene.views[i].camera, scene.views[i]) for i in chosen]
    taken += [(camera, None) for camera in cameras_between(scene.views)]
    sights = []
    for done, (camera, view) in enumerate(taken):
        progress("looking", done / len(taken), f"view {done + 1} of {len(taken)}")
        sights.append(_take(gaussians, whitened, camera, view, settings))
    progress("looking", 1.0, f"{len(sights)} views")
    return sights


def spread_out(cameras: Sequence[Camera], most: int) -> Int[ndarray, " n"]:
    """Indices of at most ``most`` cameras, each the one farthest from those before it, in increasing order."""
    if len(cameras) <= most:
        return np.arange(len(cameras))
    centres = np.stack([camera.centre for camera in cameras])
    chosen = [0]
    distance = np.linalg.norm(centres - centres[0], axis=1)
    while len(chosen) < most:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.linalg.norm(centres - centres[chosen[-1]], axis=1))
    return np.sort(np.array(chosen))


def _take(
    gaussians: Gaussians, whitened: Float32[ndarray, "n 10"], camera: Camera, view: View | None, settings: MeshSettings
) -> Sight:
    camera = camera.resized_to(settings.long_side_px)
    frame = forward(gaussians, camera)
    depth, spread = surface_depth(frame, gaussians, whitened)
    depth[1 - frame.transmittance < settings.least_alpha] = 0
    depth[spread > LOOSEST * depth] = 0
    firmness = 1 / (1 + (spread / np.maximum(LOOSE * depth, 1e-12)) ** 2)
    if view is not None and view.mask_path is not None:
        mask = read_mask(view.mask_path, view.name, view.camera.width, view.camera.height)
        mask = shrunk_weights(mask, camera.width, camera.height)
        depth[mask < MASK_SHARE * mask.max()] = 0
    # Over black: what shines through would darken the surface
    opaque = np.maximum(1 - frame.transmittance, np.float32(settings.least_alpha))
    color = np.clip(np.rint(frame.image.transpose(1, 2, 0) / opaque[..., None] * 255), 0, 255).astype(np.uint8)
    return sight_of(camera, depth, color, firmness)


def sight_of(
    camera: Camera,
    depth: Float32[ndarray, "h w"],
    color: UInt8[ndarray, "h w 3"],
    firmness: Float32[ndarray, "h w"],
) -> Sight:
    """A sight of a depth map (0: nothing): its edges taken out, weighted by the surface's slant and ``firmness``."""
    known = depth > 0
    pixel = np.where(known, depth, np.float32(1.0))
    across, down = _slopes(depth, axis=1), _slopes(depth, axis=0)
    steep = np.maximum(np.abs(across) * camera.fx, np.abs(down) * camera.fy) > STEEPEST * pixel
    bends = np.maximum(_bends(1 / pixel, axis=1) * camera.fx, _bends(1 / pixel, axis=0) * camera.fy)
    bent = bends > BEND / pixel
    size = 2 * EDGE_PX + 1
    bad = (steep | bent | ~known).astype(np.uint8)
    near_bad = cv2.dilate(bad, np.ones((size, size), np.uint8), borderValue=0) > 0
    weight = np.where(near_bad, 0, _cosines(camera, pixel, across, down) * firmness).astype(np.float32)
    return Sight(camera, np.where(near_bad, 0, depth).astype(np.float32), weight, color)


def _slopes(depth: Float32[ndarray, "h w"], axis: int) -> Float32[ndarray, "h w"]:
    """Half the step from the neighbour before to the one behind; at the picture's rim the step to the only one."""
    return np.asarray(np.gradient(depth, axis=axis), np.float32)


def _bends(values: Float32[ndarray, "h w"], axis: int) -> Float32[ndarray, "h w"]:
    """Size of the second difference, 0 at the picture's rim."""
    pad = [(0, 0), (0, 0)]
    pad[axis] = (1, 1)
    return np.pad(np.abs(np.diff(values, n=2, axis=axis)), pad)


def _cosines(
    camera: Camera, depth: Float32[ndarray, "h w"], across: Float32[ndarray, "h w"], down: Float32[ndarray, "h w"]
) -> Float32[ndarray, "h w"]:
    """Cosine of the angle between each pixel's ray and its surface's normal, from the slopes of depth."""
    x = (np.arange(camera.width) + 0.5 - camera.cx) / camera.fx
    y = ((np.arange(camera.height) + 0.5 - camera.cy) / camera.fy)[:, None]
    # The normal of the surface z(x, y) (x, y, 1) is z^2 (-p, -q, 1 + x p + y q), its product with the ray z^2
    p, q = across * camera.fx / depth, down * camera.fy / depth
    length = np.sqrt(p * p + q * q + (1 + x * p + y * q) ** 2) * np.sqrt(x * x + y * y + 1)
    return np.asarray(1 / length, np.float32)
