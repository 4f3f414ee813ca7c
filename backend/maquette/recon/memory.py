"""How much memory a training run will take, and a refusal before it starts where that is not there."""

from __future__ import annotations

import os
from pathlib import Path

from maquette.errors import UnavailableError
from maquette.recon.photos import training_size
from maquette.recon.scene import Scene
from maquette.recon.train_settings import TrainSettings

FLOATS_BESIDE_SH = 11
BYTES_PER_PIXEL = 235
"""Image, its gradient, the windowed maps of the loss and room to grow: 155; tile lists where Gaussians are few: 80."""
COPIES_OF_A_GAUSSIAN = 10
"""Parameters, two moments and gradients, and at the height of a densification the first three twice more."""
BYTES_OF_A_PROJECTION = 600
"""What a frame keeps of a Gaussian: packed 64, orders 28, two to four tiles at 52, and a quarter more to grow."""
BASE_BYTES = 200 * 10**6
"""Python, numpy and the compiled kernels."""


class NotEnoughMemoryError(UnavailableError):
    """The run would not fit into memory."""

    code = "not_enough_memory"


def training_bytes(scene: Scene, settings: TrainSettings, views: int) -> int:
    """Estimated peak memory in bytes: photos, the model with its optimiser state, a frame and its gradients."""
    sizes = [training_size(view.camera, settings.downscale, settings.max_side_px) for view in scene.views]
    pixels = max((width * height for width, height in sizes), default=0)
    floats = FLOATS_BESIDE_SH + 3 * (settings.sh_degree + 1) ** 2
    gaussian = COPIES_OF_A_GAUSSIAN * 4 * floats + BYTES_OF_A_PROJECTION
    photos = views * pixels * 3 * (4 / 3 if settings.coarse_levels else 1)
    return int(BASE_BYTES + photos + pixels * BYTES_PER_PIXEL + settings.max_gaussians * gaussian)


def available_bytes() -> int | None:
    """Memory this process may still take: the machine's or its control group's; none where neither tells."""
    limits = []
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(int(line.split()[1]) * 1024)
    elif "SC_PHYS_PAGES" in os.sysconf_names:
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    most, now = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if most.exists() and now.exists() and most.read_text().strip() != "max":
        limits.append(int(most.read_text()) - int(now.read_text()))
    return min(limits) if limits else None


def refuse_without_memory(scene: Scene, settings: TrainSettings, views: int) -> None:
    """Raise :class:`NotEnoughMemoryError` where the estimate exceeds what is available."""
    needed, available = training_bytes(scene, settings, views), available_bytes()
    if available is not None and needed > available:
        raise NotEnoughMemoryError(
            f"Training would take about {needed / 2**30:.1f} GiB of memory, {available / 2**30:.1f} GiB are free.",
            suggestion="Use fewer Gaussians or a larger downscale, or close other programs.",
            needed_bytes=needed,
            available_bytes=available,
        )
