"""Memory for the numbers of a thought, kept for the next thought when they are gone.

A system hands out memory in small pages that it has to clear first, which for a batch of images takes longer than the
thought's arithmetic on them. What is kept is bounded, and only what thoughts without gradient wrote goes through here.
"""

import ctypes
import math
import mmap
import weakref
from contextlib import suppress
from typing import Any

from torch import Tensor, frombuffer

LARGE = 1 << 18  # bytes below which the C library keeps memory by itself
MOST = 1 << 27  # bytes that are kept while nobody uses them


class _Shelf:
    """Pieces of memory that nobody uses, the last returned at the end.

    Pieces come back whenever a tensor dies, even in the middle of a step here, so that no step may rely on the last.
    """

    def __init__(self) -> None:
        self._free: list[mmap.mmap] = []

    def take(self, size: int) -> mmap.mmap:
        """A piece of at least so many bytes, and of at most twice as many."""
        for piece in reversed(self._free.copy()):
            if size <= len(piece) <= 2 * size:
                with suppress(ValueError):  # somebody else has taken it
                    self._free.remove(piece)
                    return piece
        return mmap.mmap(-1, size, access=mmap.ACCESS_COPY)

    def put(self, piece: mmap.mmap) -> None:
        """Keep a piece, and let those go that have not been used for longest where it is too much."""
        self._free.append(piece)
        while sum(map(len, self._free.copy())) > MOST:
            with suppress(IndexError):
                self._free.pop(0)


_SHELF = _Shelf()


def room(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Memory for numbers that are about to be written, of the kind of others.

    >>> import torch
    >>> first = room((1000, 1000), torch.ones(1))
    >>> where = first.data_ptr()
    >>> del first
    >>> room((999, 1000), torch.ones(1)).data_ptr() == where
    True
    """
    count = math.prod(shape)
    size = count * like.dtype.itemsize
    if like.device.type != "cpu" or size < LARGE:
        return like.new_empty(shape)
    piece = _SHELF.take(size)
    lent: Any = (ctypes.c_char * len(piece)).from_buffer(piece)  # lives as long as a tensor has it
    weakref.finalize(lent, _SHELF.put, piece).atexit = False
    return frombuffer(lent, dtype=like.dtype, count=count).view(shape)
