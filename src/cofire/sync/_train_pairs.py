"""How alike pairs of spike trains are: count correlation, spike time tiling, correlograms, van Rossum's distance."""

from typing import Any, NamedTuple

import numpy as np

from cofire import checks
from cofire.sync._pairs import correlation
from cofire.sync._trains import checked_trains, spike_counts


def count_correlation(
    trains: Any, bin_width: float | int, *, stop: float | int, start: float | int = 0.0, undefined: float | int = np.nan
) -> np.ndarray:
    """Pearson's correlation of the binned counts of all pairs (D, D); a train without variation is `undefined`.

    >>> count_correlation([[0.5, 2.5], [0.6, 2.1], [1.5, 3.5]], 1.0, stop=4)[0]
    array([ 1.,  1., -1.])
    """
    return correlation(spike_counts(trains, bin_width, stop=stop, start=start), undefined=undefined)


def tiling_coefficient(
    trains: Any, dt: float | int, *, stop: float | int, start: float | int = 0.0, undefined: float | int = np.nan
) -> np.ndarray:
    """The spike time tiling coefficient of all pairs (D, D).

        STTC_AB = ½ (P_A - T_B) / (1 - P_A T_B) + ½ (P_B - T_A) / (1 - P_B T_A)

    P_A is the share of A's spikes within ±dt of a spike of B, T_A the share of the recording within ±dt of a spike of
    A. A term whose P T is 1 counts as 1. Pairs with a silent train are `undefined`; the diagonal is 1 otherwise.
    Unlike the correlation of counts it does not depend on the rates. Source: Cutts and Eglen (2014), J. Neurosci. 34,
    14288.

    >>> tiling_coefficient([[1.0, 5.0], [1.1, 5.1], [3.0]], 0.5, stop=10).round(2)[0]
    array([ 1.  ,  1.  , -0.15])
    """
    times = checked_trains(trains, start, stop)
    dt = checks.number("dt", dt, low=0)
    covered = np.array([_covered(train, dt, start, stop) for train in times])
    spikes = np.array([len(train) for train in times])
    near = _near_counts(times, dt)
    P = near / np.maximum(spikes, 1)[:, None]  # P[a, b]: share of a's spikes close to b
    T = covered[None, :]
    certain = P * T >= 1.0 - 1e-12
    term = np.where(certain, 1.0, (P - T) / np.where(certain, 1.0, 1.0 - P * T))
    value = (term + term.T) / 2
    np.fill_diagonal(value, 1.0)
    silent = spikes == 0
    return np.where(silent[:, None] | silent, undefined, value)


def _covered(train: np.ndarray, dt: float | int, start: float | int, stop: float | int) -> float:
    """The share of the recording within ±dt of a spike."""
    left, right = np.maximum(train - dt, start), np.minimum(train + dt, stop)
    left = np.maximum(left, np.concatenate([[-np.inf], right[:-1]])) if len(train) else left
    return float((right - left).sum() / (stop - start))


def _near_counts(times: list[np.ndarray], dt: float | int) -> np.ndarray:
    """[a, b]: how many spikes of a have a spike of b within ±dt, borders included."""
    units = len(times)
    every = np.concatenate(times)
    owner = np.repeat(np.arange(units), [len(train) for train in times])
    order = np.argsort(every, kind="stable")
    sorted_times, sorted_owner = every[order], owner[order]
    slack = dt + 1e-9 * max(dt, 1e-300)  # a distance of dt up to rounding is within dt
    counts = np.zeros((units, units))
    for unit, train in enumerate(times):
        first = np.searchsorted(sorted_times, train - slack, "left")
        last = np.searchsorted(sorted_times, train + slack, "right")
        length = last - first
        row = np.repeat(np.arange(len(train)), length)
        place = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length) + np.repeat(first, length)
        seen = np.zeros((len(train), units), bool)
        seen[row, sorted_owner[place]] = True
        counts[unit] = seen.sum(axis=0)
    return counts


class Correlogram(NamedTuple):
    """How many pairs of spikes lie at each lag."""

    lags: np.ndarray  # (bins,) centres
    counts: np.ndarray  # (bins,) int64


def cross_correlogram(
    first: Any,
    second: Any,
    bin_width: float | int,
    max_lag: float | int,
    *,
    stop: float | int,
    start: float | int = 0.0,
) -> Correlogram:
    """Counts of the lags u - t of all spikes u of `second` and t of `first`, in bins centred on 0, ±w, ...

    Bins reach from their centre half a width to each side, the left border included. Of the same train twice, the
    pairs of a spike with itself are in the central bin.

    >>> cross_correlogram([1.0, 2.0], [1.5, 2.5], 0.5, 1.0, stop=3).counts
    array([0, 1, 0, 2, 0])
    """
    one, other = checked_trains([first, second], start, stop)
    width = checks.number("bin_width", bin_width, above=0)
    reach = round(checks.number("max_lag", max_lag, low=0) / width)
    low = np.searchsorted(other, one - (reach + 0.5) * width, "left")
    high = np.searchsorted(other, one + (reach + 0.5) * width, "left")
    length = high - low
    place = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length) + np.repeat(low, length)
    lags = other[place] - np.repeat(one, length)
    bins = np.clip(np.floor(lags / width + 0.5 + 1e-9).astype(np.int64) + reach, 0, 2 * reach)
    return Correlogram(np.arange(-reach, reach + 1) * width, np.bincount(bins, minlength=2 * reach + 1))


def van_rossum(trains: Any, tau: float | int, *, stop: float | int, start: float | int = 0.0) -> np.ndarray:
    """van Rossum's distance of all pairs (D, D), in closed form.

        D² = (1/τ) ∫ (f - g)² dt,   f(t) = Σ_i exp(-(t - t_i) / τ) for t ≥ t_i, to infinity

    so that one spike more or less costs D² = ½, and two spikes far apart D² = 1. Source: van Rossum (2001), Neural
    Comput. 13, 751.

    >>> van_rossum([[1.0], []], 2.0, stop=3).round(3)[0]
    array([0.   , 0.707])
    """
    times = checked_trains(trains, start, stop)
    tau = checks.number("tau", tau, above=0)
    every = np.concatenate(times)
    owner = np.repeat(np.arange(len(times)), [len(train) for train in times])
    order = np.argsort(every, kind="stable")
    product = np.zeros((len(times), len(times)))  # Σ_ij exp(-|t_i - u_j| / τ), earlier spikes j only
    trace, last = np.zeros(len(times)), start
    for time, unit in zip(every[order].tolist(), owner[order].tolist(), strict=True):
        trace *= np.exp((last - time) / tau)
        product[unit] += trace
        trace[unit] += 1.0
        last = time
    product += product.T
    product[np.diag_indices(len(times))] += [len(train) for train in times]  # every spike with itself
    power = np.diag(product)
    squared = (power[:, None] + power) / 2 - product
    rounding = 1e-14 * (power[:, None] + power)
    return np.sqrt(np.where(squared > rounding, squared, 0.0))
