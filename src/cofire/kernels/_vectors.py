"""Several numbers at once, as number types inside compiled functions: sixteen in single precision, eight in double.

LLVM splits them into what the processor has (one register of AVX-512, two of AVX2, four of NEON). Every operation
rounds once, as on single numbers.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.datamodel.registry import register_default

from cofire.kernels._memory import intrinsic

SHORT = ir.IntType(32)


class Vector(types.Type):
    """The type of `width` numbers of so many bytes each."""

    def __init__(self, name: str, width: int, size: int) -> None:
        super().__init__(name=name)
        self.width, self.size = width, size

    @property
    def number(self) -> Any:
        """The type of one of them in LLVM."""
        return ir.FloatType() if self.size == 4 else ir.DoubleType()

    @property
    def numbers(self) -> Any:
        """The type of all of them in LLVM."""
        return ir.VectorType(self.number, self.width)

    @property
    def integers(self) -> Any:
        """The type in LLVM of as many integers of the same size."""
        return ir.VectorType(ir.IntType(8 * self.size), self.width)

    @property
    def suffix(self) -> str:
        """How LLVM names its functions of such numbers."""
        return f"v{self.width}f{8 * self.size}"

    def constant(self, value: float) -> Any:
        """One value in all lanes."""
        return ir.Constant(self.numbers, [ir.Constant(self.number, value)] * self.width)

    def function(self, builder: Any, name: str, count: int) -> Any:
        """LLVM's function of that name, from `count` vectors to one."""
        kind = ir.FunctionType(self.numbers, [self.numbers] * count)
        return cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.{self.suffix}")

    def below(self, builder: Any, count: Any) -> Any:
        """Which lanes come before a count (int64)."""
        counts = self.spread(builder, builder.trunc(count, self.integers.element), self.integers)
        return builder.icmp_signed("<", ir.Constant(self.integers, list(range(self.width))), counts)

    def spread(self, builder: Any, value: Any, kind: Any) -> Any:
        """One value in all lanes of a vector in LLVM."""
        nothing = ir.Constant(kind, ir.Undefined)
        first = builder.insert_element(nothing, value, ir.Constant(SHORT, 0))
        places = ir.Constant(ir.VectorType(SHORT, self.width), [0] * self.width)
        return builder.shuffle_vector(first, nothing, places)


LANES, DOUBLES = Vector("Lanes", 16, 4), Vector("Doubles", 8, 8)


@register_default(Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector):
        super().__init__(manager, kind, kind.numbers)


def loading(vector: Vector) -> Any:
    """The operation that loads the numbers from an address on."""

    @intrinsic
    def load(_context, address):
        def generate(_context, builder, _signature, arguments):
            loaded = builder.load(builder.inttoptr(arguments[0], vector.numbers.as_pointer()))
            loaded.align = vector.size
            return loaded

        return vector(types.int64), generate

    return load


def loading_some(vector: Vector) -> Any:
    """The operation that loads the first `count` numbers from an address on, and zeros; nothing behind them is read."""

    @intrinsic
    def load_some(_context, address, count):
        def generate(_context, builder, _signature, arguments):
            pointer, below = vector.numbers.as_pointer(), vector.below(builder, arguments[1])
            kind = ir.FunctionType(vector.numbers, [pointer, SHORT, below.type, vector.numbers])
            name = f"llvm.masked.load.{vector.suffix}.p0"
            masked = cgutils.get_or_insert_function(builder.module, kind, name)
            place, aligned = builder.inttoptr(arguments[0], pointer), ir.Constant(SHORT, vector.size)
            return builder.call(masked, [place, aligned, below, vector.constant(0.0)])

        return vector(types.int64, types.int64), generate

    return load_some


def spreading(vector: Vector) -> Any:
    """The operation that puts one number into all lanes."""

    @intrinsic
    def splat(_context, value):
        def generate(_context, builder, _signature, arguments):
            return vector.spread(builder, arguments[0], vector.numbers)

        return vector(types.float32 if vector.size == 4 else types.float64), generate

    return splat


@intrinsic
def store(_context, address, x):
    """Write the numbers from an address on."""

    def generate(context, builder, _signature, arguments):
        stored = builder.store(arguments[1], builder.inttoptr(arguments[0], x.numbers.as_pointer()))
        stored.align = x.size
        return context.get_dummy_value()

    return types.void(types.int64, x), generate


@intrinsic
def store_some(_context, address, x, count):
    """Write the first `count` numbers from an address on."""

    def generate(context, builder, _signature, arguments):
        pointer, below = x.numbers.as_pointer(), x.below(builder, arguments[2])
        kind = ir.FunctionType(ir.VoidType(), [x.numbers, pointer, SHORT, below.type])
        masked = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.store.{x.suffix}.p0")
        place, aligned = builder.inttoptr(arguments[0], pointer), ir.Constant(SHORT, x.size)
        builder.call(masked, [arguments[1], place, aligned, below])
        return context.get_dummy_value()

    return types.void(types.int64, x, types.int64), generate


def _of_two(name: str) -> Any:
    """The operation on two vectors that LLVM's builder has under a name."""

    @intrinsic
    def operation(_context, x, y):
        def generate(_context, builder, _signature, arguments):
            return getattr(builder, name)(*arguments)

        return x(x, x), generate

    return operation


add, subtract, multiply = _of_two("fadd"), _of_two("fsub"), _of_two("fmul")


@intrinsic
def fused(_context, x, y, z):
    """X y + z, rounded once."""

    def generate(_context, builder, _signature, arguments):
        return builder.call(x.function(builder, "fma", 3), arguments)

    return x(x, x, x), generate
