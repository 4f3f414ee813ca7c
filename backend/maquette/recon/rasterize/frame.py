"""One rendered frame and the gradients it gives back: the order of the kernels, and the memory they share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize.backends import FAR, NEAR
from maquette.recon.rasterize.binning import (
    BLOCK,
    CHUNKS,
    count_tiles,
    depth_order,
    fill_tiles,
    list_pairs,
    running_sums,
)
from maquette.recon.rasterize.blending import SLOT, blend_depth_tiles, blend_tiles, unblend_tiles
from maquette.recon.rasterize.ellipses import TILE
from maquette.recon.rasterize.projection import pack_camera, project
from maquette.recon.rasterize.projection_backward import project_backward
from maquette.recon.rasterize.rows import PACK
from maquette.recon.rasterize.scratch import Scratch

BLACK = (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Frame:
    """A rendered image and what its backward pass needs.

    ``image`` and ``transmittance`` are what was asked for: colour planes (sRGB, 0 to 1, unclipped, over
    the background) and the share of background in each pixel. ``indices`` are the Gaussians whose
    ellipse touches the image, increasing.
    """

    camera: Camera
    sh_degree: int
    image: Float32[ndarray, "3 h w"]
    transmittance: Float32[ndarray, "h w"]
    indices: Int64[ndarray, " v"]
    packed_camera: Float32[ndarray, " 24"]
    packed: Float32[ndarray, "n 16"]
    tile_starts: ndarray
    slot_starts: ndarray
    tile_pairs: ndarray
    used: ndarray


@dataclass(frozen=True, eq=False)
class ScreenGradients:
    """What density control looks at, of the visible Gaussians: row j belongs to Gaussian ``indices[j]``.

    ``screen`` is the norm of the gradient of the screen mean, in units of half the image (Kerbl et al. 2023,
    section 5.2); it is -1 for Gaussians that no pixel took, whose gradients are all zero.
    """

    indices: Int64[ndarray, " v"]
    screen: Float32[ndarray, " v"]


@dataclass(frozen=True, eq=False)
class Gradients(ScreenGradients):
    """Loss gradients of the visible Gaussians."""

    means: Float32[ndarray, "v 3"]
    log_scales: Float32[ndarray, "v 3"]
    quaternions: Float32[ndarray, "v 4"]
    opacity_logits: Float32[ndarray, " v"]
    sh: Float32[ndarray, "v k 3"]


def forward(
    gaussians: Gaussians,
    camera: Camera,
    *,
    background: tuple[float, float, float] = BLACK,
    sh_degree: int | None = None,
    near: float = NEAR,
    far: float = FAR,
    scratch: Scratch | None = None,
) -> Frame:
    """Render ``gaussians`` and keep what :func:`backward` needs.

    ``background`` is sRGB 0 to 1; ``sh_degree`` limits the harmonics used (none: all that are stored); ``near`` and
    ``far`` in world units along z; with ``scratch`` the frame lives until the next one made with it (Kerbl et al.
    2023, sections 4 to 6).
    """
    scratch = scratch or Scratch()
    degree = gaussians.sh_degree if sh_degree is None else min(sh_degree, gaussians.sh_degree)
    n, width, height = len(gaussians), camera.width, camera.height
    packed_camera = pack_camera(camera, near, far)
    packed = scratch.empty("packed", (n, PACK), np.float32)
    touched = scratch.empty("touched", (n,), np.int32)
    block_counts = np.empty(((n + BLOCK - 1) // BLOCK, 2), np.int64)
    project(
        gaussians.means,
        gaussians.log_scales,
        gaussians.quaternions,
        gaussians.opacity_logits,
        gaussians.sh,
        packed_camera,
        camera.centre.astype(np.float32),
        degree,
        packed,
        touched,
        block_counts,
    )
    visible, pairs = (int(total) for total in block_counts.sum(axis=0))
    indices = scratch.empty("indices", (visible,), np.int64)
    depths = scratch.empty("depths", (visible,), np.float32)
    slot_starts = scratch.empty("slot_starts", (visible + 1,), np.uint32)
    slot_starts[visible] = pairs
    slot_pairs = scratch.empty("slot_pairs", (pairs,), np.uint32)
    block_starts = np.cumsum(block_counts, axis=0) - block_counts
    tiles_x, tiles_y = (width + TILE - 1) // TILE, (height + TILE - 1) // TILE
    list_pairs(packed, touched, block_starts, width, height, tiles_x, indices, depths, slot_starts, slot_pairs)
    order = depth_order(depths)

    histogram = np.zeros((CHUNKS, tiles_x * tiles_y), np.int32)
    tile_starts = np.empty(tiles_x * tiles_y + 1, np.int64)
    count_tiles(order, slot_starts, slot_pairs, histogram)
    running_sums(histogram, tile_starts)
    tile_pairs = scratch.empty("tile_pairs", (pairs,), np.uint64)
    fill_tiles(order, indices, slot_starts, slot_pairs, histogram, tile_pairs)
    image = scratch.empty("image", (3, height, width), np.float32)
    transmittance = scratch.empty("transmittance", (height, width), np.float32)
    used = np.empty(tiles_x * tiles_y, np.int64)
    blend_tiles(
        packed,
        tile_starts,
        tile_pairs,
        np.asarray(background, np.float32),
        width,
        height,
        image,
        transmittance,
        used,
    )
    return Frame(
        camera=camera,
        sh_degree=degree,
        image=image,
        transmittance=transmittance,
        indices=indices,
        packed_camera=packed_camera,
        packed=packed,
        tile_starts=tile_starts,
        slot_starts=slot_starts,
        tile_pairs=tile_pairs,
        used=used,
    )


def depths(frame: Frame) -> tuple[Float32[ndarray, "h w"], Float32[ndarray, "h w"]]:
    """Expected and median depth of a frame, world units along z."""
    expected, median = np.empty_like(frame.transmittance), np.empty_like(frame.transmittance)
    blend_depth_tiles(
        frame.packed,
        frame.tile_starts,
        frame.tile_pairs,
        frame.used,
        frame.camera.width,
        frame.camera.height,
        expected,
        median,
    )
    return expected, median


def unblended(
    frame: Frame,
    image_gradient: Float32[ndarray, "3 h w"],
    depth: Float32[ndarray, "h w"] | None,
    depth_gradient: Float32[ndarray, "h w"] | None,
    scratch: Scratch,
) -> Float32[ndarray, "p s"]:
    """The slots of a frame's pairs, filled: the first half of :func:`backward`."""
    slots = scratch.empty("slots", (len(frame.tile_pairs), SLOT if depth_gradient is None else SLOT + 1))
    unblend_tiles(
        frame.packed,
        frame.tile_starts,
        frame.tile_pairs,
        frame.used,
        frame.camera.width,
        frame.camera.height,
        frame.image,
        image_gradient,
        slots,
        frame.transmittance,
        depth,
        depth_gradient,
    )
    return slots


def backward(
    frame: Frame,
    gaussians: Gaussians,
    image_gradient: Float32[ndarray, "3 h w"],
    *,
    depth: Float32[ndarray, "h w"] | None = None,
    depth_gradient: Float32[ndarray, "h w"] | None = None,
    scratch: Scratch | None = None,
) -> Gradients:
    """Gradients of a loss whose gradient with respect to ``frame.image`` is ``image_gradient``.

    Where the loss looks at the expected depth too, give that ``depth`` (of :func:`depths`) and the loss's
    ``depth_gradient``; both or neither. ``gaussians`` are those the frame was rendered from, unchanged; with
    ``scratch`` the gradients live until the next ones made with it.
    """
    scratch = scratch or Scratch()
    slots = unblended(frame, image_gradient, depth, depth_gradient, scratch)
    visible = len(frame.indices)
    gradients = Gradients(
        indices=frame.indices,
        means=scratch.empty("d_means", (visible, 3)),
        log_scales=scratch.empty("d_log_scales", (visible, 3)),
        quaternions=scratch.empty("d_quaternions", (visible, 4)),
        opacity_logits=scratch.empty("d_opacity_logits", (visible,)),
        sh=scratch.empty("d_sh", (visible, gaussians.sh.shape[1], 3)),
        screen=scratch.empty("d_screen", (visible,)),
    )
    project_backward(
        gaussians.means,
        gaussians.log_scales,
        gaussians.quaternions,
        gaussians.opacity_logits,
        gaussians.sh,
        frame.packed_camera,
        frame.camera.centre.astype(np.float32),
        frame.sh_degree,
        frame.packed,
        frame.indices,
        frame.slot_starts,
        slots,
        gradients.means,
        gradients.log_scales,
        gradients.quaternions,
        gradients.opacity_logits,
        gradients.sh,
        gradients.screen,
    )
    return gradients
