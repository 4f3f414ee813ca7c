"""Reads the two weight files of LPIPS: the network's and the linear layers'. Neither can run code."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

from maquette.errors import UnavailableError
from maquette.recon.enhance.errors import BrokenModelError
from maquette.recon.lpips.alexnet import LAYERS
from maquette.recon.lpips.distance import Lpips
from maquette.recon.weights import LocalModel

if TYPE_CHECKING:
    import torch

MODEL = "lpips-alex"
"""Its name among the weights (``maquette models pull lpips-alex``)."""

LINEAR, BACKBONE = "alex.pth", "alexnet-*.pth"

_LINEAR_SHAPES = {f"lin{i}.model.1.weight": (1, layer.channels, 1, 1) for i, layer in enumerate(LAYERS)}
_BACKBONE_SHAPES = {name: shape for layer in LAYERS for name, shape in layer.shapes.items()}


class TorchMissingError(UnavailableError):
    """The weights are there, and nothing that could run them."""

    code = "torch_missing"

    def __init__(self) -> None:
        super().__init__(
            "LPIPS needs torch, which is not installed.",
            suggestion="Install an extra that brings it: pip install 'maquette[diffusion]'.",
        )


def load_lpips(model: LocalModel, *, device: str = "cpu") -> Lpips:
    """Read ``alex.pth`` and ``alexnet-*.pth`` of the model's folder.

    Raises :class:`TorchMissingError`, or ``model_folder_broken`` naming the file and what is wrong with it.
    """
    try:
        import torch
    except ImportError as error:
        raise TorchMissingError from error
    found = sorted(model.folder.glob(BACKBONE))
    if len(found) != 1:
        many = ", ".join(path.name for path in found)
        raise BrokenModelError(
            model.name, model.folder, f"it needs exactly one file {BACKBONE}, and has {many or 'none'}"
        )
    backbone = _read(model, found[0], _BACKBONE_SHAPES)
    linear = _read(model, model.folder / LINEAR, _LINEAR_SHAPES)
    for name, values in linear.items():
        # Equation 1 squares them: below zero, less alike would be nearer.
        if bool((values < 0).any()):
            raise BrokenModelError(model.name, model.folder, f"{LINEAR} has negative numbers in {name}")
    moved = {name: values.to(device, torch.float32) for name, values in backbone.items()}
    flat = tuple(linear[name].to(device, torch.float32).flatten() for name in _LINEAR_SHAPES)
    return Lpips(moved, flat, model.revision)


def _read(model: LocalModel, path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """The tensors of a state dict that are asked for, once they are of these shapes and all finite."""
    import torch

    def broken(reason: str) -> BrokenModelError:
        return BrokenModelError(model.name, model.folder, f"{path.name} {reason}")

    if not path.is_file():
        raise broken("is missing")
    try:
        # weights_only: a pickle of anything but tensors is refused before it runs
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError, BadZipFile) as error:
        raise broken("is damaged or no file of weights") from error
    if not isinstance(state, Mapping):
        raise broken("holds no state dict")
    for name, shape in shapes.items():
        values = state.get(name)
        if not isinstance(values, torch.Tensor):
            raise broken(f"lacks {name}")
        if tuple(values.shape) != shape:
            raise broken(f"has {name} of {_sides(tuple(values.shape))}, not {_sides(shape)}")
        if not bool(torch.isfinite(values).all()):
            raise broken(f"has numbers in {name} that are not finite")
    return {name: state[name] for name in shapes}


def _sides(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
