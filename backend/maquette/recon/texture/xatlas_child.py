"""The child process that packs charts: ``python -P xatlas_child.py IN.npz OUT.npy``.

xatlas cannot be stopped once it runs, and may end its process; so it gets one of its own, which dies with its parent.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32
from numpy import ndarray

from maquette.lifeline import die_with_parent


def pack(
    flat: Float32[ndarray, "m 2"], faces: Int32[ndarray, "f 3"], size_px: int, padding_px: int
) -> Float32[ndarray, "m 2"]:
    """Texture coordinates in [0, 1] of charts that lie flat, each apart from the others.

    Raises ValueError where xatlas answers with other vertices than it was given.
    """
    import xatlas  # type: ignore[import-not-found]

    atlas = xatlas.Atlas()
    atlas.add_uv_mesh(flat, faces.astype(np.uint32))
    packing = xatlas.PackOptions()
    packing.resolution, packing.padding = size_px, padding_px
    atlas.generate(xatlas.ChartOptions(), packing)
    old, new_faces, found = atlas.get_mesh(0)
    if not np.array_equal(old[new_faces], faces):
        raise ValueError("xatlas answered with other triangles than it was given")
    uvs = np.zeros_like(flat)
    uvs[old] = found
    return uvs


def main(source: Path, target: Path) -> None:
    """Pack what ``source`` holds: flat, faces, size_px, padding_px. ``target`` gets the texture coordinates."""
    die_with_parent()
    with np.load(source) as given:
        uvs = pack(given["flat"], given["faces"], int(given["size_px"]), int(given["padding_px"]))
    np.save(target, uvs)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
