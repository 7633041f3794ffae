"""Draws inside loops compiled by numba: the same numbers as those of `Key` and `Units`, one at a time.

Each function takes the two words of a key (`Key.words`), the number of a unit (`Units.numbers`; an integer id is its
own number) and a step, and becomes part of the loop that calls it. `four_uniforms` and `four_normals` draw for the
units 4 b ... 4 b + 3 at once, from the one block that they share, which is four times less work for the bits.

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

import numpy as np

from cofire.random._address import BERNOULLI, EXPONENTIAL, NORMAL, SINGLE, UNIFORM, tag
from cofire.random._compiled import RECIPE, counter_words, element_of, inlined, single
from cofire.random._compiled import philox as philox

_UNIFORM, _NORMAL, _EXPONENTIAL = UNIFORM[SINGLE], NORMAL[SINGLE], EXPONENTIAL[SINGLE]
_UNIFORM_TAG, _NORMAL_TAG = tag(_UNIFORM.channel), tag(_NORMAL.channel)
_EXPONENTIAL_TAG, _BERNOULLI_TAG = tag(_EXPONENTIAL.channel), tag(BERNOULLI.channel)
_uniform_element = element_of(_UNIFORM.block, _UNIFORM.lanes)
_normal_element = element_of(_NORMAL.block, _NORMAL.lanes)
_exponential_element = element_of(_EXPONENTIAL.block, _EXPONENTIAL.lanes)
_bernoulli_element = element_of(BERNOULLI.block, BERNOULLI.lanes)
_uniform_block, _normal_block = RECIPE[_UNIFORM.block], RECIPE[_NORMAL.block]


@inlined
def uniform(k0, k1, unit, step):
    """The float32 that ``key.units([unit]).uniform(step)`` holds."""
    c2, c3 = counter_words(np.int64(step), _UNIFORM_TAG)
    return _uniform_element(np.int64(unit), c2, c3, np.int64(k0), np.int64(k1))


@inlined
def normal(k0, k1, unit, step):
    """The float32 that ``key.units([unit]).normal(step)`` holds."""
    c2, c3 = counter_words(np.int64(step), _NORMAL_TAG)
    return _normal_element(np.int64(unit), c2, c3, np.int64(k0), np.int64(k1))


@inlined
def exponential(k0, k1, unit, step):
    """The float32 that ``key.units([unit]).exponential(step)`` holds."""
    c2, c3 = counter_words(np.int64(step), _EXPONENTIAL_TAG)
    return _exponential_element(np.int64(unit), c2, c3, np.int64(k0), np.int64(k1))


@inlined
def bernoulli(k0, k1, unit, step, probability):
    """The truth that ``key.units([unit]).bernoulli(step, probability)`` holds."""
    c2, c3 = counter_words(np.int64(step), _BERNOULLI_TAG)
    return _bernoulli_element(np.int64(unit), c2, c3, np.int64(k0), np.int64(k1)) < probability


@inlined
def four_uniforms(k0, k1, block, step):
    """The uniforms of the units ``4 * block`` to ``4 * block + 3``."""
    c2, c3 = counter_words(np.int64(step), _UNIFORM_TAG)
    b = np.int64(block)
    w0, w1, w2, w3 = philox(b & 0xFFFFFFFF, b >> 32, c2, c3, np.int64(k0), np.int64(k1))
    x0, x1, x2, x3 = _uniform_block(w0, w1, w2, w3)
    return single(x0), single(x1), single(x2), single(x3)


@inlined
def four_normals(k0, k1, block, step):
    """The normals of the units ``4 * block`` to ``4 * block + 3``."""
    c2, c3 = counter_words(np.int64(step), _NORMAL_TAG)
    b = np.int64(block)
    w0, w1, w2, w3 = philox(b & 0xFFFFFFFF, b >> 32, c2, c3, np.int64(k0), np.int64(k1))
    x0, x1, x2, x3 = _normal_block(w0, w1, w2, w3)
    return single(x0), single(x1), single(x2), single(x3)
