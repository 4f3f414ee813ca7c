"""An ONNX depth network on this machine: loaded, checked for being one, and run on arrays."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maquette.recon.depth.errors import BrokenDepthModelError, DepthFailedError
from maquette.recon.depth.families import IMAGENET_MEAN
from maquette.recon.onnx import OnnxError, first_output, open_session

_MEAN_BYTES = np.asarray(IMAGENET_MEAN, "<f4").tobytes()
_FLOAT = "tensor(float)"


class Network:
    """One loaded model. ``provider`` is what it runs on: ``cuda`` or ``cpu``.

    ``baked`` is the (width, height) that its file fixes, None where it takes any. ``normalises`` says whether the
    network itself takes ImageNet's mean off: MiDaS's own export does, those of Depth Anything do not.
    """

    def __init__(self, path: Path, name: str, *, threads: int | None = None) -> None:
        """Load ``path``; ``threads`` on the CPU (None: one a core).

        CUDA comes first where onnxruntime has it. Raises :class:`maquette.recon.onnx.OnnxRuntimeMissingError` or
        :class:`BrokenDepthModelError`, in which ``name`` names the model.
        """
        self.name = name
        if not path.is_file():
            raise BrokenDepthModelError(name, f"its file '{path.name}' is missing")
        try:
            self._session = open_session(path, threads)
        except OnnxError as error:
            raise BrokenDepthModelError(name, "its file is damaged or no ONNX model") from error
        self._input, self.baked = _checked_input(self._session, name)
        self.provider = "cuda" if self._session.get_providers()[0].startswith("CUDA") else "cpu"
        self.normalises = _holds_mean(path)

    def __call__(self, given: Float32[ndarray, "1 3 h w"]) -> Float32[ndarray, "h2 w2"]:
        """What the network says.

        Raises ``MemoryError``, or :class:`DepthFailedError` where its answer is no picture of finite numbers.
        """
        try:
            answer = first_output(self._session, {self._input: given})
        except OnnxError as error:
            raise DepthFailedError(self.name, f"onnxruntime says '{error}'") from error
        shape = answer.shape
        if answer.ndim in (3, 4) and shape[:-2] == (1,) * (answer.ndim - 2):
            answer = answer.reshape(shape[-2:])
        if answer.ndim != 2 or min(answer.shape) < 2 or answer.dtype.kind != "f":
            raise DepthFailedError(self.name, f"its output is {answer.dtype}{list(shape)}, not one picture")
        if not np.isfinite(answer).all():
            raise DepthFailedError(self.name, "its output holds numbers that are not finite")
        picture: Float32[ndarray, "h2 w2"] = answer.astype(np.float32)
        return picture


def _checked_input(session: Any, name: str) -> tuple[str, tuple[int, int] | None]:
    """Name of the one input, and the size its file fixes."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise BrokenDepthModelError(name, f"it wants {len(inputs)} inputs, a depth network one photo")
    wanted = inputs[0]
    shape = list(wanted.shape)
    words = f"{wanted.type}{shape}"
    if len(shape) != 4:
        raise BrokenDepthModelError(name, f"its input is {words}, not one photo as [1, 3, height, width]")
    batch, channels, height, width = (side if isinstance(side, int) and side > 0 else None for side in shape)
    if batch not in (None, 1) or channels not in (None, 3) or (channels is None and width == 3):
        raise BrokenDepthModelError(name, f"its input is {words}, not one photo as [1, 3, height, width]")
    if wanted.type != _FLOAT:
        raise BrokenDepthModelError(name, f"its input is {words}, not numbers of 32 bit: take the float32 export")
    if (height is None) != (width is None):
        raise BrokenDepthModelError(name, f"its input is {words}: one side fixed and the other not")
    return str(wanted.name), None if height is None or width is None else (width, height)


def _holds_mean(path: Path) -> bool:
    """Whether ImageNet's three means stand in the file, one after the other, as only an export does that uses them.

    Not read from the graph: that takes the package onnx, which nobody needs to run a model.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(_MEAN_BYTES) >= 0
