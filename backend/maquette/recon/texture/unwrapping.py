"""Where each triangle lies in the texture: in charts packed by xatlas, in bounded time, or in plain pairs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int32
from numpy import ndarray

import maquette
from maquette.progress import Progress
from maquette.recon.capture import Reason
from maquette.recon.mesh.mesh import Mesh
from maquette.recon.texture import xatlas_child
from maquette.recon.texture.charts import Charts, charts_of
from maquette.recon.texture.pairs import lay_out_pairs
from maquette.recon.texture.settings import TextureSettings
from maquette.recon.texture.texels import smooth_normals

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
    """``charts``, or ``triangle_pairs`` where those could not be packed."""
    chart: Int32[ndarray, " f"]
    """Which island each face lies on."""
    trouble: str = ""
    """Why it was not charts."""

    @property
    def warnings(self) -> tuple[Reason, ...]:
        """What is to be said of pairs in place of charts."""
        if self.method == "charts":
            return ()
        return (
            Reason(
                "texture_laid_out_in_pairs",
                f"Triangles were laid out in pairs, which wastes texture and shows seams from afar: {self.trouble}.",
                "Ask for a mesh of fewer triangles, or give the unwrapping more time.",
            ),
        )


def unwrap(mesh: Mesh, settings: TextureSettings, progress: Progress) -> Unwrapped | None:
    """Texture coordinates by charts packed within ``settings.unwrap_s``, else by pairs; None where even those do not
    fit.

    ``progress`` is called ten times a second while xatlas runs; what it raises ends that process and is raised on.
    """
    trouble = "it was not tried"
    if settings.unwrap_s > 0:
        found, trouble = _by_charts(mesh, settings, progress)
        if found is not None:
            return found
    corners = lay_out_pairs(mesh.vertices, mesh.faces, settings.size_px)
    if corners is None:
        return None
    faces = np.arange(3 * len(mesh.faces), dtype=np.int32).reshape(-1, 3)
    uvs = (corners / settings.size_px).reshape(-1, 2).astype(np.float32)
    alone = np.arange(len(faces), dtype=np.int32)
    return Unwrapped(mesh.faces.ravel().astype(np.int32), faces, uvs, "triangle_pairs", alone, trouble)


def cut_open(mesh: Mesh, laid_out: Unwrapped) -> Mesh:
    """The mesh with its vertices doubled along seams; normals and colours go with them."""
    return Mesh(
        mesh.vertices[laid_out.vertex],
        laid_out.faces,
        smooth_normals(mesh)[laid_out.vertex],
        None if mesh.colors is None else mesh.colors[laid_out.vertex],
        laid_out.uvs,
    )


def _by_charts(mesh: Mesh, settings: TextureSettings, progress: Progress) -> tuple[Unwrapped | None, str]:
    progress("unwrapping", 0.0, "cutting the surface into charts")
    charts = charts_of(mesh)
    with tempfile.TemporaryDirectory(prefix="maquette-unwrap-") as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npy"
        np.savez(
            source,
            flat=_apart(charts),
            faces=charts.faces,
            size_px=settings.size_px,
            padding_px=settings.padding_px,
        )
        trouble = _run([str(source), str(target)], settings.unwrap_s, progress)
        if trouble:
            return None, trouble
        uvs = np.load(target)
    if not np.isfinite(uvs).all():
        return None, "xatlas gave coordinates that are no numbers"
    return Unwrapped(charts.vertex, charts.faces, np.clip(uvs, 0, 1), "charts", charts.chart), ""


def _apart(charts: Charts) -> Float32[ndarray, "m 2"]:
    """The charts in a grid in which no two touch: xatlas takes for one chart what has corners in common."""
    of_vertex = np.zeros(len(charts.vertex), np.int64)
    of_vertex[charts.faces] = charts.chart[:, None]
    count = int(charts.chart.max()) + 1
    columns = int(np.ceil(np.sqrt(count)))
    size = np.zeros((count, 2))
    np.maximum.at(size, of_vertex, charts.flat)
    # Rows and columns as wide as their largest chart keep the numbers small, which float32 needs.
    wide, high = np.zeros(columns), np.zeros(columns)
    np.maximum.at(wide, np.arange(count) % columns, size[:, 0])
    np.maximum.at(high, np.arange(count) // columns, size[:, 1])
    gap = 1e-3 * float(size.max())
    left, low = (np.concatenate([[0.0], np.cumsum(spans + gap)[:-1]]) for spans in (wide, high))
    shift = np.stack([left[np.arange(count) % columns], low[np.arange(count) // columns]], axis=1)
    apart: Float32[ndarray, "m 2"] = (charts.flat + shift[of_vertex]).astype(np.float32)
    return apart


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
