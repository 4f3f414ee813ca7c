"""What can stand between a user and the GPU, each with what to do about it."""

from __future__ import annotations

from maquette.errors import UnavailableError

USE_THE_CPU = "or train on the CPU"
NO_NVCC = "nvcc, which compiles them, was not found"


class CudaExtraMissingError(UnavailableError):
    """torch or gsplat is not installed."""

    code = "cuda_extra_missing"

    def __init__(self, package: str) -> None:
        super().__init__(
            f"Training on a GPU needs {package}, which is not installed.",
            suggestion=f"Install the extra: pip install 'maquette[cuda]'; {USE_THE_CPU}.",
            package=package,
        )


class CudaUnavailableError(UnavailableError):
    """torch finds no NVIDIA GPU that it can use."""

    code = "cuda_unavailable"

    def __init__(self, reason: str, suggestion: str) -> None:
        super().__init__(
            f"No NVIDIA GPU can be used: {reason}.", suggestion=f"{suggestion}; {USE_THE_CPU}.", reason=reason
        )


class GsplatBrokenError(UnavailableError):
    """gsplat is installed, but its CUDA kernels cannot be compiled or loaded."""

    code = "gsplat_broken"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"gsplat's CUDA kernels cannot be loaded: {reason}.",
            suggestion=(
                "gsplat compiles them at first use and needs nvcc of the same CUDA version as torch for that. Install "
                f"the CUDA toolkit or a prebuilt gsplat wheel that fits torch; {USE_THE_CPU}."
            ),
            reason=reason,
        )


class NotEnoughGpuMemoryError(UnavailableError):
    """The run would not fit into the GPU's memory, or ran out of it."""

    code = "not_enough_gpu_memory"

    def __init__(self, needed_bytes: int | None, free_bytes: int) -> None:
        free = f"{free_bytes / 2**30:.1f} GiB are free"
        super().__init__(
            f"The GPU ran out of memory; {free}."
            if needed_bytes is None
            else f"Training would take about {needed_bytes / 2**30:.1f} GiB of GPU memory, {free}.",
            suggestion=f"Use fewer Gaussians or a larger downscale, close what else uses the GPU, {USE_THE_CPU}.",
            needed_bytes=needed_bytes,
            available_bytes=free_bytes,
        )
