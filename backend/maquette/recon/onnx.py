"""Opens and runs ONNX networks of any kind; what a network is for, and what its answer means, is its caller's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from maquette.errors import UnavailableError


class OnnxRuntimeMissingError(UnavailableError):
    """The package that runs ONNX models is not installed."""

    code = "onnxruntime_missing"

    def __init__(self) -> None:
        super().__init__(
            "A network for depth or background needs the package onnxruntime, which is not installed.",
            suggestion="Run `pip install onnxruntime`, or with an NVIDIA GPU `pip install 'maquette[cuda]'`.",
            package="onnxruntime",
        )


class OnnxError(Exception):
    """What onnxruntime said, in one line: the caller names the model it was about."""


def lists_cuda() -> bool:
    """Whether the onnxruntime that is installed was built for CUDA; whether CUDA starts is another matter."""
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def open_session(path: Path, threads: int | None) -> Any:
    """The network of a file; ``threads`` on the CPU (None: one a core). CUDA comes first where onnxruntime has it.

    Raises :class:`OnnxRuntimeMissingError`, or :class:`OnnxError` for a file that holds no network.
    """
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
    except _raised_by_runtime() as error:
        raise OnnxError(_first_line(error)) from error


def first_output(session: Any, given: dict[str, ndarray]) -> ndarray:
    """What the network says first to inputs by their names.

    Raises ``MemoryError``, or :class:`OnnxError` where it does not run on them.
    """
    try:
        return np.asarray(session.run([session.get_outputs()[0].name], given)[0])
    except _raised_by_runtime() as error:
        if "allocate memory" in str(error):
            raise MemoryError(str(error)) from error  # a matter of the machine, told apart by whoever runs steps
        raise OnnxError(_first_line(error)) from error


def _raised_by_runtime() -> tuple[type[Exception], ...]:
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
    return next((line.strip()[:200] for line in str(error).splitlines() if line.strip()), type(error).__name__)
