"""Draws inside loops compiled by numba: the same numbers as those of `Key` and `Units`, one at a time.

Each function takes the two words of a key (`Key.words`), the number of a unit (`Units.numbers`; an integer id is its
own number) and a step. For neighbouring units `fill_uniform` and `fill_normal` are several times faster than one number
at a time: four units share a block of words, and the loop is vectorised.

>>> import numba
>>> from cofire.random import Key
>>> @numba.njit
... def walk(k0, k1, unit, steps):
...     position = 0.0
...     for step in range(steps):
...         position += normal(k0, k1, unit, step)
...     return position
>>> key = Key(0).fold("walk")
>>> steps = key.units([3]).normal(range(100)).astype(float)
>>> bool(abs(walk(*key.words, 3, 100) - steps.sum()) < 1e-12)
True
"""

import math

import numpy as np

from cofire.random._address import BERNOULLI, EXPONENTIAL, NORMAL, SINGLE, UNIFORM, tag
from cofire.random._compiled import compiled, counter_words, element_of, kernel

_UNIFORM, _NORMAL, _EXPONENTIAL = UNIFORM[SINGLE], NORMAL[SINGLE], EXPONENTIAL[SINGLE]
_UNIFORM_TAG, _NORMAL_TAG = tag(_UNIFORM.channel), tag(_NORMAL.channel)
_EXPONENTIAL_TAG, _BERNOULLI_TAG = tag(_EXPONENTIAL.channel), tag(BERNOULLI.channel)
_uniform_element = element_of(_UNIFORM.block, _UNIFORM.lanes)
_normal_element = element_of(_NORMAL.block, _NORMAL.lanes)
_exponential_element = element_of(_EXPONENTIAL.block, _EXPONENTIAL.lanes)
_bernoulli_element = element_of(BERNOULLI.block, BERNOULLI.lanes)
_uniform_loop = kernel(_UNIFORM.block, _UNIFORM.lanes, neighbours=True)
_normal_loop = kernel(_NORMAL.block, _NORMAL.lanes, neighbours=True)


@compiled
def uniform(k0, k1, unit, step):
    """The float32 that ``key.units([unit]).uniform(step)`` holds."""
    c2, c3 = counter_words(np.int64(step), _UNIFORM_TAG)
    return _uniform_element(np.int64(unit), c2, c3, np.int64(k0), np.int64(k1))


@compiled
def normal(k0, k1, unit, step):
    """The float32 that ``key.units([unit]).normal(step)`` holds."""
    c2, c3 = counter_words(np.int64(step), _NORMAL_TAG)
    return _normal_element(np.int64(unit), c2, c3, np.int64(k0), np.int64(k1))


@compiled
def exponential(k0, k1, unit, step):
    """The float32 that ``key.units([unit]).exponential(step)`` holds."""
    c2, c3 = counter_words(np.int64(step), _EXPONENTIAL_TAG)
    return _exponential_element(np.int64(unit), c2, c3, np.int64(k0), np.int64(k1))


@compiled
def bernoulli(k0, k1, unit, step, probability):
    """The truth that ``key.units([unit]).bernoulli(step, probability)`` holds."""
    c2, c3 = counter_words(np.int64(step), _BERNOULLI_TAG)
    return _bernoulli_element(np.int64(unit), c2, c3, np.int64(k0), np.int64(k1)) < probability


@compiled
def fill_uniform(out, k0, k1, first, step):
    """Write the uniforms of the units first, first + 1, ... into out (N,), contiguous float32."""
    _uniform_loop(out, np.int64(first), np.int64(step), _UNIFORM_TAG, np.int64(k0), np.int64(k1), 0.0, 1.0, math.inf)


@compiled
def fill_normal(out, k0, k1, first, step):
    """Write the normals of the units first, first + 1, ... into out (N,), contiguous float32."""
    _normal_loop(out, np.int64(first), np.int64(step), _NORMAL_TAG, np.int64(k0), np.int64(k1), 0.0, 1.0, math.inf)
