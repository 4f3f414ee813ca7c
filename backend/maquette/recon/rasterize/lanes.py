"""Sixteen float32 at once inside kernels: one row of a tile, written as arithmetic and compiled to vector instructions.

LLVM turns a ``<16 x float>`` into whatever the machine has: one AVX-512 register, two of AVX, four of SSE or NEON. Left
to itself it vectorised the pixel loops too, but a Gaussian covers five rows of a tile on average, and tests, remainder
loops and one horizontal sum after another cost more than the rows. Extends numba by its documented interface.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, lower_cast, models, register_model
from numpy import ndarray

from maquette.recon.rasterize.compiled import Scalar, inlined_kernel, kernel

WIDTH = 16
LINE = 16
"""Floats in a cache line of 64 bytes."""
INT = ir.IntType(32)
BYTES = ir.IntType(8).as_pointer()
FLOATS = ir.VectorType(ir.FloatType(), WIDTH)
DOUBLE_FLOATS = ir.VectorType(ir.DoubleType(), WIDTH)
INTS = ir.VectorType(INT, WIDTH)
BITS = ir.VectorType(ir.IntType(1), WIDTH)


class LanesType(types.Type):
    """Sixteen float32."""

    def __init__(self) -> None:
        super().__init__(name="float32x16")


class DoublesType(types.Type):
    """Sixteen float64, for the few sums in which float32 would lose a needle."""

    def __init__(self) -> None:
        super().__init__(name="float64x16")


class MaskType(types.Type):
    """Sixteen truth values."""

    def __init__(self) -> None:
        super().__init__(name="bool_x16")


LANES, DOUBLES, MASK = LanesType(), DoublesType(), MaskType()


@register_model(LanesType)
class LanesModel(models.PrimitiveModel):
    """How LLVM holds :class:`LanesType`."""

    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, FLOATS)


@register_model(DoublesType)
class DoublesModel(models.PrimitiveModel):
    """How LLVM holds :class:`DoublesType`."""

    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, DOUBLE_FLOATS)


@register_model(MaskType)
class MaskModel(models.PrimitiveModel):
    """How LLVM holds :class:`MaskType`."""

    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, BITS)


def _splat(context: Any, builder: Any, source: Any, target: Any, value: Any) -> Any:
    kind = ir.VectorType(value.type, WIDTH)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, INT(0))
    return builder.shuffle_vector(one, one, ir.Constant(INTS, [0] * WIDTH))


lower_cast(types.float32, LANES)(_splat)
lower_cast(types.float64, DOUBLES)(_splat)
ONE_OF = {LANES: types.float32, DOUBLES: types.float64, MASK: types.boolean}
"""What is in one lane."""


def _define_operator(function: Any, result: Any, operand: Any, emit: Callable[..., Any], operands: int = 2) -> None:
    """Let kernels apply ``function`` to operands of which one at least has lanes and others may be a single number."""

    class Rule(AbstractTemplate):
        def generic(self, arguments: Any, keywords: Any) -> Any:
            known = all(kind in (operand, ONE_OF[operand]) for kind in arguments)
            if known and operand in arguments and len(arguments) == operands:
                return signature(result, *[operand] * operands)
            return None

    def lower(context: Any, builder: Any, numba_signature: Any, values: Any) -> Any:
        return emit(builder, *values)

    infer_global(function)(Rule)
    lower_builtin(function, *[operand] * operands)(lower)


for _functions, _name in (
    ((operator.add, operator.iadd), "fadd"),
    ((operator.sub, operator.isub), "fsub"),
    ((operator.mul, operator.imul), "fmul"),
    ((operator.truediv, operator.itruediv), "fdiv"),
):
    for _function in _functions:
        for _lanes in (LANES, DOUBLES):
            _define_operator(_function, _lanes, _lanes, getattr(ir.IRBuilder, _name))
_define_operator(operator.neg, LANES, LANES, ir.IRBuilder.fneg, operands=1)


def _comparison(sign: str) -> Callable[..., Any]:
    return lambda builder, a, b: builder.fcmp_ordered(sign, a, b)


for _function, _sign in ((operator.ge, ">="), (operator.gt, ">"), (operator.le, "<="), (operator.lt, "<")):
    _define_operator(_function, MASK, LANES, _comparison(_sign))
_define_operator(operator.ne, MASK, LANES, lambda builder, a, b: builder.fcmp_unordered("!=", a, b))
_define_operator(operator.and_, MASK, MASK, ir.IRBuilder.and_)


def emits(result: Any, *operands: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make a function that builds LLVM code callable in kernels; it gets contiguous arrays as pointers."""

    def decorate(emit: Callable[..., Any]) -> Any:
        def lower(context: Any, builder: Any, numba_signature: Any, values: Any) -> Any:
            pairs = zip(numba_signature.args, values, strict=True)
            plain = [
                context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
                for kind, value in pairs
            ]
            built = emit(builder, *plain)
            return context.get_dummy_value() if result is types.void else built

        def define(typing: Any, *arguments: Any) -> Any:
            kinds = [wanted or found for wanted, found in zip(operands, arguments, strict=True)]
            return signature(result, *kinds), lower

        define.__name__ = define.__qualname__ = emit.__name__
        # numba reads the number of operands off the signature.
        names = ["typing", *(f"operand_{index}" for index in range(len(operands)))]
        parameters = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names]
        define.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        return intrinsic(define)

    return decorate


ARRAY = None
"""An operand that is a contiguous float32 array."""


@emits(LANES, ARRAY, types.uint64)
def load(builder: Any, array: Any, at: Any) -> Any:
    """Sixteen floats from flat index ``at``."""
    return builder.load(builder.bitcast(builder.gep(array, [at]), FLOATS.as_pointer()), align=4)


@emits(types.void, ARRAY, types.uint64, LANES)
def store(builder: Any, array: Any, at: Any, lanes: Any) -> Any:
    """Write sixteen floats at flat index ``at``."""
    builder.store(lanes, builder.bitcast(builder.gep(array, [at]), FLOATS.as_pointer()), align=4)


def _llvm(builder: Any, name: str, result: Any, *arguments: Any) -> Any:
    """Call one of LLVM's own functions."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), arguments)


def _ask_for(builder: Any, array: Any, at: Any, for_writing: int) -> None:
    here = builder.bitcast(builder.gep(array, [at]), BYTES)
    _llvm(builder, "llvm.prefetch.p0", ir.VoidType(), here, INT(for_writing), INT(3), INT(1))


@emits(types.void, ARRAY, types.uint64)
def will_read(builder: Any, array: Any, at: Any) -> None:
    """Ask for the cache line of flat index ``at``."""
    _ask_for(builder, array, at, 0)


@emits(types.void, ARRAY, types.uint64)
def will_write(builder: Any, array: Any, at: Any) -> None:
    """Ask for the cache line of flat index ``at``, to be written."""
    _ask_for(builder, array, at, 1)


@emits(LANES, types.float32)
def lanes_of(builder: Any, value: Any) -> Any:
    """The same float32 in all lanes."""
    return _splat(None, builder, None, None, value)


@emits(DOUBLES, LANES)
def doubled(builder: Any, a: Any) -> Any:
    """The same numbers in double precision."""
    return builder.fpext(a, DOUBLE_FLOATS)


@emits(LANES, DOUBLES)
def halved(builder: Any, a: Any) -> Any:
    """The nearest numbers in single precision."""
    return builder.fptrunc(a, FLOATS)


@emits(types.uint64, MASK)
def bits_of(builder: Any, mask: Any) -> Any:
    """The truth values as bits, that of the first lane lowest."""
    return builder.zext(builder.bitcast(mask, ir.IntType(WIDTH)), ir.IntType(64))


@emits(LANES, MASK, LANES, LANES)
def select(builder: Any, mask: Any, then: Any, otherwise: Any) -> Any:
    """Lane by lane, ``then`` where the mask is set."""
    return builder.select(mask, then, otherwise)


@emits(LANES, LANES, LANES)
def least(builder: Any, a: Any, b: Any) -> Any:
    """Lane by lane, the smaller."""
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


@emits(LANES, LANES, LANES)
def most(builder: Any, a: Any, b: Any) -> Any:
    """Lane by lane, the larger."""
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


@emits(LANES, LANES)
def rounded(builder: Any, x: Any) -> Any:
    """Lane by lane, the nearest whole number."""
    return _llvm(builder, "llvm.roundeven.v16f32", FLOATS, x)


@emits(LANES, LANES, LANES)
def scaled(builder: Any, x: Any, whole: Any) -> Any:
    """``x * 2**whole`` for whole numbers, added to the exponent bits: both sides must be normal numbers."""
    shift = builder.shl(builder.fptosi(whole, INTS), ir.Constant(INTS, [23] * WIDTH))
    return builder.bitcast(builder.add(builder.bitcast(x, INTS), shift), FLOATS)


def _neighbours_added(builder: Any, a: Any, b: Any) -> Any:
    """Within each four lanes: sums of the two pairs of ``a``, then of the two pairs of ``b``."""
    even = [at for four in range(0, WIDTH, 4) for at in (four, four + 2, WIDTH + four, WIDTH + four + 2)]
    odd = [at + 1 for at in even]
    return builder.fadd(
        builder.shuffle_vector(a, b, ir.Constant(INTS, even)), builder.shuffle_vector(a, b, ir.Constant(INTS, odd))
    )


def _folded(builder: Any, a: Any) -> Any:
    """Add the upper half of the lanes to the lower."""
    width = a.type.count // 2
    index = ir.VectorType(INT, width)
    low, high = (ir.Constant(index, list(range(begin, begin + width))) for begin in (0, width))
    return builder.fadd(builder.shuffle_vector(a, a, low), builder.shuffle_vector(a, a, high))


@emits(types.void, ARRAY, types.uint64, LANES, LANES, LANES, LANES)
def store_sums(builder: Any, array: Any, at: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    """Sum the lanes of each of four, and write the four sums from flat index ``at`` on."""
    fours = _neighbours_added(builder, _neighbours_added(builder, a, b), _neighbours_added(builder, c, d))
    sums = _folded(builder, _folded(builder, fours))
    builder.store(sums, builder.bitcast(builder.gep(array, [at]), sums.type.as_pointer()), align=4)


@emits(types.float32, LANES)
def total(builder: Any, a: Any) -> Any:
    """The sum of the lanes."""
    while a.type.count > 1:
        a = _folded(builder, a)
    return builder.extract_element(a, INT(0))


LEAST_EXPONENT = np.float32(-126.0)
C0 = np.float32(0.9999992847442627)
C1 = np.float32(0.6931217908859253)
C2 = np.float32(0.240247443318367)
C3 = np.float32(0.05591785907745361)
C4 = np.float32(0.009570102207362652)


@inlined_kernel
def exp2_below_127(x: Scalar) -> Scalar:
    """2**x lane by lane, relative error below 3e-6; what is below -126 counts as -126.

    x is an integer and a fraction in [-0.5, 0.5]: the fraction goes through the polynomial of degree 4 with the least
    relative error there (2.6e-6, by Remez's exchange), the integer into the exponent bits.
    """
    x = most(x, LEAST_EXPONENT)
    whole = rounded(x)
    f = x - whole
    return scaled((((f * C4 + C3) * f + C2) * f + C1) * f + C0, whole)


@kernel
def lines(count: Scalar) -> ndarray:
    """``count`` zeros that begin on a cache line, so that no vector lies across two."""
    room = np.zeros(count + LINE, np.float32)
    skip = (-np.int64(room.ctypes.data) // 4) % LINE
    return room[skip : skip + count]
