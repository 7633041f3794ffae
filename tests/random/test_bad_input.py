"""Whatever cannot be drawn is refused, in words that tell the fix."""

import math
import re

import numpy as np
import pytest

from cofire.checks import InvalidType, InvalidValue
from cofire.random import Key, philox

KEY = Key(0)
READ_ONLY = np.empty(3, np.float32)
READ_ONLY.flags.writeable = False

VALUES = {
    "step: wanted an integer from 0 to 1099511627775, got -1; the usual fix: count steps from 0": lambda: KEY.normal(
        3, step=-1
    ),
    "step: wanted an integer from 0 to 1099511627775, got 1099511627776": lambda: KEY.uniform(3, step=2**40),
    "step: wanted an integer from 0 to 1099511627775, got 1099511627777": lambda: KEY.units([1]).normal(
        range(2, 2**40 + 2)
    ),
    "step: wanted at least one step, got none": lambda: KEY.units([1]).normal([]),
    "step: wanted an integer from 0 to 1099511627775, got -2": lambda: KEY.permutation(3, step=-2),
    "step: wanted an integer from 0 to 1099511627775, got -3": lambda: KEY.choice(3, 2, step=-3),
    "shape: wanted an integer of at least 1, got 0; the usual fix: draw at least one number": lambda: KEY.normal(
        (2, 0)
    ),
    "shape: wanted an integer of at least 1, got -1": lambda: KEY.integers(0, 2, -1),
    "mean: wanted a finite number, got nan": lambda: KEY.normal(3, mean=math.nan),
    "std: wanted a finite number of at least 0, got -1.0": lambda: KEY.normal(3, std=-1.0),
    "mean, std: wanted numbers within 3.40282e+38 for float32": lambda: KEY.normal(3, std=1e38),
    "low: wanted a finite number, got -inf": lambda: KEY.uniform(3, low=-math.inf),
    "high: wanted more than low (1.0), got 1.0; the usual fix: swap the two": lambda: KEY.uniform(3, low=1.0),
    "low, high: wanted numbers within 3.40282e+38 for float32, got 1e+39": lambda: KEY.uniform(3, high=1e39),
    "low, high: wanted numbers within 1.79769e+308 for float64, got inf": lambda: KEY.uniform(
        3, low=-1e308, high=1e308, dtype=float
    ),
    "scale: wanted a finite number above 0, got 0.0": lambda: KEY.exponential(3, scale=0.0),
    "scale: wanted numbers within 3.40282e+38 for float32": lambda: KEY.exponential(3, scale=1e38),
    "scale: wanted numbers within 3.40282e+38 for float32, got 2e+40": lambda: KEY.gamma(1e30, 3, scale=1e10),
    "mean, std: wanted numbers within 3.40282e+38 for float32, got 1e+40": lambda: KEY.truncated_normal(
        0, 1, mean=1e40
    ),
    "probability: wanted at least 0 and at most 1, got 1.5": lambda: KEY.bernoulli([0.5, 1.5], 2),
    "probability: wanted finite numbers, got nan at index (0,)": lambda: KEY.bernoulli(math.nan, 2),
    "concentration: wanted at least 0.001, got 0": lambda: KEY.gamma(0.0),
    "rate: wanted at least 0 and at most 1.09951e+12, got -1": lambda: KEY.poisson(-1.0),
    "rate: wanted at least 0 and at most 1.09951e+12, got 1e+13": lambda: KEY.poisson(1e13),
    "rate: wanted one number or 3, got shape (2,)": lambda: KEY.units(range(3)).poisson(0, [1.0, 2.0]),
    "rate: wanted a shape that broadcasts to (3,), got shape (2,)": lambda: KEY.poisson([1.0, 2.0], 3),
    "weights: wanted weights of at least 0 with one above 0 in each row, got a least weight of 0": lambda: (
        KEY.categorical([0, 0])
    ),
    "weights: wanted weights of at least 0 with one above 0 in each row, got a least weight of -1": lambda: (
        KEY.categorical([1, -1])
    ),
    "weights: wanted finite numbers, got inf": lambda: KEY.categorical([1, math.inf]),
    "weights: wanted shape (C,) or (2, C), got shape (3, 2)": lambda: KEY.categorical(np.ones((3, 2)), 2),
    "high: wanted an integer from 4 to 9223372036854775808, got 3; the usual fix: high is exclusive": lambda: (
        KEY.integers(3, 3)
    ),
    "low: wanted an integer from -9223372036854775808": lambda: KEY.integers(-(2**63) - 1, 0),
    "high: wanted more than low (2.0), got 1.0": lambda: KEY.truncated_normal(2.0, 1.0),
    "low: wanted a finite number, got nan": lambda: KEY.truncated_normal(math.nan, 1.0),
    "low, high: wanted at most 1e+08 std from the mean, got an interval 1e+09": lambda: KEY.truncated_normal(
        1e9, math.inf
    ),
    "low, high: wanted an interval that holds a float32": lambda: KEY.truncated_normal(1 + 1e-9, 1 + 2e-9),
    "n: wanted an integer of at least 1, got 0": lambda: KEY.permutation(0),
    "size: wanted at most n (3) without replacement, got 4": lambda: KEY.choice(3, (2, 2), replace=False),
    "ids: wanted an integer from 0 to 4611686018427387903, got -1; the usual fix: number units from 0": lambda: (
        KEY.units([0, -1])
    ),
    "ids: wanted an integer from 0 to 4611686018427387903, got 4611686018427387904": lambda: KEY.units([2**62]),
    "ids: wanted an integer from 0 to 4611686018427387902, got": lambda: KEY.units(range(2**62 - 1, 2**62 + 1)),
    "ids: wanted ids that differ, got 'b' twice; the usual fix: name each unit once": lambda: KEY.units(
        ["a", "b", "b"]
    ),
    "ids: wanted at least one id, in one dimension, got shape (0,)": lambda: KEY.units([]),
    "ids: wanted at least one id, in one dimension, got shape (2, 2)": lambda: KEY.units(np.eye(2, dtype=int)),
    "out: wanted shape (3), got shape (4,)": lambda: KEY.normal(3, out=np.empty(4, np.float32)),
    "out: wanted a writable contiguous array of float32 or float64, got int64": lambda: KEY.normal(
        3, out=np.empty(3, int)
    ),
    "out: wanted a writable contiguous array of float32 or float64, got float64, strided": lambda: KEY.normal(
        3, out=np.empty(6)[::2]
    ),
    "out: wanted a writable contiguous array of float32 or float64, got float32, read-only": lambda: KEY.normal(
        3, out=READ_ONLY
    ),
    "threads: wanted an integer of at least 1, got 0": lambda: KEY.normal(3, threads=0),
    "counter: wanted words from 0 to 2**32 - 1, got -1": lambda: philox([0, 0, 0, -1], [0, 0]),
    "key: wanted words from 0 to 2**32 - 1, got 4294967296": lambda: philox([0, 0, 0, 0], [0, 2**32]),
    "counter: wanted shape (..., 4), got shape (3,)": lambda: philox([0, 0, 0], [0, 0]),
}
TYPES = {
    "step: wanted an integer from 0 to 1099511627775, got 1.5 (float)": lambda: KEY.normal(3, step=1.5),
    "step: wanted an integer from 0 to 1099511627775, got True (bool)": lambda: KEY.units([1]).normal(True),
    "step: wanted an integer from 0 to 1099511627775, got '3' (str)": lambda: KEY.units([1]).normal("3"),
    "shape: wanted an integer of at least 1, got 2.0 (float)": lambda: KEY.normal(2.0),
    "shape: wanted an integer of at least 1, got None (NoneType)": lambda: KEY.uniform(None),
    "dtype: wanted float32 or float64, got <class 'int'>": lambda: KEY.normal(3, dtype=int),
    "dtype: wanted float32 or float64, got float16": lambda: KEY.uniform(3, dtype="float16"),
    "dtype: wanted float32 or float64, got nonsense": lambda: KEY.gamma(1.0, 3, dtype="nonsense"),
    "mean: wanted a finite number, got '1' (str)": lambda: KEY.normal(3, mean="1"),
    "weights: wanted numbers, got ['a', 'b']; the usual fix: give one number or an array": lambda: KEY.categorical(
        ["a", "b"]
    ),
    "concentration: wanted numbers, got [[1], [1, 2]]": lambda: KEY.gamma([[1], [1, 2]]),
    "rate: wanted numbers, got 'fast'": lambda: KEY.poisson("fast"),
    "low: wanted an integer from -9223372036854775808 to 9223372036854775807, got 0.5 (float)": lambda: KEY.integers(
        0.5, 2
    ),
    "out: wanted ndarray, got [1, 2, 3] (list)": lambda: KEY.normal(3, out=[1, 2, 3]),
    "ids: wanted a sequence of ids, got 'abc'; the usual fix: give range(n) or a list of names": lambda: KEY.units(
        "abc"
    ),
    "ids: wanted a sequence of ids, got 12": lambda: KEY.units(12),
    "name: wanted str or bool or int or float, got None (NoneType)": lambda: KEY.units([None]),
    "counter: wanted integers, got float64": lambda: philox([0.5, 0, 0, 0], [0, 0]),
}


@pytest.mark.parametrize("words", VALUES)
def test_impossible_values_are_refused(words):
    with pytest.raises(InvalidValue, match=re.escape(words)):
        VALUES[words]()


@pytest.mark.parametrize("words", TYPES)
def test_wrong_types_are_refused(words):
    with pytest.raises(InvalidType, match=re.escape(words)):
        TYPES[words]()


def test_a_draw_that_never_accepts_gives_up_in_words():
    from cofire.random._address import ATTEMPT_BITS, Channel, tag

    with pytest.raises(InvalidValue, match="draw: wanted an accepted proposal within 65536 attempts, got none"):
        tag(Channel.GAMMA, 1 << ATTEMPT_BITS)


def test_unknown_names_of_the_package_are_refused():
    import cofire.random

    with pytest.raises(AttributeError, match=r"module 'cofire.random' has no attribute 'seed'; it has Key"):
        cofire.random.seed  # noqa: B018
