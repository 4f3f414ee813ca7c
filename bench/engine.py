"""Milliseconds of each stage of a training iteration on synthetic scenes; prints, judges nothing.

    python bench/engine.py [--sizes 270x480 540x960] [--gaussians 50000 200000] [--iterations 20]

The scene: Gaussians spread evenly over the view, 2 to 6 units deep, sizes log-normal around the spacing that covers the
image once, random turns, opacities and harmonics of degree 3. NUMBA_NUM_THREADS sets the threads.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from maquette.recon import losses, optimizer
from maquette.recon.cameras import Camera
from maquette.recon.gaussians import Gaussians
from maquette.recon.rasterize import backward, forward, frame
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
        "project_backward",
    ),
    losses: ("blur_moments", "compare", "gather"),
    optimizer: ("_adam",),
}


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


def timed(times: dict[str, list[float]], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        began = time.perf_counter()
        result = function(*arguments)
        times[name].append(1e3 * (time.perf_counter() - began))
        return result

    return call


def measure(count: int, height: int, width: int, iterations: int, times: dict[str, list[float]]) -> None:
    gaussians, camera = scene(count, height, width)
    photo = np.random.default_rng(1).integers(0, 256, (3, height, width), dtype=np.uint8)
    moments = optimizer.zero_moments(gaussians)
    rates = optimizer.LearningRates(1e-6, 1e-6, 1e-6, 1e-6, 1e-6, 1e-6)
    whole, scratch = [], Scratch()
    for step in range(iterations + 3):
        if step == 3:
            times.clear()
        began = time.perf_counter()
        shown = forward(gaussians, camera, scratch=scratch)
        loss = losses.photometric_loss(shown.image, photo, scratch=scratch)
        gradients = backward(shown, gaussians, loss.gradient, scratch=scratch)
        optimizer.adam_step(gaussians, moments, gradients, rates)
        whole.append(1e3 * (time.perf_counter() - began))
    stages = "  ".join(f"{name} {np.median(values):.1f}" for name, values in times.items())
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{height}x{width} {count:>7} Gaussians: iteration {np.median(whole[3:]):.1f} ms (fastest {min(whole[3:]):.1f})"
        f"  load {os.getloadavg()[0]:.1f}  peak so far {peak_mb:.0f} MB\n    {stages}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["270x480", "540x960"])
    parser.add_argument("--gaussians", nargs="+", type=int, default=[50_000, 200_000])
    parser.add_argument("--iterations", type=int, default=20)
    arguments = parser.parse_args()
    times: dict[str, list[float]] = defaultdict(list)
    for module, names in STAGES.items():
        for name in names:
            setattr(module, name, timed(times, name, getattr(module, name)))
    print(f"{numba.get_num_threads()} threads, median of {arguments.iterations} iterations, milliseconds")
    for size in arguments.sizes:
        height, width = (int(part) for part in size.split("x"))
        for count in arguments.gaussians:
            measure(count, height, width, arguments.iterations, times)


if __name__ == "__main__":
    main()
