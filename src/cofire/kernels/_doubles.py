"""Operations on eight double-precision numbers at once, beside those that all vectors have.

Which lanes pass a comparison is an integer whose lowest eight bits belong to the lanes.
"""

from typing import Any

from llvmlite import ir
from numba import types

from cofire.kernels._memory import intrinsic
from cofire.kernels._vectors import DOUBLES, loading, loading_some, spreading

WIDTH = DOUBLES.width
load, load_some, splat = loading(DOUBLES), loading_some(DOUBLES), spreading(DOUBLES)
_BIT, _BYTE, _LONG = (ir.IntType(bits) for bits in (1, 8, 64))


@intrinsic
def magnitude(_context, x):
    """X without its sign."""

    def generate(_context, builder, _signature, arguments):
        return builder.call(DOUBLES.function(builder, "fabs", 1), arguments)

    return DOUBLES(DOUBLES), generate


@intrinsic
def clip(_context, x):
    """X held to 0..1; not a number stays so."""

    def generate(_context, builder, _signature, arguments):
        x = arguments[0]
        for limit, beyond in ((0.0, "<"), (1.0, ">")):
            x = builder.select(builder.fcmp_ordered(beyond, x, DOUBLES.constant(limit)), DOUBLES.constant(limit), x)
        return x

    return DOUBLES(DOUBLES), generate


def _comparing(comparison: str) -> Any:
    """The operation that finds the lanes where x compares so with y."""

    @intrinsic
    def compare(_context, x, y):
        def generate(_context, builder, _signature, arguments):
            return _bits(builder, builder.fcmp_ordered(comparison, *arguments))

        return types.int64(DOUBLES, DOUBLES), generate

    return compare


above, reaching = _comparing(">"), _comparing(">=")


@intrinsic
def choose(_context, bits, x, y):
    """X in the lanes of `bits`, y in the others."""

    def generate(_context, builder, _signature, arguments):
        mask = builder.bitcast(builder.trunc(arguments[0], _BYTE), ir.VectorType(_BIT, WIDTH))
        return builder.select(mask, arguments[1], arguments[2])

    return DOUBLES(types.int64, DOUBLES, DOUBLES), generate


@intrinsic
def lowest(_context, bits):
    """The place of the lowest bit that is set; one must be."""

    def generate(_context, builder, _signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(_BIT, 1))

    return types.int64(types.int64), generate


@intrinsic
def ones(_context, bits):
    """How many bits are set."""

    def generate(_context, builder, _signature, arguments):
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), generate


@intrinsic
def rest(_context, bits):
    """The bits without the lowest that is set."""

    def generate(_context, builder, _signature, arguments):
        return builder.and_(arguments[0], builder.sub(arguments[0], ir.Constant(_LONG, 1)))

    return types.int64(types.int64), generate


def _bits(builder: Any, mask: Any) -> Any:
    return builder.zext(builder.bitcast(mask, _BYTE), _LONG)
