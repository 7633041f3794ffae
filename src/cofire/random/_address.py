"""Where a word lives: the fields of the 128-bit counter, which no two draws share.

    word 0, 1   the block of units: the unit's number, shifted by the lanes that share a block (63 bits)
    word 2      the low 32 bits of the step
    word 3      the high 8 bits of the step | the channel (8 bits) | the attempt (16 bits)

A block holds four words. A draw that takes one word per unit (a uniform) serves four neighbouring units from one block,
a draw that takes two words serves two, so that nothing is computed in vain when neighbours are drawn together.
"""

from enum import IntEnum
from typing import Any

import numpy as np

from cofire import checks
from cofire.random import _recipe

UNIT_BITS, STEP_BITS, CHANNEL_BITS, ATTEMPT_BITS = 63, 40, 8, 16
MASK = 0xFFFFFFFF


class Channel(IntEnum):
    """What a draw is for; each kind reads words of its own."""

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


def check_step(step: Any) -> int:
    """A step that fits its field."""
    fix = "count steps from 0; fold what else tells draws apart into the key"
    return checks.integer("step", step, low=0, high=2**STEP_BITS - 1, fix=fix)


def check_shape(shape: Any) -> tuple[int, ...]:
    """A shape as a tuple; every size is at least 1, since an empty draw is a mistake upstream."""
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    return tuple(checks.integer("shape", size, low=1, fix="draw at least one number") for size in sizes)


def words(key: Any, units: np.ndarray, step: int, channel: Channel, per_unit: int, attempt: int = 0) -> np.ndarray:
    """The words (len(units), per_unit) that belong to these units (int64, 0 to 2**63 - 1) at one step."""
    shift = {1: 2, 2: 1, 4: 0}[per_unit]
    blocks, place = np.unique(units >> shift, return_inverse=True) if len(units) > 1 else (units >> shift, 0)
    k0, k1 = key.words
    last = (step >> 32) << 24 | channel << 16 | attempt
    drawn = _recipe.philox(blocks & MASK, blocks >> 32, np.array([step & MASK]), np.array([last]), k0, k1)
    table = np.stack(np.broadcast_arrays(*drawn), axis=-1).reshape(len(blocks), 4 // per_unit, per_unit)
    return table[place, units & (4 // per_unit - 1)]
