"""Free-running networks, tick by tick, compiled; `cofire.spiking.FreeRunning` has the equations.

One sweep over the neurons moves them and notes in bits who fires. Then the spikes are delivered: to neurons for the
next tick, and to readouts, which stand behind the neurons in the same table, for this one.

The work is described by int64 numbers, which lie eight bytes apart: the count of networks, and the address of a row of
`ROW` bytes for each; traces that are not kept and a drive that there is not are 0:

    0  the network, below       24 its moving parts, below      48 trace of spikes (T, N), bytes
    8  the first tick           32 drive (T, N)                 56 trace of outputs (T, K)
    16 ticks T                  40 trace of activations (T, N)  64 trace of thresholds (T, N)

A network, the same in every run, where numbers are doubles unless said otherwise:

    0  neurons N                32 weights                      64 tanh (1), or clip (0)
    8  readouts K               40 rows of waves, see `_wave`   72 activation leak
    16 where rows start, int64  48 refraction periods           80 refraction leak
    24 targets, uint32          56 waves                        88 refraction (1), or reset (0)

Its moving parts follow each other, each filled up to whole eights: activation, tick at which a neuron is ready,
threshold, input of the neurons and then of the readouts, output, and bits of who fires. Neurons that only fill up have
infinite thresholds.
"""

import math

from cofire.kernels._doubles import WIDTH, above, choose, clip, load, load_some, lowest, reaching, rest, splat
from cofire.kernels._kernel import Kernel, inlined
from cofire.kernels._memory import clear, fetch, integer, put_byte, put_integer, put_real, real, short
from cofire.kernels._vectors import add, multiply, store, store_some

ROW = 72


@inlined
def _stimulate(activation, drive, count):
    for i in range(0, count, WIDTH):
        moved = add(load(activation + 8 * i), load_some(drive + 8 * i, count - i))
        store(activation + 8 * i, clip(moved))


@inlined
def _squash(activation, given, count):
    """The input becomes the activation that it leads to."""
    for at in range(0, 8 * count, 8):
        put_real(given + at, (math.tanh(real(activation + at) + real(given + at)) + 1.0) / 2.0)


@inlined
def _sweep(network, parts, whole, tick, trace):
    """All neurons one tick on, but for the spikes; those in refraction lose their input."""
    neurons, squashed, refraction = integer(network), integer(network + 64), integer(network + 88)
    activation, ready_at = parts, parts + 8 * whole
    threshold, given = parts + 16 * whole, parts + 24 * whole
    fired = given + 8 * (whole + 2 * _eights(integer(network + 8)))
    leak, refraction_leak = splat(real(network + 72)), splat(real(network + 80))
    now, nothing = splat(float(tick)), splat(0.0)
    for group in range(0, whole, 64):
        bits = 0
        for i in range(group, min(group + 64, whole), WIDTH):
            at = 8 * i
            before, moved = load(activation + at), load(given + at)
            if not squashed:
                moved = clip(add(before, moved))
            store(given + at, nothing)
            if refraction:
                busy = above(load(ready_at + at), now)
                moved = choose(busy, before, moved)
                fires = reaching(moved, load(threshold + at)) & ~busy
                moved = multiply(choose(busy, multiply(moved, refraction_leak), moved), leak)
            else:
                fires = reaching(moved, load(threshold + at))
                moved = choose(fires, nothing, multiply(moved, leak))
            store(activation + at, moved)
            if trace:
                store_some(trace + at, moved, neurons - i)
            bits |= fires << (i - group)
        put_integer(fired + (group >> 3), bits)


@inlined
def _deliver(network, parts, whole, refraction, tick, trace):
    """The spikes to all that they reach, and their neurons into refraction."""
    starts, targets, weights = integer(network + 16), integer(network + 24), integer(network + 32)
    periods, ready_at, given = integer(network + 48), parts + 8 * whole, parts + 24 * whole
    fired = given + 8 * (whole + 2 * _eights(integer(network + 8)))
    for group in range(0, whole, 64):
        bits = integer(fired + (group >> 3))
        while bits != 0:
            i = group + lowest(bits)
            bits = rest(bits)
            if refraction:
                put_real(ready_at + 8 * i, tick + real(periods + 8 * i))
            if trace:
                put_byte(trace + i, 1)
            for s in range(integer(starts + 8 * i), integer(starts + 8 * i + 8)):
                target = given + 8 * short(targets + 4 * s)
                put_real(target, real(target) + real(weights + 8 * s))


@inlined
def _read(output, given, keep, count, trace):
    """Readouts leak and count the spikes."""
    for i in range(0, count, WIDTH):
        at = 8 * i
        value = clip(add(multiply(splat(keep), load(output + at)), load(given + at)))
        store(given + at, splat(0.0))
        store(output + at, value)
        if trace:
            store_some(trace + at, value, count - i)


@inlined
def _copy(source, target, count):
    for i in range(0, count, WIDTH):
        store_some(target + 8 * i, load(source + 8 * i), count - i)


@inlined
def _wave(threshold, waves, count, tick):
    """Thresholds of the next tick; a row has the neuron (int64), its threshold at rest, range and period (doubles)."""
    for row in range(waves, waves + 32 * count, 32):
        moved = real(row + 8) + real(row + 16) * math.sin(2.0 * math.pi * tick / real(row + 24))
        put_real(threshold + 8 * integer(row), min(max(moved, 0.0), 1.0))


@inlined
def _eights(count):
    return (count + WIDTH - 1) // WIDTH * WIDTH


@inlined
def _fetch(network, neurons):
    """The table, read in the order of spikes, comes faster in its own order; more than a near memory holds is left."""
    size = min(integer(integer(network + 16) + 8 * neurons), 32768)
    for at in range(0, 8 * size, 64):
        fetch(integer(network + 32) + at)
    for at in range(0, 4 * size, 64):
        fetch(integer(network + 24) + at)


@inlined
def _run(row):
    network, first, ticks, parts = integer(row), integer(row + 8), integer(row + 16), integer(row + 24)
    drive, activations, spikes = integer(row + 32), integer(row + 40), integer(row + 48)
    outputs, thresholds = integer(row + 56), integer(row + 64)
    neurons, readouts = integer(network), integer(network + 8)
    whole, wide = _eights(neurons), _eights(readouts)
    threshold, given = parts + 16 * whole, parts + 24 * whole
    received = given + 8 * whole
    _fetch(network, neurons)
    _deliver(network, parts, whole, 0, first, 0)
    clear(received, 8 * wide)  # the readouts had it in the tick before
    if spikes:
        clear(spikes, ticks * neurons)
    for tick in range(first, first + ticks):
        if drive:
            _stimulate(parts, drive, neurons)
            drive += 8 * neurons
        if integer(network + 64):
            _squash(parts, given, neurons)
        _sweep(network, parts, whole, tick, activations)
        _deliver(network, parts, whole, integer(network + 88), tick, spikes)
        _read(received + 8 * wide, received, real(network + 80), readouts, outputs)
        if thresholds:
            _copy(threshold, thresholds, neurons)
            thresholds += 8 * neurons
        _wave(threshold, integer(network + 40), integer(network + 56), tick)
        activations += 8 * neurons if activations else 0
        spikes += neurons if spikes else 0
        outputs += 8 * readouts if outputs else 0


@Kernel
def free_running(memory):
    """Every network through all its ticks."""
    row = integer(memory + 8)
    for _ in range(integer(memory)):
        _run(row)
        row += ROW
