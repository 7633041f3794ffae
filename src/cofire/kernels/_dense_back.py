"""The way back through a dense layer for few samples, compiled: dx = g W, at the speed at which W can be read.

Columns are taken in shares, and in each the rows of W four at a time, each for four samples. The work is described by
int64 numbers, which lie eight bytes apart; addresses and strides are in bytes:

    0  the counter of inputs taken     24 outputs O     48 dx, at first all zeros
    8  inputs I                        32 g             56 g: from a sample to the next
    16 samples B                       40 W             64 the same of dx
"""

from cofire.kernels._dense import fetch_next
from cofire.kernels._kernel import Kernel, inlined
from cofire.kernels._lanes import BYTES, WIDTH, load, load_some, splat
from cofire.kernels._memory import claim, integer, number
from cofire.kernels._vectors import fused, store, store_some

SHARE = 512  # inputs that a thread takes at a time: what is summed for four samples stays in the nearest cache


@inlined
def _four_factors(g):
    return splat(number(g)), splat(number(g + 4)), splat(number(g + 8)), splat(number(g + 12))


@inlined
def _four_by_four(memory, output, sample, start, stop):
    """Add four rows of W, times their g, to dx of four samples, and bring the next four rows nearer."""
    row, step = 4 * integer(memory + 8), integer(memory + 56)
    w = integer(memory + 40) + output * row + 4 * start
    g = integer(memory + 32) + sample * step + 4 * output
    a0, a1, a2, a3 = _four_factors(g)
    b0, b1, b2, b3 = _four_factors(g + step)
    c0, c1, c2, c3 = _four_factors(g + 2 * step)
    d0, d1, d2, d3 = _four_factors(g + 3 * step)
    apart = integer(memory + 64)
    x = integer(memory + 48) + sample * apart + 4 * start
    for _ in range(start, stop - WIDTH + 1, WIDTH):
        p, q, r, s = load(w), load(w + row), load(w + 2 * row), load(w + 3 * row)
        if sample == 0:
            fetch_next(w, row)
        store(x, fused(s, a3, fused(r, a2, fused(q, a1, fused(p, a0, load(x))))))
        y = x + apart
        store(y, fused(s, b3, fused(r, b2, fused(q, b1, fused(p, b0, load(y))))))
        y += apart
        store(y, fused(s, c3, fused(r, c2, fused(q, c1, fused(p, c0, load(y))))))
        y += apart
        store(y, fused(s, d3, fused(r, d2, fused(q, d1, fused(p, d0, load(y))))))
        w, x = w + BYTES, x + BYTES
    left = (stop - start) % WIDTH
    if left:
        p, q = load_some(w, left), load_some(w + row, left)
        r, s = load_some(w + 2 * row, left), load_some(w + 3 * row, left)
        store_some(x, fused(s, a3, fused(r, a2, fused(q, a1, fused(p, a0, load_some(x, left))))), left)
        y = x + apart
        store_some(y, fused(s, b3, fused(r, b2, fused(q, b1, fused(p, b0, load_some(y, left))))), left)
        y += apart
        store_some(y, fused(s, c3, fused(r, c2, fused(q, c1, fused(p, c0, load_some(y, left))))), left)
        y += apart
        store_some(y, fused(s, d3, fused(r, d2, fused(q, d1, fused(p, d0, load_some(y, left))))), left)


@inlined
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
            sample = 0
            while count == 4 and sample + 3 < samples:
                _four_by_four(memory, output, sample, start, stop)
                sample += 4
            while sample < samples:
                _rows(memory, output, sample, start, stop, count)
                sample += 1
            output += count
        start = claim(memory, SHARE)
