"""A dense layer for few samples, compiled: y = x W^T + b at the speed at which the weights can be read.

Four rows of W are read side by side, each once for four samples. A number depends on its own sample alone, not on how
many others there are. The work is described by int64 numbers, which lie eight bytes apart; addresses and strides are in
bytes:

    0  the counter of shares taken      24 inputs I         48 b
    8  outputs O, four or more          32 x                56 y
    16 samples B                        40 W                64 x: from a sample to the next     72 the same of y
"""

import numpy as np

from cofire.kernels._kernel import Kernel, inlined
from cofire.kernels._lanes import BYTES, WIDTH, load, load_some, splat, total
from cofire.kernels._memory import claim, fetch, integer, number, put
from cofire.kernels._vectors import fused

SHARE, CROWD = 64, 64  # outputs and samples that a thread takes at a time
_NOTHING = np.float32(0)


@inlined
def _write(memory, output, sample, a0, a1, a2, a3):
    bias = integer(memory + 48) + 4 * output
    y = integer(memory + 56) + sample * integer(memory + 72) + 4 * output
    put(y, total(a0) + number(bias))
    put(y + 4, total(a1) + number(bias + 4))
    put(y + 8, total(a2) + number(bias + 8))
    put(y + 12, total(a3) + number(bias + 12))


@inlined
def fetch_next(place, row):
    """Bring the next four rows nearer: the processor's own look-ahead ends where a page does."""
    fetch(place + 4 * row)
    fetch(place + 5 * row)
    fetch(place + 6 * row)
    fetch(place + 7 * row)


@inlined
def _one_sample(memory, output, sample, ahead):
    inputs = integer(memory + 24)
    row = 4 * inputs
    w0 = integer(memory + 40) + output * row
    w1, w2, w3 = w0 + row, w0 + 2 * row, w0 + 3 * row
    x0 = integer(memory + 32) + sample * integer(memory + 64)
    a0 = a1 = a2 = a3 = splat(_NOTHING)
    whole = row // BYTES * BYTES
    for at in range(0, whole, BYTES):
        x = load(x0 + at)
        if ahead:
            fetch_next(w0 + at, row)
        a0, a1 = fused(load(w0 + at), x, a0), fused(load(w1 + at), x, a1)
        a2, a3 = fused(load(w2 + at), x, a2), fused(load(w3 + at), x, a3)
    rest = inputs % WIDTH
    if rest:
        x = load_some(x0 + whole, rest)
        a0 = fused(load_some(w0 + whole, rest), x, a0)
        a1 = fused(load_some(w1 + whole, rest), x, a1)
        a2 = fused(load_some(w2 + whole, rest), x, a2)
        a3 = fused(load_some(w3 + whole, rest), x, a3)
    _write(memory, output, sample, a0, a1, a2, a3)


@inlined
def _four_samples(memory, output, sample, ahead):
    inputs = integer(memory + 24)
    row, step = 4 * inputs, integer(memory + 64)
    w0 = integer(memory + 40) + output * row
    w1, w2, w3 = w0 + row, w0 + 2 * row, w0 + 3 * row
    x0 = integer(memory + 32) + sample * step
    x1, x2, x3 = x0 + step, x0 + 2 * step, x0 + 3 * step
    a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = splat(_NOTHING)
    c0 = c1 = c2 = c3 = d0 = d1 = d2 = d3 = splat(_NOTHING)
    whole = row // BYTES * BYTES
    for at in range(0, whole, BYTES):
        p, q, r, s = load(w0 + at), load(w1 + at), load(w2 + at), load(w3 + at)
        if ahead:
            fetch_next(w0 + at, row)
        x = load(x0 + at)
        a0, a1, a2, a3 = fused(p, x, a0), fused(q, x, a1), fused(r, x, a2), fused(s, x, a3)
        x = load(x1 + at)
        b0, b1, b2, b3 = fused(p, x, b0), fused(q, x, b1), fused(r, x, b2), fused(s, x, b3)
        x = load(x2 + at)
        c0, c1, c2, c3 = fused(p, x, c0), fused(q, x, c1), fused(r, x, c2), fused(s, x, c3)
        x = load(x3 + at)
        d0, d1, d2, d3 = fused(p, x, d0), fused(q, x, d1), fused(r, x, d2), fused(s, x, d3)
    rest = inputs % WIDTH
    if rest:
        p, q = load_some(w0 + whole, rest), load_some(w1 + whole, rest)
        r, s = load_some(w2 + whole, rest), load_some(w3 + whole, rest)
        x = load_some(x0 + whole, rest)
        a0, a1, a2, a3 = fused(p, x, a0), fused(q, x, a1), fused(r, x, a2), fused(s, x, a3)
        x = load_some(x1 + whole, rest)
        b0, b1, b2, b3 = fused(p, x, b0), fused(q, x, b1), fused(r, x, b2), fused(s, x, b3)
        x = load_some(x2 + whole, rest)
        c0, c1, c2, c3 = fused(p, x, c0), fused(q, x, c1), fused(r, x, c2), fused(s, x, c3)
        x = load_some(x3 + whole, rest)
        d0, d1, d2, d3 = fused(p, x, d0), fused(q, x, d1), fused(r, x, d2), fused(s, x, d3)
    _write(memory, output, sample, a0, a1, a2, a3)
    _write(memory, output, sample + 1, b0, b1, b2, b3)
    _write(memory, output, sample + 2, c0, c1, c2, c3)
    _write(memory, output, sample + 3, d0, d1, d2, d3)


@Kernel
def dense(memory):
    """Y = x W^T + b."""
    outputs, samples = integer(memory + 8), integer(memory + 16)
    shares = (outputs + SHARE - 1) // SHARE
    crowds = (samples + CROWD - 1) // CROWD
    task = claim(memory, 1)
    while task < shares * crowds:
        start, first = task % shares * SHARE, task // shares * CROWD
        last = min(first + CROWD, samples)
        for output in range(start, min(start + SHARE, outputs), 4):
            row = min(output, outputs - 4)  # the last ones twice, rather than past the end
            sample = first
            while sample + 3 < last:
                _four_samples(memory, row, sample, sample == first)
                sample += 4
            while sample < last:
                _one_sample(memory, row, sample, sample == first)
                sample += 1
        task = claim(memory, 1)
