"""The way back through deep neuron-level models for few samples in one pass, compiled; see `_neurons` for the models.

From the gradient of z, with u, h, v as there, g = u[H:], w the two rows of W2, and s, p the sigmoids of g and v[1]:

    dv = dz p, dz v[0] p (1 - p)      dh = dv W2      du = dh s, dh h (1 - s)
    dW2 += dv h^T     db2 += dv       dW1 += du x^T   db1 += du     dx += W1^T du

Everything between is computed again, and nothing of it written to memory. Sixteen lanes hold hidden units, samples are
taken four by four. Numbers that describe the work lie as for `few_samples` up to b2, and then:

    96  dz, neurons side by side         120 dx: from a neuron to the next     144 db1
    104 dz: from a sample to the next    128 dx: from a column to the next     152 dW2
    112 dx, of the window                136 dW1                               160 db2
"""

import numpy as np

from cofire.kernels._kernel import Kernel, inlined
from cofire.kernels._lanes import BYTES, WIDTH, first, load, sigmoid, splat, total
from cofire.kernels._memory import claim, integer, number, put
from cofire.kernels._neurons import SHARE, four_hidden, one_hidden, weights_of, window_of
from cofire.kernels._vectors import add, fused, multiply, store, subtract

_NOTHING, _ONE = np.float32(0), np.float32(1)


@inlined
def _raise_by(place, value):
    put(place, number(place) + value)


@inlined
def _out(value, gate, gradient):
    """The gradients of both outputs of the second layer."""
    v, p = total(value), first(sigmoid(splat(total(gate))))
    return gradient * p, gradient * v * p * (_ONE - p)


@inlined
def _unit(wv, wg, value, gate, u, s, h):
    """The gradients of sixteen hidden units and of their gates."""
    flow = fused(wv, splat(value), multiply(wg, splat(gate)))
    return multiply(flow, s), multiply(multiply(flow, h), subtract(splat(_ONE), s))


@inlined
def _windows(memory, neuron, sample):
    """Where the window of a sample and its gradient begin, and what lies from a column to the next of each."""
    flow = integer(memory + 112) + neuron * integer(memory + 120) + 4 * sample
    return window_of(memory, neuron, sample), integer(memory + 56), flow, integer(memory + 128)


@inlined
def _four_samples(memory, neuron, sample):
    memory_length, across = integer(memory + 24), 4 * integer(memory + 32)
    window, row, flow, step = _windows(memory, neuron, sample)
    w1, b1, w2, b2 = weights_of(memory + 64, neuron, memory_length, across)
    dw1, db1, dw2, db2 = weights_of(memory + 136, neuron, memory_length, across)
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
    z, apart = integer(memory + 96) + sample * integer(memory + 104) + 4 * neuron, integer(memory + 104)
    dv0, dq0 = _out(value0, gate0, number(z))
    dv1, dq1 = _out(value1, gate1, number(z + apart))
    dv2, dq2 = _out(value2, gate2, number(z + 2 * apart))
    dv3, dq3 = _out(value3, gate3, number(z + 3 * apart))
    _raise_by(db2, dv0 + dv1 + dv2 + dv3)
    _raise_by(db2 + 4, dq0 + dq1 + dq2 + dq3)
    for at in range(0, across, BYTES):
        u0, u1, u2, u3, g0, g1, g2, g3 = four_hidden(w1, b1, at, across, window, row, memory_length)
        wv, wg, gates = load(w2 + at), load(w2 + across + at), across + at
        s0, s1, s2, s3 = sigmoid(g0), sigmoid(g1), sigmoid(g2), sigmoid(g3)
        h0, h1, h2, h3 = multiply(u0, s0), multiply(u1, s1), multiply(u2, s2), multiply(u3, s3)
        sums = fused(splat(dv0), h0, fused(splat(dv1), h1, load(dw2 + at)))
        store(dw2 + at, fused(splat(dv2), h2, fused(splat(dv3), h3, sums)))
        sums = fused(splat(dq0), h0, fused(splat(dq1), h1, load(dw2 + gates)))
        store(dw2 + gates, fused(splat(dq2), h2, fused(splat(dq3), h3, sums)))
        u0, g0 = _unit(wv, wg, dv0, dq0, u0, s0, h0)
        u1, g1 = _unit(wv, wg, dv1, dq1, u1, s1, h1)
        u2, g2 = _unit(wv, wg, dv2, dq2, u2, s2, h2)
        u3, g3 = _unit(wv, wg, dv3, dq3, u3, s3, h3)
        store(db1 + at, add(load(db1 + at), add(add(u0, u1), add(u2, u3))))
        store(db1 + gates, add(load(db1 + gates), add(add(g0, g1), add(g2, g3))))
        w, dw, x, dx = w1 + at, dw1 + at, window, flow
        for _ in range(memory_length):
            x0, x1, x2, x3 = splat(number(x)), splat(number(x + 4)), splat(number(x + 8)), splat(number(x + 12))
            store(dw, fused(x3, u3, fused(x2, u2, fused(x1, u1, fused(x0, u0, load(dw))))))
            sums = fused(x3, g3, fused(x2, g2, fused(x1, g1, fused(x0, g0, load(dw + across)))))
            store(dw + across, sums)
            wu, wg = load(w), load(w + across)
            _raise_by(dx, total(fused(wu, u0, multiply(wg, g0))))
            _raise_by(dx + 4, total(fused(wu, u1, multiply(wg, g1))))
            _raise_by(dx + 8, total(fused(wu, u2, multiply(wg, g2))))
            _raise_by(dx + 12, total(fused(wu, u3, multiply(wg, g3))))
            w, dw, x, dx = w + 2 * across, dw + 2 * across, x + row, dx + step


@inlined
def _one_sample(memory, neuron, sample):
    memory_length, across = integer(memory + 24), 4 * integer(memory + 32)
    window, row, flow, step = _windows(memory, neuron, sample)
    w1, b1, w2, b2 = weights_of(memory + 64, neuron, memory_length, across)
    dw1, db1, dw2, db2 = weights_of(memory + 136, neuron, memory_length, across)
    value, gate = splat(number(b2) / WIDTH), splat(number(b2 + 4) / WIDTH)
    for at in range(0, across, BYTES):
        u, g = one_hidden(w1, b1, at, across, window, row, memory_length)
        h = multiply(u, sigmoid(g))
        value, gate = fused(load(w2 + at), h, value), fused(load(w2 + across + at), h, gate)
    z = integer(memory + 96) + sample * integer(memory + 104) + 4 * neuron
    dv, dq = _out(value, gate, number(z))
    _raise_by(db2, dv)
    _raise_by(db2 + 4, dq)
    for at in range(0, across, BYTES):
        u, g = one_hidden(w1, b1, at, across, window, row, memory_length)
        s, gates = sigmoid(g), across + at
        h = multiply(u, s)
        store(dw2 + at, fused(splat(dv), h, load(dw2 + at)))
        store(dw2 + gates, fused(splat(dq), h, load(dw2 + gates)))
        u, g = _unit(load(w2 + at), load(w2 + gates), dv, dq, u, s, h)
        store(db1 + at, add(load(db1 + at), u))
        store(db1 + gates, add(load(db1 + gates), g))
        w, dw, x, dx = w1 + at, dw1 + at, window, flow
        for _ in range(memory_length):
            now = splat(number(x))
            store(dw, fused(now, u, load(dw)))
            store(dw + across, fused(now, g, load(dw + across)))
            _raise_by(dx, total(fused(load(w), u, multiply(load(w + across), g))))
            w, dw, x, dx = w + 2 * across, dw + 2 * across, x + row, dx + step


@Kernel
def few_samples_back(memory):
    """Add the gradients of a tick to those of the window and of the weights, which lie like the weights."""
    neurons, samples = integer(memory + 8), integer(memory + 16)
    start = claim(memory, SHARE)
    while start < neurons:
        for neuron in range(start, min(start + SHARE, neurons)):
            sample = 0
            while sample + 3 < samples:
                _four_samples(memory, neuron, sample)
                sample += 4
            while sample < samples:
                _one_sample(memory, neuron, sample)
                sample += 1
        start = claim(memory, SHARE)
