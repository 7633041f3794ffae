"""Layer normalisation with what stands around it in a synapse model, compiled: one pass over memory per sample.

    gated:   y = LN(x[:N] sigmoid(x[N:]))       silu:   v = LN(x), y = v sigmoid(v)       joined:   y = LN(x + s)

with LN(v) = (v - mean) / sqrt(variance + eps) * scale + shift. The work is described by int64 numbers, which lie eight
bytes apart; addresses and strides are in bytes:

    0  the counter of samples taken     32 x                  64 shift
    8  samples B                        40 s, of `joined`     72 x: from a sample to the next
    16 numbers N                        48 y                  80 the same of s
    24 eps, as a double                 56 scale              88 the same of y
"""

import math

import numpy as np

from cofire.kernels._kernel import Kernel, inlined
from cofire.kernels._lanes import WIDTH, keep, load_some, sigmoid, splat, total
from cofire.kernels._memory import claim, integer, real
from cofire.kernels._vectors import add, fused, multiply, store_some, subtract

_NOTHING, _ONE = np.float32(0), np.float32(1)


@inlined
def _normalise(memory, y, gates):
    """Normalise the N numbers at y in place; with `gates`, each by its own sigmoid too."""
    size = integer(memory + 16)
    scale, shift = integer(memory + 56), integer(memory + 64)
    sums = splat(_NOTHING)
    for at in range(0, size, WIDTH):
        sums = add(sums, load_some(y + 4 * at, size - at))
    mean = splat(total(sums) / np.float32(size))
    squares = splat(_NOTHING)
    for at in range(0, size, WIDTH):
        apart = keep(subtract(load_some(y + 4 * at, size - at), mean), size - at)
        squares = fused(apart, apart, squares)
    variance = total(squares) / np.float32(size)
    factor = splat(_ONE / np.float32(math.sqrt(variance + np.float32(real(memory + 24)))))
    for at in range(0, size, WIDTH):
        left = size - at
        apart = multiply(subtract(load_some(y + 4 * at, left), mean), factor)
        value = fused(apart, load_some(scale + 4 * at, left), load_some(shift + 4 * at, left))
        if gates:
            value = multiply(value, sigmoid(value))
        store_some(y + 4 * at, value, left)


@Kernel
def gated(memory):
    """Y = LN(x[:N] sigmoid(x[N:]))."""
    size = integer(memory + 16)
    sample = claim(memory, 1)
    while sample < integer(memory + 8):
        x = integer(memory + 32) + sample * integer(memory + 72)
        y = integer(memory + 48) + sample * integer(memory + 88)
        for at in range(0, size, WIDTH):
            value, gate = load_some(x + 4 * at, size - at), load_some(x + 4 * (size + at), size - at)
            store_some(y + 4 * at, multiply(value, sigmoid(gate)), size - at)
        _normalise(memory, y, False)
        sample = claim(memory, 1)


@Kernel
def silu(memory):
    """Y = v sigmoid(v) with v = LN(x)."""
    size = integer(memory + 16)
    sample = claim(memory, 1)
    while sample < integer(memory + 8):
        x = integer(memory + 32) + sample * integer(memory + 72)
        y = integer(memory + 48) + sample * integer(memory + 88)
        for at in range(0, size, WIDTH):
            store_some(y + 4 * at, load_some(x + 4 * at, size - at), size - at)
        _normalise(memory, y, True)
        sample = claim(memory, 1)


@Kernel
def joined(memory):
    """Y = LN(x + s)."""
    size = integer(memory + 16)
    sample = claim(memory, 1)
    while sample < integer(memory + 8):
        x = integer(memory + 32) + sample * integer(memory + 72)
        s = integer(memory + 40) + sample * integer(memory + 80)
        y = integer(memory + 48) + sample * integer(memory + 88)
        for at in range(0, size, WIDTH):
            store_some(y + 4 * at, add(load_some(x + 4 * at, size - at), load_some(s + 4 * at, size - at)), size - at)
        _normalise(memory, y, False)
        sample = claim(memory, 1)
