"""Where a number lives: the fields of the 128-bit counter, which no two draws share.

    word 0, 1   the block of units: the unit's number shifted by the lanes that share a block (63 bits)
    word 2      the low 32 bits of the step
    word 3      the high 8 bits of the step | the channel (8 bits) | the attempt (16 bits)

A block holds four words. A draw that takes one word per unit serves four neighbouring units from one block, a draw
that takes two words serves two, so that nothing is computed in vain when neighbours are drawn together. The attempt
counts the proposals of draws that reject some. A value that overflows its field is refused.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from cofire import checks

STEP_BITS, ATTEMPT_BITS = 40, 16
NAMED_UNIT = 1 << 62  # units with this bit are hashes of names, units without it are numbers
WORD = 0xFFFFFFFF


class Channel(IntEnum):
    """What a draw is for: each kind reads words of its own. A number once given to a kind is never given to another."""

    UNIFORM = 1
    UNIFORM_DOUBLE = 2
    NORMAL = 3
    NORMAL_DOUBLE = 4
    INTEGERS = 5
    INTEGERS_WIDE = 6
    PERMUTATION = 7
    CHOICE = 8
    CHOICE_WIDE = 9
    CHOICE_DISTINCT = 10
    BITS = 11
    EXPONENTIAL = 12
    EXPONENTIAL_DOUBLE = 13
    BERNOULLI = 14
    CATEGORICAL = 15
    GAMMA = 16
    GAMMA_ACCEPT = 17
    GAMMA_BOOST = 18
    POISSON = 19
    POISSON_ACCEPT = 20
    TRUNCATED = 21
    TRUNCATED_ACCEPT = 22
    DIFFUSION = 23
    DIFFUSION_START = 24
    DROPOUT = 25


class Kind(NamedTuple):
    """A draw that needs no rejection: a function of the recipe, which makes `lanes` numbers of a block's four words."""

    channel: Channel
    block: str
    lanes: int


SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
UNIFORM = {
    SINGLE: Kind(Channel.UNIFORM, "uniforms_single", 4),
    DOUBLE: Kind(Channel.UNIFORM_DOUBLE, "uniforms_double", 2),
}
NORMAL = {
    SINGLE: Kind(Channel.NORMAL, "normals_single", 4),
    DOUBLE: Kind(Channel.NORMAL_DOUBLE, "normals_double", 2),
}
EXPONENTIAL = {
    SINGLE: Kind(Channel.EXPONENTIAL, "exponentials_single", 4),
    DOUBLE: Kind(Channel.EXPONENTIAL_DOUBLE, "exponentials_double", 2),
}
BERNOULLI = Kind(Channel.BERNOULLI, "uniforms_double", 2)
DROPOUT = Kind(Channel.DROPOUT, "uniforms_single", 4)
CATEGORICAL = Kind(Channel.CATEGORICAL, "uniforms_double", 2)
DIFFUSION = Kind(Channel.DIFFUSION, "normals_double", 2)
DIFFUSION_START = Kind(Channel.DIFFUSION_START, "normals_double", 2)


def tag(channel: int, attempt: int = 0) -> int:
    """Channel and attempt as they stand in the counter's last word."""
    if attempt >= 1 << ATTEMPT_BITS:
        wanted = f"an accepted proposal within {1 << ATTEMPT_BITS} attempts"
        raise checks.InvalidValue(checks.message("draw", wanted, "none", "check the parameters of the distribution"))
    return channel << ATTEMPT_BITS | attempt
