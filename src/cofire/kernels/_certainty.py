"""How sure answers are, compiled: one minus the normalised entropy of each position, and the mean over positions.

    c = 1 - mean over positions of (log z - e / z) / log C,    z = sum_k exp(y_k - m),  e = sum_k exp(y_k - m) (y_k - m)

with m the largest of a position's C logits, and NaN where a logit is not finite. The work is described by int64
numbers, which lie eight bytes apart; addresses and strides are in bytes:

    0  the counter of answers taken     16 positions     32 logits     48 logits: from an answer to the next
    8  answers                          24 classes C     40 c
"""

import math

import numpy as np

from cofire.kernels._kernel import Kernel, inlined
from cofire.kernels._lanes import WIDTH, exponential, highest, keep, load_some, splat, total
from cofire.kernels._memory import claim, integer, put
from cofire.kernels._vectors import add, fused, subtract

SHARE = 16  # answers that a thread takes at a time
_NOTHING, _LOW = np.float32(0), np.float32(-3.4e38)


@inlined
def _entropy(logits, classes):
    greatest = _LOW
    for at in range(0, classes, WIDTH):
        left = min(WIDTH, classes - at)
        beyond = subtract(splat(_LOW), keep(splat(_LOW), left))  # 0, and what is lowest behind the end
        greatest = max(greatest, highest(add(load_some(logits + 4 * at, left), beyond)))
    most, shares, weighted = splat(greatest), splat(_NOTHING), splat(_NOTHING)
    for at in range(0, classes, WIDTH):
        left = min(WIDTH, classes - at)
        below = keep(subtract(load_some(logits + 4 * at, left), most), left)
        share = keep(exponential(below), left)
        shares, weighted = add(shares, share), fused(share, below, weighted)
    z = np.float64(total(shares))
    return math.log(z) - np.float64(total(weighted)) / z


@Kernel
def certainty(memory):
    """C = 1 - H / log C."""
    answers, positions, classes = integer(memory + 8), integer(memory + 16), integer(memory + 24)
    most = math.log(classes)
    start = claim(memory, SHARE)
    while start < answers:
        for answer in range(start, min(start + SHARE, answers)):
            logits, entropy = integer(memory + 32) + answer * integer(memory + 48), 0.0
            for position in range(positions):
                entropy += _entropy(logits + 4 * classes * position, classes)
            sure = 1 - entropy / positions / most
            put(integer(memory + 40) + 4 * answer, np.float32(sure if math.isfinite(sure) else math.nan))
        start = claim(memory, SHARE)
