"""Attention of one query per sample and head into keys and values that stay, compiled.

    p = softmax(K q),    o = V p

with the scale of the scores in q already; keys and values are (w, N') per sample and head, the N tokens followed by
zeros up to a multiple of sixteen. The work is described by int64 numbers, which lie eight bytes apart; addresses and
strides are in bytes:

    0  the counter of heads taken      24 width w       48 keys       72 p, N' numbers per sample and head
    8  samples times heads B H         32 tokens N      56 values     80 o: from a sample to the next
    16 heads H                         40 q             64 o
"""

import numpy as np

from cofire.kernels._kernel import Kernel
from cofire.kernels._lanes import (
    WIDTH,
    add,
    claim,
    exponential,
    fused,
    highest,
    integer,
    keep,
    load,
    multiply,
    number,
    put,
    splat,
    store,
    subtract,
    total,
)

_NOTHING, _LOW = np.float32(0), np.float32(-3.4e38)


@Kernel
def look(memory):
    """P = softmax(K q), o = V p."""
    count, heads = integer(memory + 8), integer(memory + 16)
    width, tokens = integer(memory + 24), integer(memory + 32)
    row = (tokens + WIDTH - 1) // WIDTH * 4 * WIDTH
    start = claim(memory, 4)
    while start < count:
        for head in range(start, min(start + 4, count)):
            q = integer(memory + 40) + 4 * width * head
            keys, values = integer(memory + 48) + width * row * head, integer(memory + 56) + width * row * head
            p = integer(memory + 72) + row * head
            o = integer(memory + 64) + head // heads * integer(memory + 80) + 4 * width * (head % heads)
            greatest = _LOW
            for at in range(0, 4 * tokens, 4 * WIDTH):
                score = splat(_NOTHING)
                for k in range(width):
                    score = fused(splat(number(q + 4 * k)), load(keys + k * row + at), score)
                store(p + at, score)
                left = tokens - at // 4
                if left >= WIDTH:
                    greatest = max(greatest, highest(score))
                else:
                    for n in range(left):
                        greatest = max(greatest, number(p + at + 4 * n))
            sums, most = splat(_NOTHING), splat(greatest)
            for at in range(0, 4 * tokens, 4 * WIDTH):
                share = keep(exponential(subtract(load(p + at), most)), tokens - at // 4)
                sums = add(sums, share)
                store(p + at, share)
            factor = splat(np.float32(1) / total(sums))
            for at in range(0, 4 * tokens, 4 * WIDTH):
                store(p + at, multiply(load(p + at), factor))
            for k in range(width):
                seen = splat(_NOTHING)
                for at in range(0, 4 * tokens, 4 * WIDTH):
                    seen = fused(load(p + at), load(values + k * row + at), seen)
                put(o + 4 * k, total(seen))
        start = claim(memory, 4)
