"""What an iteration of training costs, over a grid of picture sizes and numbers of Gaussians; prints, judges nothing.

    python bench/engine.py [--sizes 270x480 …] [--gaussians 12000 …] [--iterations 20]

For each cell, measured in a process of its own: wall and CPU milliseconds of a whole iteration (render, loss, backward,
Adam), wall milliseconds of every stage, peak memory and the load of the machine; then the exponents with which the time
grows in pixels and in Gaussians. All as markdown tables, medians. Where others use the machine too, wall times swell
and CPU times hardly do: the exponents are fitted to CPU time. NUMBA_NUM_THREADS sets the threads.

The scene: Gaussians spread evenly over the view, 2 to 6 units deep, sizes log-normal around the spacing that covers the
image once, random turns, opacities and harmonics of degree 3.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

from maquette.recon import descent, losses, optimizer
from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import forward, frame
from maquette.recon.rasterize.scratch import Scratch

STAGES = {
    frame: (
        "project",
        "list_pairs",
        "depth_order",
        "count_tiles",
        "fill_tiles",
        "blend_tiles",
        "unblend_tiles",
    ),
    losses: ("blur_moments", "compare", "gather"),
    descent: ("_descend",),
}
SIZES = ("270x480", "540x960", "1080x1920")
GAUSSIANS = (12_000, 50_000, 200_000, 1_000_000)
WARM_UP = 3
WHOLE = "iteration"


def scene(count: int, height: int, width: int) -> tuple[Gaussians, Camera]:
    rng = np.random.default_rng(0)
    focal = 0.9 * max(height, width)
    z = rng.uniform(2, 6, count)
    x = (rng.uniform(0, width, count) - width / 2) / focal * z
    y = (rng.uniform(0, height, count) - height / 2) / focal * z
    spacing_px = 0.9 * np.sqrt(height * width / count)
    sizes = spacing_px * np.exp(0.5 * rng.standard_normal((count, 3))) / focal * z[:, None]

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    gaussians = Gaussians(
        means=np.stack([x, y, z], axis=1).astype(np.float32),
        log_scales=np.log(sizes).astype(np.float32),
        quaternions=normal(count, 4),
        opacity_logits=2 * normal(count),
        sh=np.float32(0.2) * normal(count, 16, 3),
    )
    return gaussians, Camera(width, height, focal, focal, width / 2, height / 2, np.eye(4))


Times = dict[str, list[tuple[float, float]]]


def timed(times: Times, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, keeping wall and CPU milliseconds of every call."""

    def call(*arguments: Any, **named: Any) -> Any:
        began, cpu_began = time.perf_counter(), time.process_time()
        result = function(*arguments, **named)
        times[name].append((1e3 * (time.perf_counter() - began), 1e3 * (time.process_time() - cpu_began)))
        return result

    return call


def measure(count: int, height: int, width: int, iterations: int) -> dict[str, Any]:
    """Medians of one cell; peak memory is that of this process so far."""
    times: Times = defaultdict(list)
    for module, names in STAGES.items():
        for name in names:
            setattr(module, name, timed(times, name, getattr(module, name)))
    gaussians, camera = scene(count, height, width)
    photo = np.random.default_rng(1).integers(0, 256, (3, height, width), dtype=np.uint8)
    moments = optimizer.zero_moments(gaussians)
    rates = optimizer.LearningRates(1e-6, 1e-6, 1e-6, 1e-6, 1e-6, 1e-6)
    scratch = Scratch()

    def iteration() -> None:
        shown = forward(gaussians, camera, scratch=scratch)
        loss = losses.photometric_loss(shown.image, photo, scratch=scratch)
        descent.descend(shown, gaussians, moments, rates, loss.gradient, scratch=scratch)

    for _ in range(WARM_UP):
        iteration()
    times.clear()
    whole = timed(times, WHOLE, iteration)
    for _ in range(iterations):
        whole()
    return {
        "wall": {name: float(np.median(values, axis=0)[0]) for name, values in times.items()},
        "cpu": {name: float(np.median(values, axis=0)[1]) for name, values in times.items()},
        "fastest": min(times[WHOLE])[0],
        "peak_mb": peak_mb(),
        "load": os.getloadavg()[0],
    }


def peak_mb() -> float:
    """Most memory this process ever had, MB. Unlike getrusage's, it is not inherited from the parent."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in status if line.startswith("VmHWM:"))


def apart(count: int, size: str, iterations: int) -> dict[str, Any]:
    """:func:`measure` in a fresh process, whose peak memory is that of the cell alone."""
    command = [sys.executable, __file__, "--cell", "--sizes", size]
    command += ["--gaussians", str(count), "--iterations", str(iterations)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def exponents(cells: list[tuple[float, float]], milliseconds: list[float]) -> tuple[float, float]:
    """Least squares of log(ms) = a + p log(pixels) + g log(Gaussians): p and g."""
    logs = np.log(np.array(cells))
    table = np.column_stack([np.ones(len(logs)), logs])
    _, of_pixels, of_gaussians = np.linalg.lstsq(table, np.log(milliseconds), rcond=None)[0]
    return float(of_pixels), float(of_gaussians)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=list(SIZES))
    parser.add_argument("--gaussians", nargs="+", type=int, default=list(GAUSSIANS))
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--cell", action="store_true", help="one cell in this process, as JSON")
    arguments = parser.parse_args()
    if arguments.cell:
        height, width = (int(part) for part in arguments.sizes[0].split("x"))
        print(json.dumps(measure(arguments.gaussians[0], height, width, arguments.iterations)))
        return
    names = [name for group in STAGES.values() for name in group]
    print(f"{numba.get_num_threads()} threads, median of {arguments.iterations} iterations, milliseconds\n")
    print(f"| size | Gaussians | load | iteration | fastest | CPU | peak MB | {' | '.join(names)} |")
    print(f"|{'---|' * (7 + len(names))}", flush=True)
    cells, found = [], []
    for size in arguments.sizes:
        for count in arguments.gaussians:
            cell = apart(count, size, arguments.iterations)
            stages = " | ".join(f"{cell['wall'][name]:.1f}" for name in names)
            print(
                f"| {size} | {count} | {cell['load']:.1f} | {cell['wall'][WHOLE]:.1f} | {cell['fastest']:.1f}"
                f" | {cell['cpu'][WHOLE]:.1f} | {cell['peak_mb']:.0f} | {stages} |",
                flush=True,
            )
            height, width = (int(part) for part in size.split("x"))
            cells.append((height * width, count))
            found.append(cell)
    if len(arguments.sizes) > 1 and len(arguments.gaussians) > 1:
        print("\nCPU time grows with these powers:\n\n| | of pixels | of Gaussians |\n|---|---|---|")
        for name in (WHOLE, *names):
            print("| {} | {:.2f} | {:.2f} |".format(name, *exponents(cells, [cell["cpu"][name] for cell in found])))


if __name__ == "__main__":
    main()
