"""Taking the GPU for work, or saying why not before anything has started."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import torch

from maquette.recon.cuda.availability import judged, missing_package
from maquette.recon.cuda.errors import NO_NVCC, CudaExtraMissingError, GsplatBrokenError, NotEnoughGpuMemoryError
from maquette.recon.cuda.probe import look
from maquette.recon.memory import FLOATS_BESIDE_SH, photo_pixel_bytes, supervision_pixel_bytes
from maquette.recon.photos import training_size
from maquette.recon.scene import Scene
from maquette.recon.train_settings import TrainSettings

BASE_BYTES = 700 * 2**20
"""The CUDA context with torch's and gsplat's kernels."""
BYTES_PER_PIXEL = 520
"""Image, alpha and their gradients (32); the loss's maps: 15 planes before, between and after the two windows, 9 planes
likewise, and about 40 planes of intermediate results, float32; half again as room for fragmentation."""
COPIES = 12
"""Floats kept for each parameter: itself and two moments, the same once more while densifying; rows and gradients of
what is in view, and Adam's intermediate results."""
PAIRS_PER_GAUSSIAN = 8
"""Tiles a Gaussian touches, on a generous average; a pair takes 24 bytes, and as much again while it is sorted."""


def open_gpu() -> torch.device:
    """The GPU with gsplat's kernels loaded, compiled first where need be (minutes, once).

    Raises ``cuda_extra_missing``, ``cuda_unavailable`` or ``gsplat_broken``.
    """
    missing = missing_package()
    if missing is not None:
        raise CudaExtraMissingError(missing)
    problem = judged(look()).problem
    if problem is not None:
        raise problem
    load_kernels()
    return torch.device("cuda", torch.cuda.current_device())


def load_kernels() -> Any:
    """gsplat's compiled kernels. Raises :class:`GsplatBrokenError` with the last line of what went wrong."""
    try:
        with warnings.catch_warnings():
            # What torch's compiler driver merely warns of must not pass for a failure where warnings are errors.
            warnings.simplefilter("ignore")
            kernels = importlib.import_module("gsplat.cuda._backend")._C
    except Exception as error:
        # The compiler's, the loader's and gsplat's own failures share no class; the user is told, nothing is hidden.
        raise GsplatBrokenError(_last_line(error)) from error
    if kernels is None:
        raise GsplatBrokenError(NO_NVCC)
    return kernels


def training_gpu_bytes(scene: Scene, settings: TrainSettings, views: int) -> int:
    """Estimated peak of GPU memory in bytes: photos, the model with its optimiser state, a frame and its gradients."""
    sizes = [training_size(view.camera, settings.downscale, settings.max_side_px) for view in scene.views]
    pixels = max((width * height for width, height in sizes), default=0)
    floats = FLOATS_BESIDE_SH + 3 * (settings.sh_degree + 1) ** 2
    gaussian = COPIES * 4 * floats + 48 * PAIRS_PER_GAUSSIAN
    # Kept and intermediate planes: on the CPU a quarter is added to grow, here half, for fragmentation.
    pixel = BYTES_PER_PIXEL + 2 * supervision_pixel_bytes(scene, settings)
    photos = views * pixels * photo_pixel_bytes(scene, settings)
    return int(BASE_BYTES + photos + pixels * pixel + settings.max_gaussians * gaussian)


def refuse_without_gpu_memory(needed_bytes: int, free_bytes: int) -> None:
    """Raise :class:`NotEnoughGpuMemoryError` where an estimate exceeds what is free."""
    if needed_bytes > free_bytes:
        raise NotEnoughGpuMemoryError(needed_bytes, free_bytes)


def free_gpu_bytes() -> int:
    """GPU memory that this process can take, as of now: what no process has, and what torch keeps for itself of tensors
    that are gone, such as those of a training or an enhancement before.
    """
    kept = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    return int(torch.cuda.mem_get_info()[0]) + kept


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
