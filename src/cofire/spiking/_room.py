"""Memory for long traces, used again when nobody holds them any more: fresh pages cost as much as the simulation."""

import math
from collections import deque
from contextlib import suppress
from typing import Any

import numpy as np

_LEAST, _MOST = 2**25, 2**27  # bytes: the allocator itself keeps smaller ones; larger ones are given back
_SPARE: deque[np.ndarray] = deque(maxlen=2)


class _Room:
    """Bytes that arrays are views of: with the last of these views they become spare."""

    def __init__(self, memory: np.ndarray):
        self.memory = memory
        self.__array_interface__ = memory.__array_interface__

    def __del__(self, spare: deque[np.ndarray] = _SPARE) -> None:
        spare.append(self.memory)


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """As `numpy.empty`."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if not _LEAST <= size <= _MOST:
        return np.empty(shape, dtype)
    return np.asarray(_Room(_spare(size)))[:size].view(dtype).reshape(shape)


def _spare(size: int) -> np.ndarray:
    for _ in range(len(_SPARE)):
        with suppress(IndexError):  # another thread was quicker
            memory = _SPARE.popleft()
            if size <= len(memory) <= 2 * size:
                return memory
            _SPARE.append(memory)
    return np.empty(size, np.uint8)
