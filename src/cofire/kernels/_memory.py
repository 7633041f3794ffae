"""Single numbers at addresses, and what threads share, as operations inside compiled functions.

Addresses are plain integers, in bytes: who calls must keep the arrays alive and inside their bounds.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as _intrinsic

intrinsic: Any = _intrinsic  # what it returns is called without the typing context
_BIT, _BYTE, _SHORT, _LONG = (ir.IntType(bits) for bits in (1, 8, 32, 64))
_FLOAT, _DOUBLE = ir.FloatType(), ir.DoubleType()


def _reading(kind: Any, typed: Any) -> Any:
    """The operation that reads what lies at an address."""

    @intrinsic
    def read(_context, address):
        def generate(_context, builder, _signature, arguments):
            return builder.load(builder.inttoptr(arguments[0], kind.as_pointer()))

        return typed(types.int64), generate

    return read


def _writing(kind: Any, typed: Any) -> Any:
    """The operation that writes one of them at an address."""

    @intrinsic
    def write(_context, address, value):
        def generate(context, builder, _signature, arguments):
            builder.store(arguments[1], builder.inttoptr(arguments[0], kind.as_pointer()))
            return context.get_dummy_value()

        return types.void(types.int64, typed), generate

    return write


# numbers in single precision, doubles, and integers of 64 bits
number, put = _reading(_FLOAT, types.float32), _writing(_FLOAT, types.float32)
real, put_real = _reading(_DOUBLE, types.float64), _writing(_DOUBLE, types.float64)
integer, put_integer = _reading(_LONG, types.int64), _writing(_LONG, types.int64)


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
        read, near, data = (ir.Constant(_SHORT, choice) for choice in (0, 2, 1))
        builder.call(prefetch, [pointer, read, near, data])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def claim(_context, address, count):
    """Take the next `count` numbers of a counter that several threads share: the first of them."""

    def generate(_context, builder, _signature, arguments):
        place = builder.inttoptr(arguments[0], _LONG.as_pointer())
        return builder.atomic_rmw("add", place, arguments[1], "monotonic")

    return types.int64(types.int64, types.int64), generate
