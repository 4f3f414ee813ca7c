"""Between arrays, where each Gaussian's numbers lie together, and lanes, where sixteen Gaussians lie side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy import ndarray

from maquette.recon.rasterize.compiled import Scalar, inlined_kernel, kernel
from maquette.recon.rasterize.lanes import ARRAY, FLOATS, INT, LANES, WIDTH, emits

SIZES = (3, 3, 4, 1)
"""A row of parameters or of their gradients: mean 0-2, log scales 3-5, quaternion 6-9, opacity logit 10."""
PACK = 16
"""Floats a visible Gaussian is packed into, a cache line: mean x, y; the exponent's coefficients of dx^2, dx dy, dy^2;
log2 of the opacity; red, green, blue; depth; half extents x, y of the ellipse where alpha is 1/255; room for the first
slot; the direction it is seen in, a unit vector."""
CROSSED = 48
"""Numbers of a Gaussian's harmonics of degree 3: three vectors, so that they can be read and written crosswise."""


def _shuffle(builder: Any, a: Any, b: Any, lanes: list[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(INT, len(lanes)), lanes))


def _load_few(builder: Any, array: Any, at: Any, count: int) -> Any:
    """``count`` floats from flat index ``at`` and nothing behind them, in the first lanes of sixteen; zeros follow."""
    few = ir.VectorType(ir.FloatType(), count)
    here = builder.load(builder.bitcast(builder.gep(array, [at]), few.as_pointer()), align=4)
    lanes = [lane if lane < count else count for lane in range(WIDTH)]
    return _shuffle(builder, here, ir.Constant(few, [0.0] * count), lanes)


def _store_few(builder: Any, array: Any, at: Any, lanes: Any, first: int, count: int) -> None:
    few = _shuffle(builder, lanes, lanes, list(range(first, first + count)))
    builder.store(few, builder.bitcast(builder.gep(array, [at]), few.type.as_pointer()), align=4)


@emits(LANES, ARRAY, types.uint64)
def load_nine(builder: Any, array: Any, at: Any) -> Any:
    """Nine floats from flat index ``at``, then zeros."""
    return _load_few(builder, array, at, 9)


@emits(LANES, ARRAY, types.uint64)
def load_ten(builder: Any, array: Any, at: Any) -> Any:
    """Ten floats from flat index ``at``, then zeros."""
    return _load_few(builder, array, at, 10)


@emits(LANES, ARRAY, ARRAY, ARRAY, ARRAY, types.uint64)
def load_parameters(builder: Any, means: Any, log_scales: Any, quaternions: Any, logits: Any, i: Any) -> Any:
    """The row of Gaussian ``i``, in the order of ``SIZES``."""
    row, begin = ir.Constant(FLOATS, [0.0] * WIDTH), 0
    for array, count in zip((means, log_scales, quaternions, logits), SIZES, strict=True):
        part = _load_few(builder, array, builder.mul(i, ir.Constant(i.type, count)), count)
        lanes = [WIDTH + lane - begin if begin <= lane < begin + count else lane for lane in range(WIDTH)]
        row = _shuffle(builder, row, part, lanes)
        begin += count
    return row


@emits(types.void, ARRAY, ARRAY, ARRAY, ARRAY, types.uint64, LANES)
def store_parameters(
    builder: Any, means: Any, log_scales: Any, quaternions: Any, logits: Any, i: Any, row: Any
) -> None:
    """The inverse of :func:`load_parameters`."""
    begin = 0
    for array, count in zip((means, log_scales, quaternions, logits), SIZES, strict=True):
        _store_few(builder, array, builder.mul(i, ir.Constant(i.type, count)), row, begin, count)
        begin += count


@emits(types.void, ARRAY, ARRAY, types.uint64, ARRAY, types.uint64)
def cross(builder: Any, source: Any, starts: Any, column: Any, target: Any, at: Any) -> None:
    """Transpose: lane r of vector c, from ``target[at]`` on, becomes ``source[starts[r] + column + c]``; both below 16.

    Four rounds of sixteen shuffles: pairs of numbers, pairs of those, then quarters of rows twice.
    """
    rows = []
    for r in range(WIDTH):
        start = builder.load(builder.gep(starts, [INT(r)]))
        here = builder.bitcast(builder.gep(source, [builder.add(start, column)]), FLOATS.as_pointer())
        rows.append(builder.load(here, align=4))
    low = [q + k for q in range(0, WIDTH, 4) for k in (0, WIDTH, 1, WIDTH + 1)]
    high = [lane + 2 for lane in low]
    pairs_low = [q + k for q in range(0, WIDTH, 4) for k in (0, 1, WIDTH, WIDTH + 1)]
    pairs_high = [lane + 2 for lane in pairs_low]
    quarters_even = [quarter + k for quarter in (0, 8, WIDTH, WIDTH + 8) for k in range(4)]
    quarters_odd = [lane + 4 for lane in quarters_even]
    # columns[j][i]: within each quarter L, column 4 L + j of rows 4 i to 4 i + 3
    columns: list[list[Any]] = [[], [], [], []]
    for r in range(0, WIDTH, 4):
        a, b = (_shuffle(builder, rows[r], rows[r + 1], lanes) for lanes in (low, high))
        c, d = (_shuffle(builder, rows[r + 2], rows[r + 3], lanes) for lanes in (low, high))
        for j, (first, second, lanes) in enumerate(
            ((a, c, pairs_low), (a, c, pairs_high), (b, d, pairs_low), (b, d, pairs_high))
        ):
            columns[j].append(_shuffle(builder, first, second, lanes))
    for j, (a, b, c, d) in enumerate(columns):
        for odd, lanes in ((0, quarters_even), (1, quarters_odd)):
            ab, cd = _shuffle(builder, a, b, lanes), _shuffle(builder, c, d, lanes)
            for upper, halves in ((0, quarters_even), (1, quarters_odd)):
                column_found = 4 * (2 * upper + odd) + j
                place = builder.add(at, ir.Constant(at.type, WIDTH * column_found))
                here = builder.bitcast(builder.gep(target, [place]), FLOATS.as_pointer())
                builder.store(_shuffle(builder, ab, cd, halves), here, align=4)


@kernel
def row_starts() -> ndarray:
    """Where sixteen rows begin that lie one behind the other."""
    starts = np.empty(WIDTH, np.uint64)
    for lane in range(WIDTH):
        starts[lane] = np.uint64(lane * WIDTH)
    return starts


@inlined_kernel
def has(bits: Scalar, lane: Scalar) -> Scalar:
    """Whether the bit of a lane is set."""
    return (bits >> np.uint64(lane)) & np.uint64(1) != np.uint64(0)


# Instructions, not kernels: numba would compile one of its own for every constant that follows as ``number``.
@emits(LANES, ARRAY, types.uint64)
def nth(builder: Any, array: Any, number: Any) -> Any:
    """Vector ``number`` of an array of them."""
    return builder.load(_vector(builder, array, number), align=4)


@emits(types.void, ARRAY, types.uint64, LANES)
def put(builder: Any, array: Any, number: Any, lanes: Any) -> None:
    """Write vector ``number`` of an array of them."""
    builder.store(lanes, _vector(builder, array, number), align=4)


def _vector(builder: Any, array: Any, number: Any) -> Any:
    at = builder.mul(number, ir.Constant(number.type, WIDTH))
    return builder.bitcast(builder.gep(array, [at]), FLOATS.as_pointer())
