"""The compiled tick loop of a free-running network; `FreeRunning` has the equations.

Weights are rounded to multiples of a power of two, small enough that every sum of them is exact in float64. So the
order of neurons in memory does not matter: the spikes stay the same. Each stage is a loop without branches, which
compiles to vector instructions; the whole releases the interpreter lock, so that threads run networks side by side.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

_EXACT_BITS = 52  # of a float64


class Synapses(NamedTuple):
    """Outgoing weights by source, in compressed sparse rows."""

    starts: np.ndarray  # (N + 1,) int64
    targets: np.ndarray  # (E,) uint32
    weights: np.ndarray  # (E,) float64, all multiples of one power of two


def compress(weights: np.ndarray, threshold: float) -> Synapses:
    """The weights (N, M) of at least `threshold` in magnitude, rounded so that their sums are exact."""
    return Synapses(*_compress(np.ascontiguousarray(weights), threshold, _scale(weights)))


def _scale(weights: np.ndarray) -> float:
    """The power of two whose inverse all rounded weights are multiples of."""
    largest_sum = float(np.abs(weights).sum(axis=0).max(initial=0.0))
    exponent = math.frexp(largest_sum)[1]  # every sum lies below 2 ** exponent
    return math.ldexp(1.0, min(_EXACT_BITS - exponent, 1000))


@njit(cache=True, nogil=True)
def _compress(weights, threshold, scale):
    rows, columns = weights.shape
    starts = np.zeros(rows + 1, np.int64)
    for i in range(rows):
        count = 0
        for j in range(columns):
            count += (weights[i, j] != 0) & (abs(weights[i, j]) >= threshold)
        starts[i + 1] = starts[i] + count
    targets = np.empty(starts[rows], np.uint32)
    kept = np.empty(starts[rows])
    place = 0
    for i in range(rows):
        for j in range(columns):
            if weights[i, j] != 0 and abs(weights[i, j]) >= threshold:
                targets[place] = j
                kept[place] = np.rint(weights[i, j] * scale) / scale
                place += 1
    return starts, targets, kept


@njit(cache=True, nogil=True)
def advance(first_tick, ticks, synapses, readouts, neuron, physics, drive, state, traces):
    """Run `ticks` ticks, change `state` in place and fill those `traces` that have rows.

    The state counts refraction as the tick at which a neuron is ready again, so that only who fires has to be updated.
    """
    thresholds, periods, wave_range, wave_period = neuron
    activation_leak, refraction_leak, tanh, refraction = physics
    activation, firing, ready_at, output, threshold = state
    trace_activation, trace_spike, trace_output, trace_threshold = traces
    waving = np.flatnonzero((wave_period > 0) & (wave_range != 0))
    moved = np.empty(activation.shape[0])
    read = np.empty(output.shape[0])
    fired = np.empty(activation.shape[0] + 1, np.int64)
    count = _collect(firing, fired)
    for row in range(ticks):
        tick = first_tick + row
        if drive.shape[0] > 0:
            for i in range(activation.shape[0]):
                activation[i] = min(max(activation[i] + drive[row, i], 0.0), 1.0)
        _deliver(synapses, fired, count, moved)
        if tanh:
            _squash(activation, moved)
        else:
            _clip(activation, moved, 1.0)
        if refraction:
            _fire_and_leak(activation, moved, threshold, ready_at, firing, tick, activation_leak, refraction_leak)
        else:
            _fire_and_reset(activation, moved, threshold, firing, activation_leak)
        count = _collect(firing, fired)
        if refraction:
            for k in range(count):
                ready_at[fired[k]] = tick + periods[fired[k]]
        _deliver(readouts, fired, count, read)
        _clip(output, read, refraction_leak)
        output[:] = read
        if trace_threshold.shape[0] > 0:
            trace_threshold[row] = threshold
        for i in waving:
            wave = wave_range[i] * math.sin(2.0 * math.pi * tick / wave_period[i])
            threshold[i] = min(max(thresholds[i] + wave, 0.0), 1.0)
        if trace_activation.shape[0] > 0:
            trace_activation[row] = activation
        if trace_spike.shape[0] > 0:
            trace_spike[row] = firing
        if trace_output.shape[0] > 0:
            trace_output[row] = output


@njit(cache=True, nogil=True)
def _deliver(synapses, fired, count, total):
    """Sum the weights of those who fired at their targets."""
    starts, targets, weights = synapses
    total[:] = 0.0
    for k in range(count):
        for s in range(starts[fired[k]], starts[fired[k] + 1]):
            total[targets[s]] += weights[s]


@njit(cache=True, nogil=True)
def _clip(value, change, keep):
    """Into `change`: keep * value + change, held to 0..1."""
    for i in range(value.shape[0]):
        summed = keep * value[i] + change[i]
        summed = 0.0 if summed < 0.0 else summed
        change[i] = 1.0 if summed > 1.0 else summed


@njit(cache=True, nogil=True)
def _squash(value, change):
    for i in range(value.shape[0]):
        change[i] = (math.tanh(value[i] + change[i]) + 1.0) / 2.0


@njit(cache=True, nogil=True)
def _fire_and_leak(activation, moved, threshold, ready_at, firing, tick, activation_leak, refraction_leak):
    """Neurons in refraction lose their input and leak more; the others fire at their threshold and keep their value."""
    now = float(tick)
    for i in range(activation.shape[0]):  # products with 0 and 1 are exact, and spare a branch that none can foresee
        busy = 1.0 * (ready_at[i] > now)
        moved[i] = busy * activation[i] + (1.0 - busy) * moved[i]
        activation[i] = moved[i] * (busy * refraction_leak + (1.0 - busy)) * activation_leak
    for i in range(activation.shape[0]):
        firing[i] = (ready_at[i] <= now) & (moved[i] >= threshold[i])


@njit(cache=True, nogil=True)
def _fire_and_reset(activation, moved, threshold, firing, activation_leak):
    for i in range(activation.shape[0]):
        firing[i] = moved[i] >= threshold[i]
        activation[i] = 0.0 if moved[i] >= threshold[i] else moved[i] * activation_leak


@njit(cache=True, nogil=True)
def _collect(firing, fired):
    """Indices of those who fire, eight neurons at a time since most eights are silent; `fired` has a place to spare."""
    count, whole = 0, firing.shape[0] // 8
    eights = firing[: 8 * whole].view(np.uint64)
    for eight in range(whole):
        if eights[eight] != 0:
            for i in range(8 * eight, 8 * eight + 8):
                fired[count] = i
                count += firing[i]
    for i in range(8 * whole, firing.shape[0]):
        fired[count] = i
        count += firing[i]
    return count
