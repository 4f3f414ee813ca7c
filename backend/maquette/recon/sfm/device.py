"""Where features are found and matched: on the GPU where pycolmap was built for one, with the CPU to fall back on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any, Literal, TypeVar

from maquette.recon.cuda.availability import device_files
from maquette.recon.sfm.errors import SfmCrashedError
from maquette.recon.sfm.settings import SfmSettings

T = TypeVar("T")


def device_of(settings: SfmSettings) -> Literal["cpu", "cuda"]:
    """``cpu`` or ``cuda``: what ``auto`` stands for on this machine, without loading any native code."""
    if settings.device != "auto":
        return settings.device
    return "cuda" if _built_for_cuda() and device_files() else "cpu"


def on_a_device(settings: SfmSettings, work: Callable[[SfmSettings], T]) -> tuple[T, dict[str, Any] | None]:
    """What ``work`` answers with the device settled, and a warning where the GPU failed it and the CPU did it.

    Native code on a GPU that it does not like ends its process. Raises what ``work`` raises on the CPU.
    """
    device = device_of(settings)
    try:
        return work(replace(settings, device=device)), None
    except SfmCrashedError as crash:
        if device == "cpu":
            raise
        answer = work(replace(settings, device="cpu"))
        return answer, {
            "code": "gpu_features_failed",
            "message": f"Features could not be found on the GPU ({crash}); the CPU did it, slower.",
            "suggestion": "Check the driver, and that pycolmap-cuda12 is the build that is installed.",
        }


def _built_for_cuda() -> bool:
    """Whether the distribution for CUDA is installed: the module has the same name in both."""
    try:
        distribution("pycolmap-cuda12")
    except PackageNotFoundError:
        return False
    return True
