"""How together a group is at every tick, by several measures: one number per tick from (T, n) traces of n units.

Windows hold the last `window` ticks, fewer at the start. A group of one unit has no pair and a stated value.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cofire import checks
from cofire.sync._inputs import checked_traces, checked_window

_NO_VARIANCE = 1e-10


def _coherence(x: np.ndarray, window: int) -> np.ndarray:
    """Mean Pearson correlation of all pairs in the window.

    Pairs with a constant trace are left out; 0 where no unit varies (all variances below 1e-10) or no pair is left; 1
    for a single unit and for windows of one tick. With unit vectors u_i, Σ_{i≠j} u_i·u_j = |Σ u_i|² - n.
    """
    ticks, units = x.shape
    if units < 2 or window == 1:
        return np.ones(ticks)
    values = np.empty(ticks)
    head = min(window, ticks)
    for tick in range(head - 1):
        values[tick] = _mean_correlation(x[None, : tick + 1])[0]
    chunk = max(1, 2**18 // (window * units))  # windows at once, to stay in the cache
    views = np.moveaxis(sliding_window_view(x, head, axis=0), 2, 1)  # (ticks - head + 1, head, units)
    for start in range(0, len(views), chunk):
        values[head - 1 + start : head - 1 + start + chunk] = _mean_correlation(views[start : start + chunk])
    values[0] = 1.0
    return values


def _mean_correlation(parts: np.ndarray) -> np.ndarray:
    """Windows (K, w, n) to their mean pairwise correlation (K,)."""
    ticks = parts.shape[1]
    deviation = parts - parts.mean(axis=1, keepdims=True)
    power = np.einsum("kwn,kwn->kn", deviation, deviation)
    rounding = (4 * np.finfo(np.float64).eps * np.abs(parts).max(axis=1)) ** 2 * ticks
    varies = power > rounding
    scale = np.where(varies, 1.0 / np.sqrt(np.where(varies, power, 1.0)), 0.0)
    together = np.einsum("kwn,kn->kw", deviation, scale)
    count = varies.sum(axis=1)
    pairs = np.maximum(count * (count - 1), 1)
    mean = ((together**2).sum(axis=1) - count) / pairs
    silent = (power / ticks < _NO_VARIANCE).all(axis=1)
    return np.where(silent | (count < 2), 0.0, np.clip(mean, -1.0, 1.0))


def _windowed_sync(x: np.ndarray, window: int) -> np.ndarray:
    """Mean of S_ij = Σ x_i x_j over pairs i ≠ j and the window; 0 for a single unit."""
    return _moving_sum(_instantaneous_sync(x, window), window)


def _inverse_mse(x: np.ndarray, window: int) -> np.ndarray:
    """1 / (1 + mean over pairs of the mean squared difference in the window); 1 for a single unit.

    With the mean m over units, Σ_{i<j} (x_i - x_j)² = n Σ_i (x_i - m)²: no pair is formed.
    """
    ticks, units = x.shape
    if units < 2:
        return np.ones(ticks)
    spread = ((x - x.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) * 2.0 / (units - 1)
    return 1.0 / (1.0 + _moving_sum(spread, window) / np.minimum(np.arange(1, ticks + 1), window))


def _instantaneous_sync(x: np.ndarray, window: int) -> np.ndarray:
    """Mean of x_i x_j over pairs i < j at the tick; 0 for a single unit."""
    units = x.shape[1]
    if units < 2:
        return np.zeros(len(x))
    return (x.sum(axis=1) ** 2 - (x**2).sum(axis=1)) / (units * (units - 1))


def _derivative(x: np.ndarray, window: int) -> np.ndarray:
    """Change of the mean over units since the tick before; 0 at the first."""
    mean = x.mean(axis=1)
    return np.diff(mean, prepend=mean[0])


def _variance(x: np.ndarray, window: int) -> np.ndarray:
    """Mean over units of the variance in the window; 0 at the first tick."""
    ticks = len(x)
    values = np.empty(ticks)
    head = min(window, ticks)
    for tick in range(head - 1):
        values[tick] = x[: tick + 1].var(axis=0).mean()
    values[head - 1 :] = sliding_window_view(x, head, axis=0).var(axis=2).mean(axis=1)
    return values


def _activation(x: np.ndarray, window: int) -> np.ndarray:
    """Mean over units."""
    return x.mean(axis=1)


MEASURES: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "activation": _activation,
    "coherence": _coherence,
    "windowed_sync": _windowed_sync,
    "inverse_mse": _inverse_mse,
    "instantaneous_sync": _instantaneous_sync,
    "derivative": _derivative,
    "variance": _variance,
}


def over_time(x: Any, measure: str = "coherence", *, window: int = 16) -> np.ndarray:
    """One measure of a whole group at every tick, (T,).

    Parameters
    ----------
    x
        (T, n).
    measure
        activation: mean over units.
        coherence: mean Pearson correlation of pairs in the window; pairs with a constant trace are left out, 0 where
        nothing varies, 1 for a single unit and for windows of one tick, such as the first.
        windowed_sync: mean Σ x_i x_j of pairs over the window; 0 for a single unit.
        inverse_mse: 1 / (1 + mean squared difference of pairs); 1 for a single unit.
        instantaneous_sync: mean x_i x_j of pairs at the tick; 0 for a single unit.
        derivative: change of the mean since the tick before; 0 at the first.
        variance: mean over units of the variance in the window.
    window
        In ticks, for the windowed ones.

    >>> over_time(np.array([[1.0, 1], [0, 0], [1, 1]]), "coherence")
    array([1., 1., 1.])
    """
    known = checks.choice("measure", measure, MEASURES)
    return MEASURES[known](checked_traces(x), checked_window(window))


def within_clusters(x: Any, labels: Any, measure: str = "coherence", *, window: int = 16) -> np.ndarray:
    """A measure of `over_time` within every cluster: (K, T), clusters in the order of their sorted labels.

    >>> within_clusters(np.array([[1.0, 3, 5], [3, 3, 7]]), [1, 1, 2], "activation")
    array([[2., 3.],
           [5., 7.]])
    """
    z = checked_traces(x)
    member = np.asarray(labels)
    checks.shape("labels", member, (z.shape[1],), fix="give one label per unit")
    return np.array([over_time(z[:, member == one], measure, window=window) for one in np.unique(member)])


def _moving_sum(values: np.ndarray, window: int) -> np.ndarray:
    """Sum of the last `window` values, fewer at the start, each summed afresh so that no rounding builds up."""
    padded = np.concatenate([np.zeros(min(window, len(values)) - 1), values])
    return sliding_window_view(padded, min(window, len(values))).sum(axis=1)
