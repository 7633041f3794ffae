"""Deep neuron-level models of a tick in one pass, compiled: window, both layers and both gates.

Per neuron d and sample b, with W1 (2H, M), W2 (2, H) and x the window:

    u = W1 x + b1,   h = u[:H] sigmoid(u[H:]),   v = W2 h + b2,   z = v[0] sigmoid(v[1])

Nothing between window and z is written to memory. Sixteen lanes hold sixteen samples of one hidden unit where there
are that many samples, else sixteen hidden units of one sample. A number depends on its own neuron and sample alone, not
on how many others there are; the two forms add in different order, though.

The work is described by int64 numbers, which lie eight bytes apart; addresses and strides are in bytes:

    0   the counter of neurons taken             64  W1, of all neurons
    8   neurons D                                72  b1
    16  samples B                                80  W2
    24  columns of the window M                  88  b2
    32  hidden units H (few samples: padded)     96  z, first neuron and sample; neurons lie side by side
    40  window, first neuron, column, sample     104 z: from a sample to the next
    48  window: from a neuron to the next        112 a, the pre-activations that become the last column of the window
    56  window: from a column to the next        120 a: from a sample to the next

Neurons are taken in shares of sixteen, so that what threads write side by side lies in different lines of the cache.
"""

from cofire.kernels._kernel import Kernel, inlined
from cofire.kernels._lanes import BYTES, WIDTH, first, gather, load, scatter, sigmoid, splat, total
from cofire.kernels._memory import claim, fetch, integer, number, put
from cofire.kernels._vectors import fused, multiply, store

SHARE = 16  # neurons that a thread takes at a time


@inlined
def _finish(out, value, gate):
    put(out, total(value) * first(sigmoid(splat(total(gate)))))


@inlined
def window_of(memory, neuron, sample):
    return integer(memory + 40) + neuron * integer(memory + 48) + 4 * sample


@inlined
def weights_of(places, neuron, memory_length, across):
    """Where W1, b1, W2 and b2 of a neuron lie, or their gradients, of which four places tell the first neuron's."""
    matrix, both = neuron * 2 * across * memory_length, neuron * 2 * across
    first, second = integer(places) + matrix, integer(places + 16) + both
    return first, integer(places + 8) + both, second, integer(places + 24) + neuron * 8


@inlined
def _append(memory, neuron, sample):
    """Sixteen pre-activations become the last column."""
    column = window_of(memory, neuron, sample) + (integer(memory + 24) - 1) * integer(memory + 56)
    step = integer(memory + 120)
    store(column, gather(integer(memory + 112) + sample * step + 4 * neuron, step))


@inlined
def _write(memory, neuron, sample, value, gate):
    """Sixteen activations."""
    step = integer(memory + 104)
    scatter(integer(memory + 96) + sample * step + 4 * neuron, multiply(value, sigmoid(gate)), step)


@inlined
def _sixteen_samples(memory, neuron, sample):
    memory_length, hidden = integer(memory + 24), integer(memory + 32)
    window, row = window_of(memory, neuron, sample), integer(memory + 56)
    _append(memory, neuron, sample)
    w1, b1, w2, b2 = weights_of(memory + 64, neuron, memory_length, 4 * hidden)
    value, gate = splat(number(b2)), splat(number(b2 + 4))
    across, matrix = 4 * hidden, 4 * memory_length  # from a unit to its gate; from a unit to the next
    unit = 0
    while unit + 1 < hidden:  # two at a time: four sums under way hide the latency of an addition
        b, w = b1 + 4 * unit, w1 + unit * matrix
        g = w + hidden * matrix
        u0, u1 = splat(number(b)), splat(number(b + 4))
        g0, g1 = splat(number(b + across)), splat(number(b + across + 4))
        for m in range(memory_length):
            x, at = load(window + m * row), 4 * m
            u0 = fused(splat(number(w + at)), x, u0)
            u1 = fused(splat(number(w + matrix + at)), x, u1)
            g0 = fused(splat(number(g + at)), x, g0)
            g1 = fused(splat(number(g + matrix + at)), x, g1)
        h0, h1 = multiply(u0, sigmoid(g0)), multiply(u1, sigmoid(g1))
        v = w2 + 4 * unit
        value = fused(splat(number(v + 4)), h1, fused(splat(number(v)), h0, value))
        gate = fused(splat(number(v + across + 4)), h1, fused(splat(number(v + across)), h0, gate))
        unit += 2
    if unit < hidden:
        b, w = b1 + 4 * unit, w1 + unit * matrix
        g = w + hidden * matrix
        u0, g0 = splat(number(b)), splat(number(b + across))
        for m in range(memory_length):
            x, at = load(window + m * row), 4 * m
            u0 = fused(splat(number(w + at)), x, u0)
            g0 = fused(splat(number(g + at)), x, g0)
        h0 = multiply(u0, sigmoid(g0))
        v = w2 + 4 * unit
        value, gate = fused(splat(number(v)), h0, value), fused(splat(number(v + across)), h0, gate)
    _write(memory, neuron, sample, value, gate)


@inlined
def _sixty_four_samples(memory, neuron, sample):
    """Four times sixteen: each weight is read once for all, and eight sums are under way."""
    memory_length, hidden = integer(memory + 24), integer(memory + 32)
    window, row = window_of(memory, neuron, sample), integer(memory + 56)
    for more in range(0, 4 * WIDTH, WIDTH):
        _append(memory, neuron, sample + more)
    w1, b1, w2, b2 = weights_of(memory + 64, neuron, memory_length, 4 * hidden)
    value0 = value1 = value2 = value3 = splat(number(b2))
    gate0 = gate1 = gate2 = gate3 = splat(number(b2 + 4))
    across, matrix = 4 * hidden, 4 * memory_length
    for unit in range(hidden):
        b, w = b1 + 4 * unit, w1 + unit * matrix
        g = w + hidden * matrix
        u0 = u1 = u2 = u3 = splat(number(b))
        g0 = g1 = g2 = g3 = splat(number(b + across))
        for m in range(memory_length):
            x = window + m * row
            x0, x1, x2, x3 = load(x), load(x + BYTES), load(x + 2 * BYTES), load(x + 3 * BYTES)
            wu, wg = splat(number(w + 4 * m)), splat(number(g + 4 * m))
            u0, u1, u2, u3 = fused(wu, x0, u0), fused(wu, x1, u1), fused(wu, x2, u2), fused(wu, x3, u3)
            g0, g1, g2, g3 = fused(wg, x0, g0), fused(wg, x1, g1), fused(wg, x2, g2), fused(wg, x3, g3)
        u0, u1 = multiply(u0, sigmoid(g0)), multiply(u1, sigmoid(g1))
        u2, u3 = multiply(u2, sigmoid(g2)), multiply(u3, sigmoid(g3))
        wv, wg = splat(number(w2 + 4 * unit)), splat(number(w2 + 4 * unit + across))
        value0, value1 = fused(wv, u0, value0), fused(wv, u1, value1)
        value2, value3 = fused(wv, u2, value2), fused(wv, u3, value3)
        gate0, gate1 = fused(wg, u0, gate0), fused(wg, u1, gate1)
        gate2, gate3 = fused(wg, u2, gate2), fused(wg, u3, gate3)
    _write(memory, neuron, sample, value0, gate0)
    _write(memory, neuron, sample + WIDTH, value1, gate1)
    _write(memory, neuron, sample + 2 * WIDTH, value2, gate2)
    _write(memory, neuron, sample + 3 * WIDTH, value3, gate3)


@inlined
def four_hidden(w1, b1, at, across, window, row, memory_length):
    """Sixteen hidden units and their gates of four samples, before the gate acts."""
    u0 = u1 = u2 = u3 = load(b1 + at)
    g0 = g1 = g2 = g3 = load(b1 + across + at)
    w, x = w1 + at, window
    further = 2 * across * memory_length  # the next neuron's, which the processor does not see coming
    for _ in range(memory_length):
        fetch(w + further)
        fetch(w + further + across)
        wu, wg = load(w), load(w + across)
        x0, x1, x2, x3 = splat(number(x)), splat(number(x + 4)), splat(number(x + 8)), splat(number(x + 12))
        u0, u1, u2, u3 = fused(wu, x0, u0), fused(wu, x1, u1), fused(wu, x2, u2), fused(wu, x3, u3)
        g0, g1, g2, g3 = fused(wg, x0, g0), fused(wg, x1, g1), fused(wg, x2, g2), fused(wg, x3, g3)
        w, x = w + 2 * across, x + row
    return u0, u1, u2, u3, g0, g1, g2, g3


@inlined
def one_hidden(w1, b1, at, across, window, row, memory_length):
    u, g = load(b1 + at), load(b1 + across + at)
    w, x = w1 + at, window
    further = 2 * across * memory_length
    for _ in range(memory_length):
        fetch(w + further)
        fetch(w + further + across)
        now = splat(number(x))
        u, g = fused(load(w), now, u), fused(load(w + across), now, g)
        w, x = w + 2 * across, x + row
    return u, g


@inlined
def _four_samples(memory, neuron, sample):
    memory_length, hidden = integer(memory + 24), integer(memory + 32)
    window, row = window_of(memory, neuron, sample), integer(memory + 56)
    across = 4 * hidden  # from the values of all units to their gates
    w1, b1, w2, b2 = weights_of(memory + 64, neuron, memory_length, across)
    value0 = value1 = value2 = value3 = splat(number(b2) / WIDTH)
    gate0 = gate1 = gate2 = gate3 = splat(number(b2 + 4) / WIDTH)
    for at in range(0, across, BYTES):
        u0, u1, u2, u3, g0, g1, g2, g3 = four_hidden(w1, b1, at, across, window, row, memory_length)
        wv, wg = load(w2 + at), load(w2 + across + at)
        h0, h1 = multiply(u0, sigmoid(g0)), multiply(u1, sigmoid(g1))
        h2, h3 = multiply(u2, sigmoid(g2)), multiply(u3, sigmoid(g3))
        value0, value1 = fused(wv, h0, value0), fused(wv, h1, value1)
        value2, value3 = fused(wv, h2, value2), fused(wv, h3, value3)
        gate0, gate1 = fused(wg, h0, gate0), fused(wg, h1, gate1)
        gate2, gate3 = fused(wg, h2, gate2), fused(wg, h3, gate3)
    step = integer(memory + 104)
    out = integer(memory + 96) + sample * step + 4 * neuron
    _finish(out, value0, gate0)
    _finish(out + step, value1, gate1)
    _finish(out + 2 * step, value2, gate2)
    _finish(out + 3 * step, value3, gate3)


@inlined
def _one_sample(memory, neuron, sample):
    memory_length, hidden = integer(memory + 24), integer(memory + 32)
    window, row = window_of(memory, neuron, sample), integer(memory + 56)
    across = 4 * hidden
    w1, b1, w2, b2 = weights_of(memory + 64, neuron, memory_length, across)
    value, gate = splat(number(b2) / WIDTH), splat(number(b2 + 4) / WIDTH)
    for at in range(0, across, BYTES):
        u, g = one_hidden(w1, b1, at, across, window, row, memory_length)
        h = multiply(u, sigmoid(g))
        value, gate = fused(load(w2 + at), h, value), fused(load(w2 + across + at), h, gate)
    _finish(integer(memory + 96) + sample * integer(memory + 104) + 4 * neuron, value, gate)


@Kernel
def many_samples(memory):
    """Sixteen samples at a time; at least so many must be there."""
    neurons, samples = integer(memory + 8), integer(memory + 16)
    start = claim(memory, SHARE)
    while start < neurons:
        for neuron in range(start, min(start + SHARE, neurons)):
            sample = 0
            while sample + 4 * WIDTH <= samples:
                _sixty_four_samples(memory, neuron, sample)
                sample += 4 * WIDTH
            while sample < samples:
                _sixteen_samples(memory, neuron, min(sample, samples - WIDTH))  # some twice, rather than past the end
                sample += WIDTH
        start = claim(memory, SHARE)


@Kernel
def few_samples(memory):
    """One sample at a time, or four, with sixteen hidden units in the lanes; W1 lies as (M, 2, H), W2 as (2, H)."""
    neurons, samples = integer(memory + 8), integer(memory + 16)
    start = claim(memory, SHARE)
    while start < neurons:
        for neuron in range(start, min(start + SHARE, neurons)):
            column = integer(memory + 40) + neuron * integer(memory + 48)
            column += (integer(memory + 24) - 1) * integer(memory + 56)
            for sample in range(samples):
                put(column + 4 * sample, number(integer(memory + 112) + sample * integer(memory + 120) + 4 * neuron))
            sample = 0
            while sample + 3 < samples:
                _four_samples(memory, neuron, sample)
                sample += 4
            while sample < samples:
                _one_sample(memory, neuron, sample)
                sample += 1
        start = claim(memory, SHARE)
