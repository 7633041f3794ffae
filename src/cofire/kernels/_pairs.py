"""The running synchronisation of pairs, one tick on, compiled.

    alpha <- r alpha + z_i z_j,    S = alpha / sqrt(beta)

where beta, the same for all samples, is known beforehand. The work is described by int64 numbers, which lie eight bytes
apart; addresses and strides are in bytes:

    0  the counter of samples taken     24 z          48 r                        72 z: from a sample to the next
    8  samples B                        32 i          56 1 / sqrt(beta)           80 S: from a sample to the next
    16 pairs P                          40 j          64 alpha                    88 S
"""

from cofire.kernels._kernel import Kernel
from cofire.kernels._memory import claim, integer, number, put


@Kernel
def pairs(memory):
    """Alpha and S after one more tick."""
    samples, count = integer(memory + 8), integer(memory + 16)
    left, right, retention = integer(memory + 32), integer(memory + 40), integer(memory + 48)
    scale = integer(memory + 56)
    sample = claim(memory, 1)
    while sample < samples:
        z = integer(memory + 24) + sample * integer(memory + 72)
        alpha = integer(memory + 64) + sample * 4 * count
        read = integer(memory + 88) + sample * integer(memory + 80)
        for p in range(0, 4 * count, 4):
            product = number(z + 4 * integer(left + 2 * p)) * number(z + 4 * integer(right + 2 * p))
            value = number(alpha + p) * number(retention + p) + product
            put(alpha + p, value)
            put(read + p, value * number(scale + p))
        sample = claim(memory, 1)
