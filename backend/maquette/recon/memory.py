"""How much memory a training run will take, and a refusal before it starts where that is not there."""

from __future__ import annotations

import os
from pathlib import Path

from maquette.errors import UnavailableError
from maquette.recon.control_groups import memory_left_bytes
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
    pixel = BYTES_PER_PIXEL + supervision_pixel_bytes(scene, settings)
    photos = views * pixels * photo_pixel_bytes(scene, settings)
    return int(BASE_BYTES + photos + pixels * pixel + settings.max_gaussians * gaussian)


def photo_pixel_bytes(scene: Scene, settings: TrainSettings) -> float:
    """Bytes that a pixel of a kept photo takes: colours, mask and depth prior, with the coarser levels."""
    own = 3 + (1 if _masked(scene) else 0) + (4 if _with_depth(scene, settings) else 0)
    return own * (4 / 3 if settings.coarse_levels else 1.0)


def supervision_pixel_bytes(scene: Scene, settings: TrainSettings) -> int:
    """Bytes that masks, depths and exposures take for each pixel of a frame, float32 and a quarter more to grow.

    A mask is a sixth windowed map of three; a depth its expected and median value and its gradient, and its own
    sum in the pairs' slots; an exposure one more image.
    """
    masks = 15 if _masked(scene) else 0
    depths = 25 if _with_depth(scene, settings) else 0
    return masks + depths + (15 if settings.exposure else 0)


def _masked(scene: Scene) -> bool:
    return any(view.mask_path is not None for view in scene.views)


def _with_depth(scene: Scene, settings: TrainSettings) -> bool:
    read = settings.depth_weight > 0 or settings.depth_seeds
    return read and any(view.depth_path is not None for view in scene.views)


def available_bytes() -> int | None:
    """Memory this process may still take: the least that the machine, its control group and its own limit leave.

    None where none of them tells.
    """
    limits = [limit for limit in (_machine_bytes(), memory_left_bytes(), _own_bytes()) if limit is not None]
    return min(limits) if limits else None


def _machine_bytes() -> int | None:
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    elif "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _own_bytes() -> int | None:
    """What this process's own limits leave: of its addresses (``ulimit -v``), where all that it has mapped counts,
    touched or not; and of its private memory (``ulimit -d``), where libraries and files do not.
    """
    try:
        import resource
    except ImportError:  # Windows
        return None
    status = Path("/proc/self/statm")
    if not status.exists():
        return None
    pages, page = [int(word) for word in status.read_text().split()], resource.getpagesize()
    left = [
        max(0, limit - pages[field] * page)
        for what, field in ((resource.RLIMIT_AS, 0), (resource.RLIMIT_DATA, 5))
        if (limit := resource.getrlimit(what)[0]) != resource.RLIM_INFINITY
    ]
    return min(left, default=None)


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
