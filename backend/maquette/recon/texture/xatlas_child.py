"""The child process that unwraps: ``python -P xatlas_child.py IN.npz OUT.npz``.

xatlas cannot be stopped once it runs, and may end its process; so it gets one of its own, which dies with its parent.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32
from numpy import ndarray

from maquette.lifeline import die_with_parent


def unwrap(
    vertices: Float32[ndarray, "v 3"], faces: Int32[ndarray, "f 3"], size_px: int, padding_px: int
) -> tuple[Int32[ndarray, " m"], Int32[ndarray, "f 3"], Float32[ndarray, "m 2"]]:
    """The old vertex of each new one, the faces of new ones in their old order, and coordinates in [0, 1]."""
    import xatlas  # type: ignore[import-not-found]

    atlas = xatlas.Atlas()
    atlas.add_mesh(vertices, faces.astype(np.uint32))
    packing = xatlas.PackOptions()
    packing.resolution, packing.padding = size_px, padding_px
    atlas.generate(xatlas.ChartOptions(), packing)
    old, new_faces, uvs = atlas.get_mesh(0)
    return old.astype(np.int32), new_faces.astype(np.int32), uvs.astype(np.float32)


def main(source: Path, target: Path) -> None:
    """Unwrap what ``source`` holds: vertices, faces, size_px, padding_px. ``target`` gets old, faces, uvs."""
    die_with_parent()
    with np.load(source) as given:
        old, faces, uvs = unwrap(given["vertices"], given["faces"], int(given["size_px"]), int(given["padding_px"]))
    np.savez(target, old=old, faces=faces, uvs=uvs)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
