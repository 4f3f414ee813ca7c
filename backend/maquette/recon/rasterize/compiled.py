"""How kernels are compiled: one home for numba's options and the scalar functions LLVM needs help with."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
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


def parallel_kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` for all cores. Iterations of its ``prange`` must write to places of their own."""
    return njit(cache=True, fastmath=FAST_MATH, error_model="numpy", parallel=True, nogil=True)(
        inspect.unwrap(function)
    )


@kernel
def exp2_below_128(x: Scalar) -> Scalar:
    """2**x in float32 without a branch, so that loops over it vectorise; relative error below 3e-6.

    Split x into an integer and a fraction in [-0.5, 0.5]; the fraction goes through a degree-5 polynomial
    (Taylor of exp(f ln 2), whose remainder on that range is 2.4e-6), the integer into the exponent bits.
    x is clamped below at -126, where 2**x is still a normal number.
    """
    x = max(x, np.float32(-126.0))
    whole = np.int32(np.rint(x))
    f = x - np.float32(whole)
    p = np.float32(1.3333558e-3)
    p = p * f + np.float32(9.6181291e-3)
    p = p * f + np.float32(5.5504109e-2)
    p = p * f + np.float32(2.4022651e-1)
    p = p * f + np.float32(6.9314718e-1)
    p = p * f + np.float32(1.0)
    bits = np.int32((whole + np.int32(127)) << np.int32(23))
    return p * bits.view(np.float32)
