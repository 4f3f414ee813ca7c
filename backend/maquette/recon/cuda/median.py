"""Median depth from gsplat's tile lists, which gsplat itself does not give in 3DGS mode.

A pass of our own in torch, all tiles side by side: slow beside a kernel (one launch of each operation for every splat
of the longest list), and ended where every pixel has lost half of its light, which is early.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from maquette.recon.cuda.rasterizing import TILE
from maquette.recon.cuda.views import MIN_ALPHA

MAX_ALPHA = 0.999
LOOK_EVERY = 32
"""Splats between two looks at which tiles still need any: each look waits for the device."""


def median_depth(
    screen_means: Float[Tensor, "v 2"],
    conics: Float[Tensor, "v 3"],
    opacities: Float[Tensor, " v"],
    depths: Float[Tensor, " v"],
    tile_starts: Int[Tensor, "rows columns"],
    tile_splats: Int[Tensor, " pairs"],
    width: int,
    height: int,
) -> Float[Tensor, "h w"]:
    """Distance along z at which half of the light is taken, world units; 0 where less than half ever is.

    ``conics`` are the inverse screen covariances (xx, xy, yy); the splats of tile i, front to back, are
    ``tile_splats[tile_starts[i]:tile_starts[i + 1]]``, tiles row by row.
    """
    device = screen_means.device
    rows, columns = tile_starts.shape
    starts = tile_starts.flatten().long()
    ends = torch.cat([starts[1:], starts.new_tensor([len(tile_splats)])])
    tile = torch.arange(rows * columns, device=device)
    pixel = torch.arange(TILE * TILE, device=device)
    x = ((tile % columns) * TILE)[:, None] + (pixel % TILE) + 0.5
    y = ((tile // columns) * TILE)[:, None] + (pixel // TILE) + 0.5
    # Pixels outside the image need nothing: as if half of their light were gone.
    left = ((x < width) & (y < height)).to(depths.dtype)
    median = torch.zeros_like(left)
    active, step = tile, 0
    while True:
        active = active[(starts[active] + step < ends[active]) & (left[active] > 0.5).any(dim=1)]
        if len(active) == 0:
            break
        x_here, y_here, left_here, median_here = x[active], y[active], left[active], median[active]
        for k in range(step, step + LOOK_EVERY):
            at = starts[active] + k
            splat = tile_splats[at.clamp(max=len(tile_splats) - 1)].long()
            dx, dy = x_here - screen_means[splat, 0, None], y_here - screen_means[splat, 1, None]
            xx, xy, yy = conics[splat].T[..., None]
            raw = opacities[splat, None] * torch.exp(-0.5 * (xx * dx * dx + yy * dy * dy) - xy * dx * dy)
            taken = (raw >= MIN_ALPHA) & (at < ends[active])[:, None]
            after = left_here * (1 - torch.where(taken, raw.clamp(max=MAX_ALPHA), 0.0))
            median_here = torch.where(
                (left_here > 0.5) & (after <= 0.5), depths[splat, None].expand_as(after), median_here
            )
            left_here = after
        left[active], median[active] = left_here, median_here
        step += LOOK_EVERY
    whole = median.reshape(rows, columns, TILE, TILE).permute(0, 2, 1, 3).reshape(rows * TILE, columns * TILE)
    return whole[:height, :width]
