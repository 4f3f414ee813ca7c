"""What each export format costs: ``python -m bench.formats [--gaussians N] [--triangles N] [FORMAT …]``.

Gaussians lie on a torus with noise on every attribute and degree 3 harmonics, triangles on a wavy sheet with a grainy
texture, so that nothing is compressed better than a real model would be. Each format in a process of its own; memory is
what the process needed at most above what it held before. Seconds of the processor stand beside those of the clock:
only they compare on a machine that does other things too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from maquette.recon.formats import FORMATS, format_named
from maquette.recon.gaussians import Gaussians
from maquette.recon.gaussians.cloud import cloud_of
from maquette.recon.mesh import Mesh, Texture


def main() -> None:
    """Every format whose content can be made up, one line each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("formats", nargs="*", help="default: all of Gaussians, points and meshes")
    parser.add_argument("--gaussians", type=int, default=100_000)
    parser.add_argument("--triangles", type=int, default=80_000)
    parser.add_argument("--texture", type=int, default=2048)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    names = asked.formats or [one.name for one in FORMATS if one.kind != "cameras"]
    if asked.one:
        measure(names[0], asked.gaussians, asked.triangles, asked.texture)
        return
    print(f"{'format':16} {'bytes':>12} {'write s (cpu)':>16} {'MB':>6} {'read s (cpu)':>16} {'MB':>6} {'load':>5}")
    for name in names:
        sizes = [f"--{key}={getattr(asked, key)}" for key in ("gaussians", "triangles", "texture")]
        subprocess.run([sys.executable, "-m", "bench.formats", name, "--one", *sizes], check=True)


def measure(name: str, gaussians: int, triangles: int, texture_px: int) -> None:
    """Write and read one file, and tell what that took."""
    target = format_named(name)
    content = sheet(triangles, texture_px) if target.kind == "mesh" else torus(gaussians)
    small = sheet(200, 64) if target.kind == "mesh" else torus(2_000)
    if target.kind == "points":
        content, small = cloud_of(content), cloud_of(small)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"model{target.extension}"
        # Compiled, imported and warmed up before anything is measured.
        target.write(small, path, provenance={})
        target.read(path)
        wrote = timed(lambda: target.write(content, path, provenance={"generator": "bench"}))
        size = path.stat().st_size
        read = timed(lambda: target.read(path))
    columns = [f"{wall:8.2f} ({cpu:5.2f}) {more:6.0f}" for wall, cpu, more in (wrote, read)]
    print(f"{name:16} {size:12,} {columns[0]} {columns[1]} {os.getloadavg()[0]:5.1f}", flush=True)


def timed(call: object) -> tuple[float, float, float]:
    """Seconds by the clock and of the processor, and MB above what was there."""
    Path("/proc/self/clear_refs").write_text("5")
    before, wall, cpu = peak_mb(), time.perf_counter(), time.process_time()
    call()  # type: ignore[operator]
    return time.perf_counter() - wall, time.process_time() - cpu, peak_mb() - before


def peak_mb() -> float:
    """Most memory since the mark was reset, MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def torus(count: int) -> Gaussians:
    """Gaussians on a torus, colours smooth with noise on top."""
    rng = np.random.default_rng(0)
    u, v = rng.uniform(0, 2 * np.pi, (2, count))
    tube = rng.normal(0.4, 0.01, count)
    ring = 1 + tube * np.cos(v)
    sh = rng.normal(0, 0.06, (count, 16, 3))
    smooth = np.stack([np.sin(3 * u), np.cos(5 * v), np.sin(2 * u + v)], axis=1)
    sh[:, 0] = smooth + rng.normal(0, 0.3, (count, 3))
    quaternions = rng.normal(size=(count, 4))
    return Gaussians(
        means=np.stack([ring * np.cos(u), ring * np.sin(u), tube * np.sin(v)], axis=1).astype(np.float32),
        log_scales=rng.normal(-5, 0.8, (count, 3)).astype(np.float32),
        quaternions=(quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).astype(np.float32),
        opacity_logits=rng.normal(1, 2, count).astype(np.float32),
        sh=sh.astype(np.float32),
    )


def sheet(triangles: int, texture_px: int) -> Mesh:
    """A wavy sheet, its triangles in no order, as decimation leaves them."""
    side = int(np.sqrt(triangles / 2)) + 1
    rng = np.random.default_rng(0)
    u, v = (grid.ravel() for grid in np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side)))
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    upper = np.stack([corner, corner + 1, corner + side + 1], axis=1)
    lower = np.stack([corner, corner + side + 1, corner + side], axis=1)
    faces = rng.permutation(np.concatenate([upper, lower])).astype(np.int32)
    height = 0.1 * np.sin(9 * u) * np.cos(7 * v) + rng.normal(0, 1e-3, len(u))
    normals = np.array([0, 0, 1]) + rng.normal(0, 0.1, (len(u), 3))
    coarse = rng.integers(0, 256, (texture_px // 16, texture_px // 16, 3), dtype=np.uint8)
    color = cv2.resize(coarse, (texture_px, texture_px), interpolation=cv2.INTER_CUBIC)
    color = cv2.add(color, rng.integers(0, 8, color.shape, dtype=np.uint8))
    return Mesh(
        vertices=np.stack([u, v, height], axis=1).astype(np.float32),
        faces=faces,
        normals=(normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32),
        uvs=np.stack([u, v], axis=1).astype(np.float32),
        texture=Texture(np.asarray(color, np.uint8)),
    )


if __name__ == "__main__":
    main()
