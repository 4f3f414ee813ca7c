"""What can go wrong when a view is enhanced, one stable code each."""

from __future__ import annotations

from pathlib import Path

from maquette.errors import BadInputError, MaquetteError, UnavailableError


class BadEnhancementError(BadInputError):
    """A parameter is outside its bounds, or the pictures do not belong together."""

    code = "bad_enhancement"


class UnknownMethodError(BadInputError):
    """There is no enhancement method of this name."""

    code = "unknown_enhancement_method"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"There is no enhancement method '{name}'.", suggestion=f"Choose one of {', '.join(known)}.", method=name
        )


class DiffusionExtraMissingError(UnavailableError):
    """A package of the extra ``[diffusion]`` is not installed."""

    code = "diffusion_extra_missing"

    def __init__(self, package: str) -> None:
        super().__init__(
            f"Enhancement by diffusion needs {package}, which is not installed.",
            suggestion="Install the extra: pip install 'maquette[diffusion]'; or use the method 'classical' or 'none'.",
            package=package,
        )


class DeviceUnavailableError(UnavailableError):
    """The device that was asked for is not there."""

    code = "device_unavailable"


class BrokenModelError(MaquetteError):
    """The folder of a model is incomplete, damaged, or holds another kind of model."""

    code = "model_folder_broken"

    def __init__(self, name: str, folder: Path, reason: str) -> None:
        # Not the folder's path: errors reach people who do not own this machine. The name finds it.
        super().__init__(
            f"The folder of the model '{name}' cannot be used: {reason}.",
            suggestion=f"Run `maquette models verify {name}`; delete the folder and pull it again if that finds fault.",
            model=name,
            folder=folder.name,
        )


class ModelCodeRefusedError(UnavailableError):
    """The model brings Python code of its own, and nobody allowed that it runs here."""

    code = "model_code_refused"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The model '{name}' brings program code of its own, which is not run: {reason}.",
            suggestion=f"Read that code; to allow it, pull the model at its pinned revision and set"
            f" MAQUETTE_TRUST_MODEL_CODE={name}.",
            model=name,
        )


class EnhancementFailedError(MaquetteError):
    """The model ran, and what came out is no picture."""

    code = "enhancement_failed"


class DeviceMemoryError(UnavailableError):
    """The device ran out of memory."""

    code = "not_enough_device_memory"

    def __init__(self, device: str, tile_px: int) -> None:
        super().__init__(
            f"The memory of {device} was not enough to enhance a view in tiles of {tile_px} px.",
            suggestion="Use a smaller tile_px, or close what else uses this device.",
            device=device,
            tile_px=tile_px,
        )


class SlowWithoutGpuError(UnavailableError):
    """A neural method has its weights, and no GPU to run them on: nobody should get it without having asked."""

    code = "enhancement_without_gpu"

    def __init__(self, method: str) -> None:
        super().__init__(
            f"'{method}' would run on the CPU here: minutes for each view, and more memory than many machines have.",
            suggestion=f"Ask for `enhancement: {method}` by name to have it all the same.",
            method=method,
        )
