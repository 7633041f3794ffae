"""Large tensors in memory of their own, which goes back to the system with them.

Memory that comes and goes in pieces of every size otherwise stays with a process, in holes that nothing fits into: a
training step then needs the sum of what its phases need, and not the most that one of them does.
"""

import ctypes
import math
import mmap
from functools import cache
from typing import Any

import torch
from torch import Tensor

LARGE = 1 << 18  # bytes from which on a tensor gets pages of its own


def mapped_zeros(shape: tuple[int, ...], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Zeros of a shape; on a CPU, parts that were never written take no memory.

    >>> mapped_zeros((2, 3), torch.ones(1)).sum().item()
    0.0
    """
    dtype = like.dtype if dtype is None else dtype
    size = math.prod(shape) * dtype.itemsize
    if like.device.type != "cpu" or size < LARGE:
        return like.new_zeros(shape, dtype=dtype)
    return torch.frombuffer(mmap.mmap(-1, size, access=mmap.ACCESS_COPY), dtype=dtype).view(shape)


def mapped_zeros_like(tensor: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Zeros that lie in memory as a tensor does, whose dimensions may be in any order."""
    order = sorted(range(tensor.dim()), key=tensor.stride, reverse=True)
    zeros = mapped_zeros(tuple(tensor.permute(order).shape), tensor, dtype)
    return zeros.permute([order.index(dimension) for dimension in range(tensor.dim())])


def give_back() -> None:
    """Hand freed memory that lies between what is in use back to the system, where the C library knows how to (GNU's);
    it takes milliseconds.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (TypeError, OSError, AttributeError):  # another system, or another C library
        return None
