"""An ONNX depth network on this machine: loaded, checked for being one, and run on arrays."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maquette.recon.depth.errors import BrokenDepthModelError, DepthFailedError, OnnxRuntimeMissingError
from maquette.recon.depth.families import IMAGENET_MEAN

_MEAN_BYTES = np.asarray(IMAGENET_MEAN, "<f4").tobytes()
_FLOAT = "tensor(float)"


class Network:
    """One loaded model. ``provider`` is what it runs on: ``cuda`` or ``cpu``.

    ``baked`` is the (width, height) that its file fixes, None where it takes any. ``normalises`` says whether the
    network itself takes ImageNet's mean off: MiDaS's own export does, those of Depth Anything do not.
    """

    def __init__(self, path: Path, name: str, *, threads: int | None = None) -> None:
        """Load ``path``; ``threads`` on the CPU (None: one a core).

        CUDA comes first where onnxruntime has it. Raises :class:`OnnxRuntimeMissingError` or
        :class:`BrokenDepthModelError`, in which ``name`` names the model.
        """
        self.name = name
        if not path.is_file():
            raise BrokenDepthModelError(name, f"its file '{path.name}' is missing")
        self._session = _open(path, name, threads)
        self._input, self.baked = _checked_input(self._session, name)
        self._output: str = self._session.get_outputs()[0].name
        self.provider = "cuda" if self._session.get_providers()[0].startswith("CUDA") else "cpu"
        self.normalises = _holds_mean(path)

    def __call__(self, given: Float32[ndarray, "1 3 h w"]) -> Float32[ndarray, "h2 w2"]:
        """What the network says.

        Raises ``MemoryError``, or :class:`DepthFailedError` where its answer is no picture of finite numbers.
        """
        try:
            (said,) = self._session.run([self._output], {self._input: given})
        except _runtime_errors() as error:
            if "allocate memory" in str(error):
                raise MemoryError(str(error)) from error  # a matter of the machine, told apart by whoever runs steps
            raise DepthFailedError(self.name, f"onnxruntime says '{_first_line(error)}'") from error
        answer = np.asarray(said)
        shape = answer.shape
        if answer.ndim in (3, 4) and shape[:-2] == (1,) * (answer.ndim - 2):
            answer = answer.reshape(shape[-2:])
        if answer.ndim != 2 or min(answer.shape) < 2 or answer.dtype.kind != "f":
            raise DepthFailedError(self.name, f"its output is {answer.dtype}{list(shape)}, not one picture")
        if not np.isfinite(answer).all():
            raise DepthFailedError(self.name, "its output holds numbers that are not finite")
        picture: Float32[ndarray, "h2 w2"] = answer.astype(np.float32)
        return picture


def _open(path: Path, name: str, threads: int | None) -> Any:
    try:
        # Imported here: without weights nothing of it is needed.
        import onnxruntime
    except ImportError as error:
        raise OnnxRuntimeMissingError from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised
    if threads is not None:
        options.intra_op_num_threads = threads
    there = onnxruntime.get_available_providers()
    wanted = [one for one in ("CUDAExecutionProvider", "CPUExecutionProvider") if one in there]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=wanted)
    except _runtime_errors() as error:
        raise BrokenDepthModelError(name, "its file is damaged or no ONNX model") from error


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


def _runtime_errors() -> tuple[type[Exception], ...]:
    """Every error that onnxruntime raises: they share no class of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    found = tuple(
        one
        for one in vars(state).values()
        if isinstance(one, type) and issubclass(one, Exception) and one.__module__ == state.__name__
    )
    # Shapes that do not fit are told as ValueError or RuntimeError.
    return (*found, RuntimeError, ValueError)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
