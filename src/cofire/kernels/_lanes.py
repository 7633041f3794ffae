"""Operations on sixteen single-precision numbers at once, beside those that all vectors have."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from cofire.kernels._memory import intrinsic
from cofire.kernels._vectors import LANES, SHORT, loading, loading_some, spreading

WIDTH = LANES.width
BYTES = LANES.size * WIDTH
load, load_some, splat = loading(LANES), loading_some(LANES), spreading(LANES)


@intrinsic
def gather(_context, address, step):
    """Sixteen numbers that lie `step` bytes apart."""

    def generate(_context, builder, _signature, arguments):
        lanes, place = ir.Constant(LANES.numbers, ir.Undefined), arguments[0]
        for lane in range(WIDTH):
            one = builder.load(builder.inttoptr(place, LANES.number.as_pointer()))
            lanes = builder.insert_element(lanes, one, ir.Constant(SHORT, lane))
            place = builder.add(place, arguments[1])
        return lanes

    return LANES(types.int64, types.int64), generate


@intrinsic
def scatter(_context, address, lanes, step):
    """Write the sixteen lanes `step` bytes apart."""

    def generate(context, builder, _signature, arguments):
        place = arguments[0]
        for lane in range(WIDTH):
            one = builder.extract_element(arguments[1], ir.Constant(SHORT, lane))
            builder.store(one, builder.inttoptr(place, LANES.number.as_pointer()))
            place = builder.add(place, arguments[2])
        return context.get_dummy_value()

    return types.void(types.int64, LANES, types.int64), generate


@intrinsic
def keep(_context, lanes, count):
    """The first `count` lanes, and zeros."""

    def generate(_context, builder, _signature, arguments):
        return builder.select(LANES.below(builder, arguments[1]), arguments[0], LANES.constant(0.0))

    return LANES(LANES, types.int64), generate


@intrinsic
def total(_context, x):
    """The sum of the lanes, always added in the same order."""

    def generate(_context, builder, _signature, arguments):
        lanes = arguments[0]
        width = WIDTH
        while width > 1:
            width //= 2
            upper = ir.Constant(ir.VectorType(SHORT, width), list(range(width, 2 * width)))
            lower = ir.Constant(ir.VectorType(SHORT, width), list(range(width)))
            lanes = builder.fadd(
                builder.shuffle_vector(lanes, lanes, lower), builder.shuffle_vector(lanes, lanes, upper)
            )
        return builder.extract_element(lanes, ir.Constant(SHORT, 0))

    return types.float32(LANES), generate


@intrinsic
def first(_context, x):
    """The first lane."""

    def generate(_context, builder, _signature, arguments):
        return builder.extract_element(arguments[0], ir.Constant(SHORT, 0))

    return types.float32(LANES), generate


@intrinsic
def highest(_context, x):
    """The greatest lane."""

    def generate(_context, builder, _signature, arguments):
        kind = ir.FunctionType(LANES.number, [LANES.numbers])
        reduce = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fmax.v{WIDTH}f32")
        return builder.call(reduce, arguments)

    return types.float32(LANES), generate


@intrinsic
def exponential(_context, x):
    """Exp(x) to about one unit in the last place, between exp(-87) and exp(87)."""

    def generate(_context, builder, _signature, arguments):
        return _exponential(builder, arguments[0])

    return LANES(LANES), generate


@intrinsic
def sigmoid(_context, x):
    """1 / (1 + exp(-x)), to about two units in the last place; not a number stays so."""

    def generate(_context, builder, _signature, arguments):
        one = LANES.constant(1.0)
        return builder.fdiv(
            one, builder.fadd(one, _exponential(builder, builder.fsub(LANES.constant(0.0), arguments[0])))
        )

    return LANES(LANES), generate


def _exponential(builder: Any, x: Any) -> Any:
    """Exp(x) by Cody and Waite's reduction and the polynomial of Cephes' expf."""
    for limit, beyond in ((87.0, ">"), (-87.0, "<")):
        x = builder.select(builder.fcmp_ordered(beyond, x, LANES.constant(limit)), LANES.constant(limit), x)
    halves = builder.call(LANES.function(builder, "rint", 1), [builder.fmul(x, LANES.constant(1.4426950408889634))])
    rest = x
    for part in (-0.693359375, 2.12194440e-4):
        rest = builder.call(LANES.function(builder, "fma", 3), [halves, LANES.constant(part), rest])
    value = LANES.constant(1.9875691500e-4)
    for factor in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        value = builder.call(LANES.function(builder, "fma", 3), [value, rest, LANES.constant(factor)])
    value = builder.call(LANES.function(builder, "fma", 3), [value, builder.fmul(rest, rest), rest])
    exponent = builder.add(builder.fptosi(halves, LANES.integers), ir.Constant(LANES.integers, [127] * WIDTH))
    power = builder.bitcast(builder.shl(exponent, ir.Constant(LANES.integers, [23] * WIDTH)), LANES.numbers)
    return builder.fmul(builder.fadd(value, LANES.constant(1.0)), power)
