"""Weights that count, in compressed sparse rows, rounded so that every sum of them is exact.

They become multiples of a power of two, small enough that all sums fit into a float64: any order of adding is the same.
"""

import math

import numpy as np
from numba import njit

from cofire.kernels._doubles import WIDTH, above, load, load_some, lowest, magnitude, ones, reaching, rest, splat
from cofire.kernels._vectors import add, store

_EXACT_BITS = 52  # of a float64
_OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy"}


@njit(**_OPTIONS)
def sparse_rows(weights, readouts, threshold, first_readout):
    """The weights (N, N) and readouts (N, K) of at least `threshold` in magnitude, row after row.

    Returned are where rows start (N + 1,) int64, columns (E,) uint32 and numbers (E,). Columns of readouts count from
    `first_readout`. Both matrices lie row by row without gaps.
    """
    rows = weights.shape[0]
    marks, count, scale = _mark(weights, threshold)
    readout_marks, readout_count, readout_scale = _mark(readouts, threshold)
    starts = np.zeros(rows + 1, np.int64)
    columns = np.empty(count + readout_count, np.uint32)
    numbers = np.empty(count + readout_count)
    for i in range(rows):
        place = _keep(weights[i], marks[i], scale, 0, columns, numbers, starts[i])
        starts[i + 1] = _keep(readouts[i], readout_marks[i], readout_scale, first_readout, columns, numbers, place)
    return starts, columns, numbers


@njit(**_OPTIONS)
def _mark(weights, threshold):
    """Bits of the weights that count, how many there are, and what makes their multiples whole numbers."""
    rows, columns = weights.shape
    marks = np.zeros((rows, (columns + 63) // 64), np.int64)
    sums = np.zeros((columns + WIDTH) // WIDTH * WIDTH)
    count, least, nothing = 0, splat(threshold), splat(0.0)
    for i in range(rows):
        row, total = weights.ctypes.data + 8 * columns * i, sums.ctypes.data
        for group in range(marks.shape[1]):
            bits = 0
            for j in range(64 * group, min(64 * group + 64, columns), WIDTH):
                size = magnitude(load_some(row + 8 * j, columns - j))
                store(total + 8 * j, add(load(total + 8 * j), size))
                bits |= (reaching(size, least) & above(size, nothing)) << (j - 64 * group)
            marks[i, group] = bits
            count += ones(bits)
    exponent = math.frexp(sums.max())[1]  # every sum lies below 2 ** exponent
    return marks, count, math.ldexp(1.0, min(_EXACT_BITS - exponent, 1000))


@njit(**_OPTIONS)
def _keep(row, marks, scale, first, columns, numbers, place):
    for group in range(len(marks)):
        bits = marks[group]
        while bits != 0:
            j = 64 * group + lowest(bits)
            bits = rest(bits)
            columns[place] = first + j
            numbers[place] = np.rint(row[j] * scale) / scale
            place += 1
    return place
