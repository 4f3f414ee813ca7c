"""OpenUSD, which is optional: the extra ``[usd]``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from maquette.errors import UnavailableError
from maquette.recon.formats.usdz_child import MODULES


class UsdExtraMissingError(UnavailableError):
    """The extra ``[usd]`` is not installed."""

    code = "usd_extra_missing"

    def __init__(self) -> None:
        super().__init__(
            "USDZ files need OpenUSD, which is not installed.",
            suggestion="Install the extra: pip install 'maquette[usd]'; or export as glb.",
        )


def openusd() -> Any:
    """The package ``pxr`` with the modules that are used here. Raises :class:`UsdExtraMissingError`."""
    try:
        for module in MODULES:
            import_module(f"pxr.{module}")
        return import_module("pxr")
    except ImportError as error:
        raise UsdExtraMissingError from error
