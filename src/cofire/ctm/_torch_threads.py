"""Compiled work on the threads that torch computes with.

A pool of our own would fight with torch's, whose threads wait for their next task by spinning. So work is handed to
the OpenMP that torch has loaded; where it has none, the calling thread does all of it.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cofire import checks

_CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Work:
    """A compiled function, called on all threads at once with the address of its numbers (int64).

    The first of the numbers is a counter, set to 0 by every call, from which the threads take their shares; the others,
    addresses of tensors among them, are given here or set later. What lies at the addresses is not kept alive by this.
    """

    __slots__ = ("arguments", "call", "numbers")

    def __init__(self, function: int, numbers: list[int], threads: int | None = None):
        self.numbers = np.array([0, *numbers], dtype=np.int64)
        memory = ctypes.c_void_p(self.numbers.ctypes.data)
        count = torch.get_num_threads() if threads is None else threads
        fork = _fork() if count > 1 else None
        self.call: Any = fork or _CALL(function)
        self.arguments = (ctypes.c_void_p(function), memory, count, 0) if fork else (memory,)

    def __call__(self) -> None:
        """Do the work."""
        self.numbers[0] = 0
        self.call(*self.arguments)


def readable(numbers: Tensor) -> bool:
    """Whether compiled loops may take these numbers: single precision on a CPU, nothing traced or differentiated."""
    traced = torch.is_grad_enabled() or torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling()
    return not traced and numbers.device.type == "cpu" and numbers.dtype == torch.float32


def address(numbers: Tensor) -> int:
    """Where numbers in single precision lie in the processor's memory, for loops that read nothing else.

    Raises InvalidValue for others, as they are in a machine of which a part was cast or moved.
    """
    if numbers.dtype != torch.float32 or numbers.device.type != "cpu":
        wanted, got = (
            "float32 numbers on the CPU, as the rest of the machine has",
            f"{numbers.dtype} on {numbers.device}",
        )
        raise checks.InvalidValue(
            checks.message("weights", wanted, got, "model.float() or model.to(device), as a whole")
        )
    return numbers.data_ptr()


@cache
def _fork() -> Any:
    """GNU's entry to OpenMP, in the library that torch is bound to, or None."""
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        return ctypes.CDLL(str(library)).GOMP_parallel
    except (OSError, AttributeError):  # another system, or another OpenMP
        return None
