"""Keys and values in the order in which `look` reads them, compiled, from tokens (B, N, H w) as they are projected.

Keys become (B H, w, N'), tokens side by side and zeros up to a multiple of sixteen; values (B H, N, w'), likewise. The
work is described by int64 numbers, which lie eight bytes apart:

    0  the counter of samples taken     24 width w                48 values, projected     72 from a projected token
    8  samples B                        32 tokens N               56 keys                     to the next, in bytes
    16 heads H                          40 keys, projected        64 values
"""

import numpy as np

from cofire.kernels._kernel import Kernel, inlined
from cofire.kernels._lanes import BYTES, WIDTH, gather, load_some
from cofire.kernels._memory import claim, integer, number, put
from cofire.kernels._vectors import store

_NOTHING = np.float32(0)


def filled(count: int) -> int:
    """How many numbers there is room for where `count` of them are filled up to whole lanes.

    >>> filled(16), filled(49)
    (16, 64)
    """
    return -(-count // WIDTH) * WIDTH


@inlined
def _column(column, row, count, out):
    """Write numbers that lie `row` bytes apart side by side, and zeros behind them."""
    whole = count // WIDTH * WIDTH
    for at in range(0, whole, WIDTH):
        store(out + 4 * at, gather(column + at * row, row))
    for at in range(whole, (count + WIDTH - 1) // WIDTH * WIDTH):
        put(out + 4 * at, number(column + at * row) if at < count else _NOTHING)


@inlined
def _row(row, width, out):
    """Write a row, and zeros behind it."""
    for at in range(0, width, WIDTH):
        store(out + 4 * at, load_some(row + 4 * at, min(WIDTH, width - at)))


@Kernel
def tokens(memory):
    """Write keys and values."""
    samples, heads = integer(memory + 8), integer(memory + 16)
    width, count = integer(memory + 24), integer(memory + 32)
    along = (count + WIDTH - 1) // WIDTH * BYTES
    across = (width + WIDTH - 1) // WIDTH * BYTES
    row = integer(memory + 72)
    sample = claim(memory, 1)
    while sample < samples:
        for head in range(heads):
            start, place = sample * count * row + 4 * width * head, sample * heads + head
            key, keys = integer(memory + 40) + start, integer(memory + 56) + place * width * along
            value, values = integer(memory + 48) + start, integer(memory + 64) + place * count * across
            for feature in range(width):
                _column(key + 4 * feature, row, count, keys + feature * along)
            for token in range(count):
                _row(value + token * row, width, values + token * across)
        sample = claim(memory, 1)
