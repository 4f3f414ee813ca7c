"""Space in blocks of 16³ voxels, of which only those near a surface are kept (Niessner et al. 2013, voxel hashing).

Which block stands where is looked up in a small grid of whole blocks instead of a hash: the region is bounded, so one
number for 4096 voxels costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int32
from numpy import ndarray

from maquette.recon.mesh.errors import NoSurfaceError
from maquette.recon.mesh.region import Region
from maquette.recon.mesh.sights import Sight
from maquette.recon.rasterize.compiled import Scalar, kernel

SIDE = 16
"""Voxels along a block."""
MOST_ACROSS = 160
"""Blocks along the longest side of the region at most: the grid of whole blocks stays below 16 MB."""
FINEST = 0.75
"""Smallest voxel, in the width of a pixel on the surface: below it there is nothing to be seen."""
NOISE = 3.0
"""Least truncation distance, in the median disagreement of two views: less would not average them."""
LEAST_HITS = 2
"""Pixels that must fall near a block for it to be kept."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Truncated signed distances on the lattice ``origin + voxel * index``, world units.

    ``slots`` (whole blocks) tells which row of the others a block has, -1: none. ``distances`` are in truncation
    distances, positive in front of surfaces; ``weights`` 0 where nothing was seen.
    """

    origin: Float[ndarray, " 3"]
    voxel: float
    truncation: float
    slots: Int32[ndarray, "x y z"]
    places: Int32[ndarray, "n 3"]
    distances: Float32[ndarray, "n 16 16 16"]
    weights: Float32[ndarray, "n 16 16 16"]

    def __len__(self) -> int:
        return len(self.places)

    @property
    def nbytes(self) -> int:
        """Memory they take."""
        return self.slots.nbytes + self.places.nbytes + self.distances.nbytes + self.weights.nbytes


def allot(sights: Sequence[Sight], region: Region, most: int, truncation_voxels: float) -> Blocks:
    """Blocks, at most ``most``, wherever a surface that some view shows in the region is within the truncation.

    Voxels are as small as their number allows, as pixels resolve, and as the views agree. Raises ``no_surface``.
    """
    extent = float((region.high - region.low).max())
    finest = max(FINEST * region.pixel, NOISE * region.disagreement / truncation_voxels, extent / (MOST_ACROSS * SIDE))
    voxel = finest
    while True:
        hits = _hits(sights, region, voxel, truncation_voxels)
        count = int((hits >= LEAST_HITS).sum())
        if count <= most:
            break
        # A surface's blocks grow with the square of the resolution; a little more ends the search
        voxel *= max(1.02, (count / most) ** 0.5)
    if count == 0:
        raise NoSurfaceError("no view shows anything in the middle of the scene")
    places = np.argwhere(hits >= LEAST_HITS).astype(np.int32)
    slots = np.full(hits.shape, -1, np.int32)
    slots[tuple(places.T)] = np.arange(count)
    shape = (count, SIDE, SIDE, SIDE)
    return Blocks(
        origin=region.low.copy(),
        voxel=voxel,
        truncation=voxel * truncation_voxels,
        slots=slots,
        places=places,
        distances=np.zeros(shape, np.float32),
        weights=np.zeros(shape, np.float32),
    )


def _hits(sights: Sequence[Sight], region: Region, voxel: float, truncation_voxels: float) -> Int32[ndarray, "x y z"]:
    """How many pixels of all views fall near each block."""
    across = np.maximum(1, np.ceil((region.high - region.low) / (voxel * SIDE))).astype(np.int64)
    hits = np.zeros(tuple(across), np.int32)
    for sight in sights:
        camera = sight.camera
        mark(
            sight.depth,
            np.array([camera.fx, camera.fy, camera.cx, camera.cy]),
            camera.world_from_camera[:3].copy(),
            region.low,
            voxel * SIDE,
            # A block more than the truncation: marching cubes needs all corners of a cell
            (truncation_voxels + 1) / SIDE,
            hits,
        )
    return hits


@kernel
def mark(
    depth: ndarray, lens: ndarray, world: ndarray, origin: ndarray, side: Scalar, reach: Scalar, hits: ndarray
) -> None:
    """Count every pixel's surface point for the blocks that a cube of ``reach`` blocks around it touches."""
    height, width = depth.shape
    for row in range(height):
        for column in range(width):
            z = depth[row, column]
            if z <= 0:
                continue
            x, y = (column + 0.5 - lens[2]) / lens[0] * z, (row + 0.5 - lens[3]) / lens[1] * z
            bx = (world[0, 0] * x + world[0, 1] * y + world[0, 2] * z + world[0, 3] - origin[0]) / side
            by = (world[1, 0] * x + world[1, 1] * y + world[1, 2] * z + world[1, 3] - origin[1]) / side
            bz = (world[2, 0] * x + world[2, 1] * y + world[2, 2] * z + world[2, 3] - origin[2]) / side
            if not (0 <= bx < hits.shape[0] and 0 <= by < hits.shape[1] and 0 <= bz < hits.shape[2]):
                continue
            for i in range(max(0, int(np.floor(bx - reach))), min(hits.shape[0], int(np.floor(bx + reach)) + 1)):
                for j in range(max(0, int(np.floor(by - reach))), min(hits.shape[1], int(np.floor(by + reach)) + 1)):
                    for k in range(
                        max(0, int(np.floor(bz - reach))), min(hits.shape[2], int(np.floor(bz + reach)) + 1)
                    ):
                        hits[i, j, k] += 1
