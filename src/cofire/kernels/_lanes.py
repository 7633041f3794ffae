"""Sixteen single-precision numbers at once, as a number type inside compiled functions.

LLVM splits them into what the processor has (one register of AVX-512, two of AVX2, four of NEON). Addresses are plain
integers, in bytes: who calls must keep the arrays alive and inside their bounds.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.datamodel.registry import register_default
from numba.extending import intrinsic as _intrinsic

intrinsic: Any = _intrinsic  # what it returns is called without the typing context
WIDTH = 16
BYTES = 4 * WIDTH
_FLOAT, _INTEGER = ir.FloatType(), ir.IntType(32)
_FLOATS, _INTEGERS = ir.VectorType(_FLOAT, WIDTH), ir.VectorType(_INTEGER, WIDTH)
_MASK = ir.VectorType(ir.IntType(1), WIDTH)


class Lanes(types.Type):
    """The type of sixteen numbers."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


LANES = Lanes()


@register_default(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any):
        super().__init__(manager, kind, _FLOATS)


@intrinsic
def load(_context, address):
    """The numbers from an address on."""

    def generate(_context, builder, _signature, arguments):
        loaded = builder.load(builder.inttoptr(arguments[0], _FLOATS.as_pointer()))
        loaded.align = 4
        return loaded

    return LANES(types.int64), generate


@intrinsic
def store(_context, address, lanes):
    """Write the numbers from an address on."""

    def generate(context, builder, _signature, arguments):
        stored = builder.store(arguments[1], builder.inttoptr(arguments[0], _FLOATS.as_pointer()))
        stored.align = 4
        return context.get_dummy_value()

    return types.void(types.int64, LANES), generate


@intrinsic
def gather(_context, address, step):
    """Sixteen numbers that lie `step` bytes apart."""

    def generate(_context, builder, _signature, arguments):
        lanes, place = ir.Constant(_FLOATS, ir.Undefined), arguments[0]
        for lane in range(WIDTH):
            one = builder.load(builder.inttoptr(place, _FLOAT.as_pointer()))
            lanes = builder.insert_element(lanes, one, ir.Constant(_INTEGER, lane))
            place = builder.add(place, arguments[1])
        return lanes

    return LANES(types.int64, types.int64), generate


@intrinsic
def scatter(_context, address, lanes, step):
    """Write the sixteen lanes `step` bytes apart."""

    def generate(context, builder, _signature, arguments):
        place = arguments[0]
        for lane in range(WIDTH):
            one = builder.extract_element(arguments[1], ir.Constant(_INTEGER, lane))
            builder.store(one, builder.inttoptr(place, _FLOAT.as_pointer()))
            place = builder.add(place, arguments[2])
        return context.get_dummy_value()

    return types.void(types.int64, LANES, types.int64), generate


@intrinsic
def load_some(_context, address, count):
    """The first `count` numbers from an address on, and zeros; nothing behind them is read."""

    def generate(_context, builder, _signature, arguments):
        pointer = builder.inttoptr(arguments[0], _FLOATS.as_pointer())
        kind = ir.FunctionType(_FLOATS, [_FLOATS.as_pointer(), _INTEGER, _MASK, _FLOATS])
        masked = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.load.v{WIDTH}f32.p0")
        return builder.call(masked, [pointer, ir.Constant(_INTEGER, 4), _below(builder, arguments[1]), _constant(0.0)])

    return LANES(types.int64, types.int64), generate


@intrinsic
def store_some(_context, address, lanes, count):
    """Write the first `count` lanes from an address on."""

    def generate(context, builder, _signature, arguments):
        pointer = builder.inttoptr(arguments[0], _FLOATS.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [_FLOATS, _FLOATS.as_pointer(), _INTEGER, _MASK])
        masked = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.store.v{WIDTH}f32.p0")
        builder.call(masked, [arguments[1], pointer, ir.Constant(_INTEGER, 4), _below(builder, arguments[2])])
        return context.get_dummy_value()

    return types.void(types.int64, LANES, types.int64), generate


@intrinsic
def keep(_context, lanes, count):
    """The first `count` lanes, and zeros."""

    def generate(_context, builder, _signature, arguments):
        return builder.select(_below(builder, arguments[1]), arguments[0], _constant(0.0))

    return LANES(LANES, types.int64), generate


@intrinsic
def number(_context, address):
    """The one number at an address."""

    def generate(_context, builder, _signature, arguments):
        return builder.load(builder.inttoptr(arguments[0], _FLOAT.as_pointer()))

    return types.float32(types.int64), generate


@intrinsic
def integer(_context, address):
    """The one integer (int64) at an address."""

    def generate(_context, builder, _signature, arguments):
        return builder.load(builder.inttoptr(arguments[0], ir.IntType(64).as_pointer()))

    return types.int64(types.int64), generate


@intrinsic
def real(_context, address):
    """The one double at an address."""

    def generate(_context, builder, _signature, arguments):
        return builder.load(builder.inttoptr(arguments[0], ir.DoubleType().as_pointer()))

    return types.float64(types.int64), generate


@intrinsic
def put(_context, address, value):
    """Write one number at an address."""

    def generate(context, builder, _signature, arguments):
        builder.store(arguments[1], builder.inttoptr(arguments[0], _FLOAT.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.float32), generate


@intrinsic
def splat(_context, value):
    """One number in all lanes."""

    def generate(_context, builder, _signature, arguments):
        nothing = ir.Constant(_FLOATS, ir.Undefined)
        first = builder.insert_element(nothing, arguments[0], ir.Constant(_INTEGER, 0))
        return builder.shuffle_vector(first, nothing, ir.Constant(_INTEGERS, [0] * WIDTH))

    return LANES(types.float32), generate


@intrinsic
def fused(_context, x, y, z):
    """X y + z, rounded once."""

    def generate(_context, builder, _signature, arguments):
        return builder.call(_function(builder, "fma", 3), arguments)

    return LANES(LANES, LANES, LANES), generate


@intrinsic
def add(_context, x, y):
    """X + y."""

    def generate(_context, builder, _signature, arguments):
        return builder.fadd(*arguments)

    return LANES(LANES, LANES), generate


@intrinsic
def subtract(_context, x, y):
    """X - y."""

    def generate(_context, builder, _signature, arguments):
        return builder.fsub(*arguments)

    return LANES(LANES, LANES), generate


@intrinsic
def multiply(_context, x, y):
    """X y."""

    def generate(_context, builder, _signature, arguments):
        return builder.fmul(*arguments)

    return LANES(LANES, LANES), generate


@intrinsic
def total(_context, x):
    """The sum of the lanes, always added in the same order."""

    def generate(_context, builder, _signature, arguments):
        lanes = arguments[0]
        width = WIDTH
        while width > 1:
            width //= 2
            upper = ir.Constant(ir.VectorType(_INTEGER, width), list(range(width, 2 * width)))
            lower = ir.Constant(ir.VectorType(_INTEGER, width), list(range(width)))
            lanes = builder.fadd(
                builder.shuffle_vector(lanes, lanes, lower), builder.shuffle_vector(lanes, lanes, upper)
            )
        return builder.extract_element(lanes, ir.Constant(_INTEGER, 0))

    return types.float32(LANES), generate


@intrinsic
def first(_context, x):
    """The first lane."""

    def generate(_context, builder, _signature, arguments):
        return builder.extract_element(arguments[0], ir.Constant(_INTEGER, 0))

    return types.float32(LANES), generate


@intrinsic
def highest(_context, x):
    """The greatest lane."""

    def generate(_context, builder, _signature, arguments):
        kind = ir.FunctionType(_FLOAT, [_FLOATS])
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
        one = _constant(1.0)
        return builder.fdiv(one, builder.fadd(one, _exponential(builder, builder.fsub(_constant(0.0), arguments[0]))))

    return LANES(LANES), generate


@intrinsic
def claim(_context, address, count):
    """Take the next `count` numbers of a counter that several threads share: the first of them."""

    def generate(_context, builder, _signature, arguments):
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", place, arguments[1], "monotonic")

    return types.int64(types.int64, types.int64), generate


def _exponential(builder: Any, x: Any) -> Any:
    """Exp(x) by Cody and Waite's reduction and the polynomial of Cephes' expf."""
    for limit, beyond in ((87.0, ">"), (-87.0, "<")):
        x = builder.select(builder.fcmp_ordered(beyond, x, _constant(limit)), _constant(limit), x)
    halves = builder.call(_function(builder, "rint", 1), [builder.fmul(x, _constant(1.4426950408889634))])
    rest = x
    for part in (-0.693359375, 2.12194440e-4):
        rest = builder.call(_function(builder, "fma", 3), [halves, _constant(part), rest])
    value = _constant(1.9875691500e-4)
    for factor in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        value = builder.call(_function(builder, "fma", 3), [value, rest, _constant(factor)])
    value = builder.call(_function(builder, "fma", 3), [value, builder.fmul(rest, rest), rest])
    exponent = builder.add(builder.fptosi(halves, _INTEGERS), ir.Constant(_INTEGERS, [127] * WIDTH))
    power = builder.bitcast(builder.shl(exponent, ir.Constant(_INTEGERS, [23] * WIDTH)), _FLOATS)
    return builder.fmul(builder.fadd(value, _constant(1.0)), power)


def _below(builder: Any, count: Any) -> Any:
    """Which lanes come before a count (int64)."""
    nothing = ir.Constant(_INTEGERS, ir.Undefined)
    narrow = builder.trunc(count, _INTEGER)
    counts = builder.insert_element(nothing, narrow, ir.Constant(_INTEGER, 0))
    counts = builder.shuffle_vector(counts, nothing, ir.Constant(_INTEGERS, [0] * WIDTH))
    return builder.icmp_signed("<", ir.Constant(_INTEGERS, list(range(WIDTH))), counts)


def _constant(value: float) -> Any:
    return ir.Constant(_FLOATS, [ir.Constant(_FLOAT, value)] * WIDTH)


def _function(builder: Any, name: str, count: int) -> Any:
    kind = ir.FunctionType(_FLOATS, [_FLOATS] * count)
    return cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{WIDTH}f32")
