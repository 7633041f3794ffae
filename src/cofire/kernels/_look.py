"""Attention of one query per sample and head into keys and values that stay, compiled.

    p = softmax(K q),    o = V p

with the scale of the scores in q already. Keys are (w, N') per sample and head, the N tokens followed by zeros up to a
multiple of sixteen; values are (N, w'), the width followed by zeros likewise. Samples look at tokens of their own, or
of whom they are told, so that samples that leave a batch leave theirs behind. The work is described by int64 numbers,
which lie eight bytes apart; addresses and strides are in bytes:

    0  the counter of heads taken      32 tokens N      64 o
    8  samples times heads B H         40 q             72 p, N' numbers per sample and head
    16 heads H                         48 keys          80 o: from a sample to the next
    24 width w                         56 values        88 whose tokens each sample looks at, int64 numbers
"""

import numpy as np

from cofire.kernels._kernel import Kernel, inlined
from cofire.kernels._lanes import BYTES, WIDTH, exponential, highest, keep, load, splat, total
from cofire.kernels._memory import claim, integer, number
from cofire.kernels._vectors import add, fused, multiply, store, store_some, subtract

_NOTHING, _ONE, _LOW = np.float32(0), np.float32(1), np.float32(-3.4e38)


@inlined
def _weighted(factors, count, rows, row, at, size, out):
    """Write sum_i factor_i row_i for the columns behind the first `at` bytes, of which `size` are wanted."""
    sum0 = sum1 = sum2 = sum3 = splat(_NOTHING)
    rows += at
    if size > 3 * WIDTH:  # four sums under way hide the latency of an addition
        for i in range(count):
            factor = splat(number(factors + 4 * i))
            sum0, sum1 = fused(factor, load(rows), sum0), fused(factor, load(rows + BYTES), sum1)
            sum2, sum3 = fused(factor, load(rows + 2 * BYTES), sum2), fused(factor, load(rows + 3 * BYTES), sum3)
            rows += row
        store(out + at, sum0)
        store(out + at + BYTES, sum1)
        store(out + at + 2 * BYTES, sum2)
        store_some(out + at + 3 * BYTES, sum3, size - 3 * WIDTH)
        return 4
    for i in range(count):
        sum0 = fused(splat(number(factors + 4 * i)), load(rows), sum0)
        rows += row
    store_some(out + at, sum0, size)
    return 1


@inlined
def _products(factors, count, rows, row, size, out):
    """Write sum_i factor_i row_i, `size` numbers."""
    at = 0
    while at < 4 * size:
        at += BYTES * _weighted(factors, count, rows, row, at, size - at // 4, out)


@inlined
def _softmax(p, tokens):
    greatest = _LOW
    for at in range(0, tokens, WIDTH):
        scores = load(p + 4 * at)
        if tokens - at < WIDTH:  # what is filled up does not count: the first score takes its place
            first_score = splat(number(p + 4 * at))
            scores = add(keep(subtract(scores, first_score), tokens - at), first_score)
        greatest = max(greatest, highest(scores))
    sums, most = splat(_NOTHING), splat(greatest)
    for at in range(0, tokens, WIDTH):
        share = keep(exponential(subtract(load(p + 4 * at), most)), tokens - at)
        sums = add(sums, share)
        store(p + 4 * at, share)
    factor = splat(_ONE / total(sums))
    for at in range(0, tokens, WIDTH):
        store(p + 4 * at, multiply(load(p + 4 * at), factor))


@Kernel
def look(memory):
    """P = softmax(K q), o = V p."""
    count, heads = integer(memory + 8), integer(memory + 16)
    width, tokens = integer(memory + 24), integer(memory + 32)
    along = (tokens + WIDTH - 1) // WIDTH * BYTES
    across = (width + WIDTH - 1) // WIDTH * BYTES
    start = claim(memory, 4)
    while start < count:
        for head in range(start, min(start + 4, count)):
            q, p = integer(memory + 40) + 4 * width * head, integer(memory + 72) + along * head
            owner = integer(integer(memory + 88) + 8 * (head // heads)) * heads + head % heads
            keys, values = integer(memory + 48) + width * along * owner, integer(memory + 56) + tokens * across * owner
            out = integer(memory + 64) + head // heads * integer(memory + 80) + 4 * width * (head % heads)
            _products(q, width, keys, along, along // 4, p)
            _softmax(p, tokens)
            _products(p, tokens, values, across, width, out)
        start = claim(memory, 4)
