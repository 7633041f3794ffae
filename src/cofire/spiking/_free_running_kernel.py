"""Free-running networks as the compiled loop reads them (`cofire.kernels`), and its calls.

Weights are rounded to multiples of a power of two, small enough that every sum of them is exact in float64. So the
order of neurons in memory does not matter: the spikes stay the same.
"""

import ctypes
import math
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from cofire.kernels import free_running, sparse_rows

_sparse_rows: Any = sparse_rows  # compiled: its signature is its own
_LINE = 64  # bytes that are read fastest together, where they start at a multiple


def eights(count: int) -> int:
    """The count filled up to whole eights."""
    return -(-count // 8) * 8


def aligned(shape: tuple[int, ...], value: float = 0.0) -> np.ndarray:
    """Numbers that start on a cache line, as many rows of whole eights do then."""
    size = math.prod(shape)
    room = np.empty(size + _LINE // 8)
    skip = -room.ctypes.data % _LINE // 8
    numbers = room[skip : skip + size].reshape(shape)
    numbers[...] = value
    return numbers


class Constants:
    """What a network keeps in all its runs: its numbers for the compiled loop, and the arrays that they point to."""

    def __init__(self, net: Any):
        n, k = net.output_weights.shape
        matrices = (np.ascontiguousarray(matrix) for matrix in (net.weights, net.output_weights))
        table = _sparse_rows(*matrices, net.weight_threshold, eights(n))
        periods = net.refraction_period.astype(np.float64)
        moving = np.flatnonzero((net.threshold_period > 0) & (net.threshold_range != 0))
        waves = np.empty((len(moving), 4))
        waves.view(np.int64)[:, 0] = moving
        for column, of_neurons in enumerate((net.thresholds, net.threshold_range, net.threshold_period), start=1):
            waves[:, column] = of_neurons[moving]
        leaks = np.array([net.activation_leak, net.refraction_leak]).view(np.int64).tolist()
        places = [array.ctypes.data for array in (*table, waves, periods)]
        self._numbers = np.array([n, k, *places, len(moving), bool(net.tanh), *leaks, bool(net.refraction)], np.int64)
        self._alive = table, waves, periods
        self.address = self._numbers.ctypes.data


class Parts(NamedTuple):
    """What moves in each of B networks, as views of the memory that the compiled loop works in."""

    memory: np.ndarray  # (B, whole eights of all that follows)
    activation: np.ndarray  # (B, N)
    firing: np.ndarray  # (B, N / 8) bytes, a bit for each neuron
    ready_at: np.ndarray  # (B, N)
    output: np.ndarray  # (B, K)
    threshold: np.ndarray  # (B, N)


def silence(networks: int, neurons: int, readouts: int) -> Parts:
    """Networks at rest, but for their thresholds."""
    whole, wide = eights(neurons), eights(readouts)
    memory = aligned((networks, 4 * whole + 2 * wide + eights(-(-neurons // 64))))
    memory[:, 2 * whole : 3 * whole] = np.inf  # behind the last neuron nobody fires
    output = 4 * whole + wide
    return Parts(
        memory,
        activation=memory[:, :neurons],
        firing=memory[:, output + wide :].view(np.uint8)[:, : -(-neurons // 8)],
        ready_at=memory[:, whole : whole + neurons],
        output=memory[:, output : output + readouts],
        threshold=memory[:, 2 * whole : 2 * whole + neurons],
    )


def advance(jobs: Sequence[Sequence[int]]) -> None:
    """Run networks, each described by a row of numbers (see `cofire.kernels._free_running`)."""
    rows = np.array(jobs, np.int64)
    numbers = np.array([len(rows), rows.ctypes.data], np.int64)
    _function()(numbers.ctypes.data)


@cache
def _function() -> Any:
    """The compiled loop; calls of it release the interpreter lock."""
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(free_running.address)
