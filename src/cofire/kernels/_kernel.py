"""Compiled functions that are called by address: compiled when first asked for, and kept on the disk."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from numba import cfunc, njit

# A step of a kernel: becomes a part of every kernel that calls it, and is kept with it.
inlined: Any = njit(nogil=True, error_model="numpy", forceinline=True)


class Kernel:
    """A function of one address (int64), where the numbers that describe its work lie."""

    def __init__(self, function: Callable[[int], None]):
        self.function = function
        self.__doc__ = function.__doc__

    @cached_property
    def address(self) -> int:
        """Where the compiled function lies."""
        compiled = cfunc("void(int64)", cache=True, error_model="numpy")(self.function)
        self._alive = compiled
        return int(compiled.address)  # pyright: ignore[reportArgumentType]
