"""The backend ``cpu``: numba kernels on all cores, float32, the same bits on any number of threads."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from jaxtyping import Float32
from numba import prange
from numpy import ndarray

from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize.blending import SLOT, unblend_tiles
from maquette.recon.rasterize.compiled import parallel_kernel
from maquette.recon.rasterize.frame import Frame, depths, forward
from maquette.recon.rasterize.rendering import Output, Rendering


def rasterize(
    gaussians: Gaussians,
    camera: Camera,
    *,
    background: tuple[float, float, float],
    sh_degree: int,
    near: float,
    far: float,
    outputs: Collection[Output],
) -> Rendering:
    """One forward pass, and one more over the tiles for the depths and for the contributions where asked for."""
    frame = forward(gaussians, camera, background=background, sh_degree=sh_degree, near=near, far=far)
    found: dict[Output, ndarray] = {
        "image": np.ascontiguousarray(frame.image.transpose(1, 2, 0)),
        "alpha": np.float32(1.0) - frame.transmittance,
    }
    if "depth" in outputs or "median_depth" in outputs:
        found["depth"], found["median_depth"] = depths(frame)
    if "contribution" in outputs or "visible" in outputs:
        found["contribution"] = contributions(frame)
        found["visible"] = found["contribution"] > 0
    return Rendering({name: found[name] for name in outputs})


def contributions(frame: Frame) -> Float32[ndarray, " n"]:
    """Sum over the pixels of each Gaussian's blending weight.

    Read off the backward pass: it is the gradient of the sum of a colour plane with respect to the Gaussian's colour.
    """
    gradient = np.zeros_like(frame.image)
    gradient[0] = 1.0
    slots = np.empty((len(frame.tile_pairs), SLOT), np.float32)
    unblend_tiles(
        frame.packed,
        frame.tile_starts,
        frame.tile_pairs,
        frame.used,
        frame.camera.width,
        frame.camera.height,
        frame.image,
        gradient,
        slots,
        frame.transmittance,
        None,
        None,
    )
    totals = np.zeros(len(frame.packed), np.float32)
    sum_weights(frame.indices, frame.slot_starts, slots, totals)
    return totals


@parallel_kernel
def sum_weights(indices: ndarray, slot_starts: ndarray, slots: ndarray, totals: ndarray) -> None:
    """Sum the first number of each Gaussian's slots."""
    for item in prange(indices.shape[0]):
        total = np.float32(0.0)
        for slot in range(slot_starts[item], slot_starts[item + 1]):
            total += slots[slot, 0]
        totals[indices[item]] = total
