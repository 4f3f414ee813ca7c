"""Functions of sixteen numbers at once, as exact as float32 is: what projecting a Gaussian needs of the mathematics.

Those that are not finite where float32's are not: NaN stays NaN, and what overflows is larger than any number that a
picture can hold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from maquette.recon.rasterize.compiled import Scalar, inlined_kernel
from maquette.recon.rasterize.lanes import FLOATS, INTS, LANES, WIDTH, _llvm, emits, rounded, scaled, select

ONE = np.float32(1.0)
LOG2_E = np.float32(np.log2(np.e))
LIMIT = np.float32(126.0)
# 2**f = sum of E_k f^k on [-0.5, 0.5], relative error 8e-8 (Lawson's weighted least squares)
E0 = np.float32(1.0000000746)
E1 = np.float32(0.69314697)
E2 = np.float32(0.2402212)
E3 = np.float32(0.05550713)
E4 = np.float32(0.00967554)
E5 = np.float32(0.00132765)
# log2 m = 2 / ln 2 (s + s^3/3 + s^5/5 + s^7/7), s = (m - 1) / (m + 1), |s| < 0.172: error 4e-8
L1, L3, L5, L7 = (np.float32(2 / np.log(2) / k) for k in (1, 3, 5, 7))
ROOT_HALF_BITS = int(np.float32(np.sqrt(0.5)).view(np.int32))


@emits(LANES, LANES)
def root(builder: Any, a: Any) -> Any:
    """The square root."""
    return _llvm(builder, "llvm.sqrt.v16f32", FLOATS, a)


@emits(LANES, LANES)
def floor(builder: Any, a: Any) -> Any:
    """The largest whole number that is not larger."""
    return _llvm(builder, "llvm.floor.v16f32", FLOATS, a)


def _exponent(builder: Any, a: Any) -> Any:
    """k such that a = m 2^k with m in [sqrt(1/2), sqrt(2)), as an integer."""
    shifted = builder.sub(builder.bitcast(a, INTS), ir.Constant(INTS, [ROOT_HALF_BITS] * WIDTH))
    return builder.ashr(shifted, ir.Constant(INTS, [23] * WIDTH))


@emits(LANES, LANES)
def exponent(builder: Any, a: Any) -> Any:
    """The whole k with a = m 2^k and m in [sqrt(1/2), sqrt(2)), of normal positive numbers."""
    return builder.sitofp(_exponent(builder, a), FLOATS)


@emits(LANES, LANES)
def mantissa(builder: Any, a: Any) -> Any:
    """The m that belongs to :func:`exponent`."""
    shift = builder.shl(_exponent(builder, a), ir.Constant(INTS, [23] * WIDTH))
    return builder.bitcast(builder.sub(builder.bitcast(a, INTS), shift), FLOATS)


@inlined_kernel
def exp(x: Scalar) -> Scalar:
    """e^x; x counts as at most 87 and at least -87, NaN stays."""
    x = x * LOG2_E
    x = select(x < -LIMIT, -LIMIT, x)
    x = select(x > LIMIT, LIMIT, x)
    whole = rounded(x)
    f = x - whole
    power = scaled(((((f * E5 + E4) * f + E3) * f + E2) * f + E1) * f + E0, whole)
    return select(x != x, x, power)


@inlined_kernel
def log2(x: Scalar) -> Scalar:
    """log2 x of normal positive numbers."""
    m = mantissa(x)
    s = (m - ONE) / (m + ONE)
    s2 = s * s
    return exponent(x) + s * (((s2 * L7 + L5) * s2 + L3) * s2 + L1)
