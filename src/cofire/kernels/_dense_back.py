"""The way back through a dense layer for few samples, compiled: dx = g W, at the speed at which W can be read.

Columns are taken in shares, and in each the rows of W four at a time, each for four samples. The work is described by
int64 numbers, which lie eight bytes apart; addresses and strides are in bytes:

    0  the counter of inputs taken     24 outputs O     48 dx, at first all zeros
    8  inputs I                        32 g             56 g: from a sample to the next
    16 samples B                       40 W             64 the same of dx
"""

from numba import njit

from cofire.kernels._kernel import Kernel
from cofire.kernels._lanes import WIDTH, claim, fused, integer, load_some, number, splat, store_some

SHARE = 512  # inputs that a thread takes at a time: what is summed for four samples stays in the nearest cache
_OPTIONS = {"nogil": True, "error_model": "numpy", "forceinline": True}


@njit(**_OPTIONS)
def _rows(memory, output, sample, start, stop, count):
    """Add `count` rows (4 or 1) of W, times their g, to dx of one sample, from column `start` to `stop`."""
    row = 4 * integer(memory + 8)
    w = integer(memory + 40) + output * row
    g = integer(memory + 32) + sample * integer(memory + 56) + 4 * output
    out = integer(memory + 48) + sample * integer(memory + 64)
    g0 = splat(number(g))
    if count == 4:
        g1, g2, g3 = splat(number(g + 4)), splat(number(g + 8)), splat(number(g + 12))
        for at in range(start, stop, WIDTH):
            left, place = stop - at, w + 4 * at
            sums = fused(load_some(place, left), g0, load_some(out + 4 * at, left))
            sums = fused(load_some(place + row, left), g1, sums)
            sums = fused(load_some(place + 2 * row, left), g2, sums)
            store_some(out + 4 * at, fused(load_some(place + 3 * row, left), g3, sums), left)
        return
    for at in range(start, stop, WIDTH):
        left = stop - at
        sums = fused(load_some(w + 4 * at, left), g0, load_some(out + 4 * at, left))
        store_some(out + 4 * at, sums, left)


@Kernel
def dense_back(memory):
    """Dx = g W."""
    inputs, samples, outputs = integer(memory + 8), integer(memory + 16), integer(memory + 24)
    start = claim(memory, SHARE)
    while start < inputs:
        stop = min(start + SHARE, inputs)
        output = 0
        while output < outputs:
            count = 4 if output + 3 < outputs else 1
            for sample in range(samples):
                _rows(memory, output, sample, start, stop, count)
            output += count
        start = claim(memory, SHARE)
