"""Draws on NumPy arrays: words from addresses, numbers from words."""

import math
from typing import Any

import numpy as np

from cofire import checks
from cofire.random import _recipe
from cofire.random._address import ATTEMPT_BITS, Channel, check_shape, check_step, words


def uniform(key: Any, shape: Any, step: int, low: float, high: float, dtype: Any) -> Any:
    """See `Key.uniform`."""
    shape, step = check_shape(shape), check_step(step)
    low, high = checks.number("low", low), checks.number("high", high)
    if low >= high:
        raise checks.InvalidValue(checks.message("high", f"more than low ({low})", repr(high), "swap the two"))
    units = np.arange(math.prod(shape))
    if floating(dtype) == np.float32:
        unit = _recipe.unit_single(words(key, units, step, Channel.UNIFORM, 1)[:, 0])
    else:
        unit = _recipe.unit_double(*words(key, units, step, Channel.UNIFORM_DOUBLE, 2).T)
    drawn = (low + (high - low) * unit).astype(dtype)
    edge = np.nextafter(np.asarray(high, dtype), np.asarray(low, dtype))
    return shaped(np.minimum(drawn, edge), shape)


def normal(key: Any, shape: Any, step: int, mean: float, std: float, dtype: Any) -> Any:
    """See `Key.normal`."""
    shape, step = check_shape(shape), check_step(step)
    mean, std = checks.number("mean", mean), checks.number("std", std, low=0)
    count = math.prod(shape)
    if floating(dtype) != np.float32:
        raise checks.InvalidType(checks.message("dtype", "float32", str(dtype), "cast what was drawn"))
    pairs = words(key, np.arange(count + count % 2), step, Channel.NORMAL, 1)[:, 0].reshape(-1, 2)
    drawn = np.stack(_recipe.normals_single(pairs[:, 0], pairs[:, 1]), axis=1).astype(np.float32)
    drawn = mean + std * drawn.reshape(-1)[:count].astype(np.float64)
    return shaped(drawn.astype(np.float32), shape)


def integers(key: Any, low: int, high: int, shape: Any, step: int) -> Any:
    """See `Key.integers`."""
    shape, step = check_shape(shape), check_step(step)
    low = checks.integer("low", low, low=-(2**63))
    high = checks.integer("high", high, low=low + 1, high=2**63, fix="high is exclusive: give more than low")
    channels = Channel.INTEGERS, Channel.INTEGERS_WIDE
    drawn = bounded(key, np.arange(math.prod(shape)), step, high - low, channels)
    return shaped((drawn + np.uint64(low % 2**64)).view(np.int64), shape)


def bounded(key: Any, units: np.ndarray, step: int, count: int, channels: tuple[Channel, Channel]) -> np.ndarray:
    """Integers in [0, count), unbiased, as uint64: the top bits of fresh words until they fall below count."""
    width = max((count - 1).bit_length(), 1)
    wide = width > 32
    channel = channels[wide]
    drawn = np.zeros(len(units), np.uint64)
    left = np.arange(len(units))
    for attempt in range(2**ATTEMPT_BITS):
        word = words(key, units[left], step, channel, 2 if wide else 1, attempt).astype(np.uint64)
        value = word[:, 0] << np.uint64(32) | word[:, 1] if wide else word[:, 0]
        value >>= np.uint64((64 if wide else 32) - width)
        fits = value <= np.uint64(count - 1)
        drawn[left[fits]] = value[fits]
        left = left[~fits]
        if not len(left):
            break
    return drawn


def order(key: Any, n: int, step: int, channel: Channel) -> np.ndarray:
    """The numbers 0 to n - 1 sorted by 63 random bits each (ties, of chance n**2 / 2**64, by number)."""
    pair = words(key, np.arange(n), step, channel, 2)
    return np.argsort((pair[:, 0] << 31) | (pair[:, 1] >> 1), kind="stable")


def permutation(key: Any, n: int, step: int) -> np.ndarray:
    """See `Key.permutation`."""
    return order(key, checks.integer("n", n, low=1), check_step(step), Channel.PERMUTATION)


def choice(key: Any, n: int, size: Any, step: int, replace: bool) -> np.ndarray:
    """See `Key.choice`."""
    n, shape = checks.integer("n", n, low=1, high=2**63), check_shape(size)
    count, step = math.prod(shape), check_step(step)
    if replace:
        channels = Channel.CHOICE, Channel.CHOICE_WIDE
        return bounded(key, np.arange(count), step, n, channels).view(np.int64).reshape(shape)
    if count > n:
        fix = "draw at most n, or with replace=True"
        raise checks.InvalidValue(checks.message("size", f"at most n ({n}) without replacement", str(count), fix))
    return order(key, n, step, Channel.CHOICE_DISTINCT)[:count].reshape(shape)


def floating(dtype: Any) -> np.dtype:
    """float32 or float64 as a NumPy dtype."""
    found = np.dtype(dtype)
    if found not in (np.float32, np.float64):
        raise checks.InvalidType(checks.message("dtype", "float32 or float64", str(found), "cast what was drawn"))
    return found


def shaped(drawn: np.ndarray, shape: tuple[int, ...]) -> Any:
    """The numbers in their shape; a scalar for shape ()."""
    return drawn.reshape(shape) if shape else drawn[0]
