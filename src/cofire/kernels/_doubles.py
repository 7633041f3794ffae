"""Eight double-precision numbers at once, as a number type inside compiled functions.

The sibling of `_lanes`, with comparisons: which lanes pass is an integer whose lowest eight bits belong to the lanes.
Every operation rounds once, as on single numbers; none are fused.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.datamodel.registry import register_default

from cofire.kernels._lanes import intrinsic

WIDTH = 8
BYTES = 8 * WIDTH
_BIT, _BYTE, _SHORT, _LONG, _DOUBLE = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.DoubleType()
_DOUBLES, _LONGS, _MASK = (ir.VectorType(kind, WIDTH) for kind in (_DOUBLE, _LONG, _BIT))


class Doubles(types.Type):
    """The type of eight numbers."""

    def __init__(self) -> None:
        super().__init__(name="Doubles")


DOUBLES = Doubles()


@register_default(Doubles)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any):
        super().__init__(manager, kind, _DOUBLES)


@intrinsic
def load(_context, address):
    """The numbers from an address on."""

    def generate(_context, builder, _signature, arguments):
        loaded = builder.load(builder.inttoptr(arguments[0], _DOUBLES.as_pointer()))
        loaded.align = 8
        return loaded

    return DOUBLES(types.int64), generate


@intrinsic
def store(_context, address, eight):
    """Write the numbers from an address on."""

    def generate(context, builder, _signature, arguments):
        stored = builder.store(arguments[1], builder.inttoptr(arguments[0], _DOUBLES.as_pointer()))
        stored.align = 8
        return context.get_dummy_value()

    return types.void(types.int64, DOUBLES), generate


@intrinsic
def load_some(_context, address, count):
    """The first `count` numbers from an address on, and zeros; nothing behind them is read."""

    def generate(_context, builder, _signature, arguments):
        pointer = builder.inttoptr(arguments[0], _DOUBLES.as_pointer())
        kind = ir.FunctionType(_DOUBLES, [_DOUBLES.as_pointer(), _SHORT, _MASK, _DOUBLES])
        masked = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.load.v{WIDTH}f64.p0")
        return builder.call(masked, [pointer, ir.Constant(_SHORT, 8), _below(builder, arguments[1]), _constant(0.0)])

    return DOUBLES(types.int64, types.int64), generate


@intrinsic
def store_some(_context, address, eight, count):
    """Write the first `count` lanes from an address on."""

    def generate(context, builder, _signature, arguments):
        pointer = builder.inttoptr(arguments[0], _DOUBLES.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [_DOUBLES, _DOUBLES.as_pointer(), _SHORT, _MASK])
        masked = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.store.v{WIDTH}f64.p0")
        builder.call(masked, [arguments[1], pointer, ir.Constant(_SHORT, 8), _below(builder, arguments[2])])
        return context.get_dummy_value()

    return types.void(types.int64, DOUBLES, types.int64), generate


@intrinsic
def splat(_context, value):
    """One number in all lanes."""

    def generate(_context, builder, _signature, arguments):
        nothing = ir.Constant(_DOUBLES, ir.Undefined)
        first = builder.insert_element(nothing, arguments[0], ir.Constant(_SHORT, 0))
        return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_SHORT, WIDTH), [0] * WIDTH))

    return DOUBLES(types.float64), generate


@intrinsic
def add(_context, x, y):
    """X + y."""

    def generate(_context, builder, _signature, arguments):
        return builder.fadd(*arguments)

    return DOUBLES(DOUBLES, DOUBLES), generate


@intrinsic
def multiply(_context, x, y):
    """X y."""

    def generate(_context, builder, _signature, arguments):
        return builder.fmul(*arguments)

    return DOUBLES(DOUBLES, DOUBLES), generate


@intrinsic
def magnitude(_context, x):
    """X without its sign."""

    def generate(_context, builder, _signature, arguments):
        kind = ir.FunctionType(_DOUBLES, [_DOUBLES])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.fabs.v{WIDTH}f64"), arguments)

    return DOUBLES(DOUBLES), generate


@intrinsic
def clip(_context, x):
    """X held to 0..1; not a number stays so."""

    def generate(_context, builder, _signature, arguments):
        x = arguments[0]
        for limit, beyond in ((0.0, "<"), (1.0, ">")):
            x = builder.select(builder.fcmp_ordered(beyond, x, _constant(limit)), _constant(limit), x)
        return x

    return DOUBLES(DOUBLES), generate


@intrinsic
def above(_context, x, y):
    """The lanes where x > y."""

    def generate(_context, builder, _signature, arguments):
        return _bits(builder, builder.fcmp_ordered(">", *arguments))

    return types.int64(DOUBLES, DOUBLES), generate


@intrinsic
def reaching(_context, x, y):
    """The lanes where x >= y."""

    def generate(_context, builder, _signature, arguments):
        return _bits(builder, builder.fcmp_ordered(">=", *arguments))

    return types.int64(DOUBLES, DOUBLES), generate


@intrinsic
def choose(_context, bits, x, y):
    """X in the lanes of `bits`, y in the others."""

    def generate(_context, builder, _signature, arguments):
        mask = builder.bitcast(builder.trunc(arguments[0], _BYTE), _MASK)
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


@intrinsic
def short(_context, address):
    """The one integer (uint32) at an address."""

    def generate(_context, builder, _signature, arguments):
        return builder.zext(builder.load(builder.inttoptr(arguments[0], _SHORT.as_pointer())), _LONG)

    return types.int64(types.int64), generate


@intrinsic
def put_byte(_context, address, value):
    """Write the lowest byte of an integer at an address."""

    def generate(context, builder, _signature, arguments):
        builder.store(builder.trunc(arguments[1], _BYTE), builder.inttoptr(arguments[0], _BYTE.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def put_integer(_context, address, value):
    """Write one integer (int64) at an address."""

    def generate(context, builder, _signature, arguments):
        builder.store(arguments[1], builder.inttoptr(arguments[0], _LONG.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def put_real(_context, address, value):
    """Write one double at an address."""

    def generate(context, builder, _signature, arguments):
        builder.store(arguments[1], builder.inttoptr(arguments[0], _DOUBLE.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.int64, types.float64), generate


@intrinsic
def clear(_context, address, count):
    """Set `count` bytes to zero."""

    def generate(context, builder, _signature, arguments):
        pointer = builder.inttoptr(arguments[0], _BYTE.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), _BYTE, _LONG, _BIT])
        fill = cgutils.get_or_insert_function(builder.module, kind, "llvm.memset.p0.i64")
        builder.call(fill, [pointer, ir.Constant(_BYTE, 0), arguments[1], ir.Constant(_BIT, 0)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def fetch(_context, address):
    """Bring the memory at an address nearer, without waiting for it."""

    def generate(context, builder, _signature, arguments):
        pointer = builder.inttoptr(arguments[0], _BYTE.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), _SHORT, _SHORT, _SHORT])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        read, near, data = (ir.Constant(_SHORT, number) for number in (0, 2, 1))
        builder.call(prefetch, [pointer, read, near, data])
        return context.get_dummy_value()

    return types.void(types.int64), generate


def _below(builder: Any, count: Any) -> Any:
    """Which lanes come before a count (int64)."""
    nothing = ir.Constant(_LONGS, ir.Undefined)
    counts = builder.insert_element(nothing, count, ir.Constant(_SHORT, 0))
    counts = builder.shuffle_vector(counts, nothing, ir.Constant(ir.VectorType(_SHORT, WIDTH), [0] * WIDTH))
    return builder.icmp_signed("<", ir.Constant(_LONGS, list(range(WIDTH))), counts)


def _bits(builder: Any, mask: Any) -> Any:
    return builder.zext(builder.bitcast(mask, _BYTE), _LONG)


def _constant(value: float) -> Any:
    return ir.Constant(_DOUBLES, [ir.Constant(_DOUBLE, value)] * WIDTH)
