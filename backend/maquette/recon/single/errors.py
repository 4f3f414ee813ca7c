"""What can go wrong between one photo and views of what it shows, one stable code each."""

from __future__ import annotations

from collections.abc import Sequence

from maquette.errors import BadInputError, MaquetteError, UnavailableError
from maquette.recon.capture import Reason


class SinglePhotoRefusedError(BadInputError):
    """The photo cannot become a model: its verdict says why."""

    code = "single_photo_refused"

    def __init__(self, name: str, reasons: Sequence[Reason]) -> None:
        super().__init__(
            " ".join(reason.sentence for reason in reasons),
            suggestion=" ".join(reason.action for reason in reasons),
            photo=name,
            reasons=[reason.code for reason in reasons],
        )


class BadViewsRequestError(BadInputError):
    """A number of views, or a name of a method, that does not exist."""

    code = "bad_views_request"


class ViewsExtraMissingError(UnavailableError):
    """A package that a view model needs is not installed."""

    code = "diffusion_extra_missing"

    def __init__(self, package: str, *, in_extra: bool = True) -> None:
        how = "the extra: pip install 'maquette[diffusion]'" if in_extra else f"{package}, as it fits your torch"
        super().__init__(
            f"New views by diffusion need {package}, which is not installed.",
            suggestion=f"Install {how}; or use the method 'relief'.",
            package=package,
        )


class ViewModelFilesError(MaquetteError):
    """The folder of a view model does not say, or says wrongly, which views it makes."""

    code = "view_model_broken"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The view model '{name}' cannot be used: {reason}.",
            suggestion=f"Run `maquette models verify {name}`; a model of your own needs a whole views.json"
            " (docs/models.md).",
            model=name,
        )


class ViewsFailedError(MaquetteError):
    """The view model ran, and what came out are no views."""

    code = "views_failed"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The view model '{name}' made no usable views: {reason}.",
            suggestion=f"Try another seed or photo, check its files with `maquette models verify {name}`, or use the"
            " method 'relief'.",
            model=name,
        )


class ViewsMemoryError(UnavailableError):
    """The device ran out of memory."""

    code = "not_enough_device_memory"

    def __init__(self, device: str, name: str) -> None:
        super().__init__(
            f"The memory of {device} was not enough for the view model '{name}'.",
            suggestion="Close what else uses this device, or use the method 'relief'.",
            device=device,
            model=name,
        )


class ViewsWithoutGpuError(UnavailableError):
    """A view model has its weights, and no GPU to run them on: nobody should get it without having asked."""

    code = "views_without_gpu"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name}' would run on the CPU here: many minutes, and more memory than many machines have.",
            suggestion=f"Ask for the method '{name}' by name to have it all the same.",
            model=name,
        )
