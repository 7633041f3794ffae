"""Draws of bits, truths, whole numbers, categories and orders.

What is drawn by rejection reads a fresh block per attempt, each unit for itself, so that nobody's numbers depend on how
often somebody else was rejected.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cofire import checks
from cofire.random import _recipe
from cofire.random._address import BERNOULLI, CATEGORICAL, Channel
from cofire.random._fill import by_block, fill
from cofire.random._parameters import check_each, check_step, check_steps

if TYPE_CHECKING:
    from cofire.random._units import Units


def four(w0, w1, w2, w3):
    """Four words for four units."""
    return w0, w1, w2, w3


def wide(w0, w1, w2, w3):
    """Two words of 64 bits for two units."""
    return (w0 << 32) | w1, (w2 << 32) | w3


def bits(units: "Units", step: int) -> np.ndarray:
    """Raw words, uint32 (N,)."""
    return by_block(four, 4, units, step, Channel.BITS).astype(np.uint32)


def bernoulli(units: "Units", step: Any, probability: Any) -> np.ndarray:
    """True where a uniform number lies below the probability."""
    probability = check_each("probability", probability, len(units), least=0, most=1)
    steps = check_steps(step)
    drawn = fill(np.empty((len(steps), len(units))), units, steps, BERNOULLI) < probability
    return drawn[0] if np.ndim(step) == 0 else drawn


def integers(units: "Units", step: int, low: int, count: int) -> np.ndarray:
    """Integers in [low, low + count), int64 (N,)."""
    drawn = bounded(units, step, count, (Channel.INTEGERS, Channel.INTEGERS_WIDE))
    return (drawn + np.uint64(low % 2**64)).view(np.int64)


def bounded(units: "Units", step: int, count: int, channels: tuple[Channel, Channel]) -> np.ndarray:
    """Integers in [0, count), uint64 (N,): the top bits of fresh words, until they fall below the count."""
    width = max((count - 1).bit_length(), 1)
    function, lanes, size = (four, 4, 32) if width <= 32 else (wide, 2, 64)

    def propose(chosen: np.ndarray, attempt: int) -> tuple[np.ndarray, np.ndarray]:
        word = by_block(function, lanes, units, step, channels[size == 64], attempt=attempt, chosen=chosen)
        value = word.view(np.uint64) >> np.uint64(size - width)
        return value, value <= np.uint64(count - 1)

    return accepted(len(units), propose, np.uint64)


def accepted(
    count: int, propose: Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]], dtype: Any = np.float64
) -> np.ndarray:
    """The first proposal that each of `count` units accepts.

    ``propose(chosen, attempt)`` gives the values of the units that are not yet served, and which of them are accepted.
    """
    drawn = np.empty(count, dtype)
    chosen, attempt = np.arange(count), 0
    while len(chosen):
        values, good = propose(chosen, attempt)
        drawn[chosen[good]] = values[good]
        chosen, attempt = chosen[~good], attempt + 1
    return drawn


def categorical(units: "Units", step: int, weights: np.ndarray) -> np.ndarray:
    """The category in whose share of the summed weights a uniform number falls, int64 (N,)."""
    summed = np.cumsum(weights, axis=-1)
    point = summed[..., -1] * by_block(_recipe.uniforms_double, CATEGORICAL.lanes, units, step, CATEGORICAL.channel)
    last = weights.shape[-1] - 1 - np.argmax(weights[..., ::-1] > 0, axis=-1)  # rounding must not reach weight 0
    found = (
        np.searchsorted(summed, point, side="right") if weights.ndim == 1 else (summed <= point[:, None]).sum(axis=-1)
    )
    return np.minimum(found, last)


def order(units: "Units", step: int, channel: Channel) -> np.ndarray:
    """0 to N - 1 in the order of 63 random bits each (a tie, of chance N**2 / 2**64 altogether, goes by number)."""
    drawn = by_block(wide, 2, units, step, channel).view(np.uint64) >> np.uint64(1)
    return np.argsort(drawn.view(np.int64), kind="stable")


def permutation(units: "Units", step: Any) -> np.ndarray:
    """0 to N - 1 in random order, int64 (N,)."""
    return order(units, check_step(step), Channel.PERMUTATION)


def choice(units: "Units", step: Any, n: int, count: int, replace: bool) -> np.ndarray:
    """`count` of 0 to n - 1, int64 (count,); without replacement the first ones of a random order of all n units."""
    step = check_step(step)
    if replace:
        return bounded(units, step, n, (Channel.CHOICE, Channel.CHOICE_WIDE)).view(np.int64)
    if count > n:
        fix = "draw at most n, or with replace=True"
        raise checks.InvalidValue(checks.message("size", f"at most n ({n}) without replacement", str(count), fix))
    return order(units, step, Channel.CHOICE_DISTINCT)[:count]
