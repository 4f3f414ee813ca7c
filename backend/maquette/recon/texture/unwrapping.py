"""Where each triangle lies in the texture: by xatlas, in bounded time, or in plain pairs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
from jaxtyping import Float32, Int32
from numpy import ndarray

import maquette
from maquette.progress import Progress
from maquette.recon.mesh.mesh import Mesh
from maquette.recon.texture import xatlas_child
from maquette.recon.texture.pairs import lay_out_pairs
from maquette.recon.texture.settings import TextureSettings

_POLL_S = 0.1


@dataclass(frozen=True, eq=False)
class Unwrapped:
    """A mesh's faces with texture coordinates; vertices on seams stand more than once."""

    vertex: Int32[ndarray, " m"]
    """The mesh's own vertex that each new one stands for."""
    faces: Int32[ndarray, "f 3"]
    """Of new vertices, in the order of the mesh's faces."""
    uvs: Float32[ndarray, "m 2"]
    """In [0, 1], origin at the lower left."""
    method: str
    """``xatlas``, or ``triangle_pairs`` where that gave nothing."""
    trouble: str = ""
    """Why it was not xatlas."""

    @property
    def charts(self) -> Int32[ndarray, " f"]:
        """Which island each face lies on: those it shares new vertices with."""
        a, b = self.faces[:, [0, 1]].ravel(), self.faces[:, [1, 2]].ravel()
        links = scipy.sparse.coo_matrix((np.ones(len(a)), (a, b)), (len(self.vertex), len(self.vertex)))
        _, islands = scipy.sparse.csgraph.connected_components(links, directed=False)
        charts: Int32[ndarray, " f"] = islands.astype(np.int32)[self.faces[:, 0]]
        return charts


def unwrap(mesh: Mesh, settings: TextureSettings, progress: Progress) -> Unwrapped | None:
    """Texture coordinates by xatlas within ``settings.unwrap_s``, else by pairs; None where even those do not fit.

    ``progress`` is called ten times a second while xatlas runs; what it raises ends that process and is raised on.
    """
    trouble = "it was not tried"
    if settings.unwrap_s > 0:
        found, trouble = _by_xatlas(mesh, settings, progress)
        if found is not None:
            return found
    corners = lay_out_pairs(mesh.vertices, mesh.faces, settings.size_px)
    if corners is None:
        return None
    faces = np.arange(3 * len(mesh.faces), dtype=np.int32).reshape(-1, 3)
    uvs = (corners / settings.size_px).reshape(-1, 2).astype(np.float32)
    return Unwrapped(mesh.faces.ravel().astype(np.int32), faces, uvs, "triangle_pairs", trouble)


def _by_xatlas(mesh: Mesh, settings: TextureSettings, progress: Progress) -> tuple[Unwrapped | None, str]:
    with tempfile.TemporaryDirectory(prefix="maquette-unwrap-") as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(
            source,
            vertices=mesh.vertices,
            faces=mesh.faces,
            size_px=settings.size_px,
            padding_px=settings.padding_px,
        )
        trouble = _run([str(source), str(target)], settings.unwrap_s, progress)
        if trouble:
            return None, trouble
        with np.load(target) as made:
            old, faces, uvs = made["old"], made["faces"], made["uvs"]
    sound = faces.shape == mesh.faces.shape and np.isfinite(uvs).all() and np.array_equal(old[faces], mesh.faces)
    if not sound:
        return None, "xatlas answered with other triangles than it was given"
    return Unwrapped(old, faces, np.clip(uvs, 0, 1), "xatlas"), ""


def _run(arguments: list[str], limit_s: float, progress: Progress) -> str:
    """Run the child; what went wrong, or nothing. By its file: as a module it would import all of this package."""
    package_root = str(Path(maquette.__file__).resolve().parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    path = f"{package_root}{os.pathsep}{inherited}" if inherited else package_root
    started = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-P", xatlas_child.__file__, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        while child.poll() is None:
            spent = time.monotonic() - started
            if spent > limit_s:
                return f"xatlas was not done after {limit_s:g} s"
            progress("unwrapping", min(spent / limit_s, 0.99), "laying the surface out flat")
            time.sleep(_POLL_S)
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
    return "" if child.returncode == 0 else f"xatlas ended with code {child.returncode}"
