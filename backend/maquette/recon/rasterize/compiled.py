"""How kernels are compiled: one home for numba's options."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any, TypeAlias

from numba import njit

Scalar: TypeAlias = Any
"""A number inside a kernel: numba infers whether it is float32 or an integer."""

# Threads that wait should sleep. By default OpenMP's spin, and where other programs want the cores that more than
# doubled the time of an iteration. OpenMP reads this when numba first starts its threads, not on import.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Reassociation and contraction let sums vectorise. "nnan" and "ninf" stay out: a NaN must stay visible.
FAST_MATH = {"contract", "reassoc", "nsz", "arcp", "afn"}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` for one thread; small ones are inlined by LLVM into their callers."""
    # Tests wrap every function of `recon` in a type checker, which numba cannot compile: unwrap first.
    return njit(cache=True, fastmath=FAST_MATH, error_model="numpy")(inspect.unwrap(function))


def inlined_kernel(function: Callable[..., Any]) -> Any:
    """As :func:`kernel`, and made part of whatever calls it: for what a hot loop calls with many arguments."""
    return njit(cache=True, fastmath=FAST_MATH, error_model="numpy", forceinline=True)(inspect.unwrap(function))


def exact_kernel(function: Callable[..., Any]) -> Any:
    """As :func:`inlined_kernel`, with the same bits wherever it is inlined: for what two kernels must agree about."""
    return njit(cache=True, error_model="numpy", forceinline=True)(inspect.unwrap(function))


def parallel_kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` for all cores. Iterations of its ``prange`` must write to places of their own."""
    return njit(cache=True, fastmath=FAST_MATH, error_model="numpy", parallel=True, nogil=True)(
        inspect.unwrap(function)
    )
