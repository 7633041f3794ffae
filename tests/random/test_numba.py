"""Draws inside compiled loops are those of units."""

import numba
import numpy as np

from cofire.random import Key, numba_

KEY = Key(9).fold("loop")


@numba.njit
def one_by_one(k0, k1, units, step, uniform, normal, exponential, truth):
    for place in range(len(units)):
        uniform[place] = numba_.uniform(k0, k1, units[place], step)
        normal[place] = numba_.normal(k0, k1, units[place], step)
        exponential[place] = numba_.exponential(k0, k1, units[place], step)
        truth[place] = numba_.bernoulli(k0, k1, units[place], step, 0.25)


@numba.njit
def summed(k0, k1, first, steps, uniform, normal):
    total = np.zeros((2, len(uniform)))
    for step in range(steps):
        numba_.fill_uniform(uniform, k0, k1, first, step)
        numba_.fill_normal(normal, k0, k1, first, step)
        total[0] += uniform
        total[1] += normal
    return total


def test_one_number_at_a_time():
    units, step = KEY.units([3, 0, 2**62 - 1, "basket", 77]), 2**33 + 5
    uniform, normal, exponential = (np.empty(5, np.float32) for _ in range(3))
    truth = np.empty(5, bool)
    one_by_one(*KEY.words, units.numbers, step, uniform, normal, exponential, truth)
    np.testing.assert_array_equal(uniform, units.uniform(step))
    np.testing.assert_array_equal(normal, units.normal(step))
    np.testing.assert_array_equal(exponential, units.exponential(step))
    np.testing.assert_array_equal(truth, units.bernoulli(step, 0.25))
    one_by_one(*KEY.words, np.arange(5, dtype=np.uint32), np.uint64(7), uniform, normal, exponential, truth)
    np.testing.assert_array_equal(normal, KEY.normal(5, step=7))


def test_neighbours_at_a_time():
    total = summed(*KEY.words, 6, 11, np.empty(401, np.float32), np.empty(401, np.float32))
    units = KEY.units(range(6, 407))
    np.testing.assert_allclose(total[0], units.uniform(range(11)).sum(axis=0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(total[1], units.normal(range(11)).sum(axis=0, dtype=np.float64), atol=1e-12)
