"""What each Gaussian contributes to a frame: blending weights summed over pixels that may count differently."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from numba import prange
from numpy import ndarray

from maquette.recon.rasterize.blending import SLOT, unblend_tiles
from maquette.recon.rasterize.compiled import parallel_kernel
from maquette.recon.rasterize.frame import Frame


def contribution(frame: Frame, weights: Float32[ndarray, "h w"]) -> Float32[ndarray, " n"]:
    """Per Gaussian, the sum over the pixels of alpha T w: ``weights`` of 1 give the pixels it covers, an error image
    the share of that error that lies where it is seen; 0 for Gaussians that no pixel took.

    Read off the backward pass: it is the gradient of the weighted sum of a colour plane with respect to the Gaussian's
    colour.
    """
    gradient = np.zeros_like(frame.image)
    gradient[0] = weights
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
