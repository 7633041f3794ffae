"""How activity spreads: avalanches, and how many spikes one spike brings forth."""

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import curve_fit

from cofire import checks


class Avalanches(NamedTuple):
    """Runs of active bins between silent ones."""

    starts: np.ndarray  # (A,) first bin of each
    durations: np.ndarray  # (A,) bins
    sizes: np.ndarray  # (A,) spikes


def avalanches(counts: Any) -> Avalanches:
    """The avalanches in the spike counts of a population (T,): runs of bins with spikes; those cut by an end count too.

    >>> avalanches([0, 2, 1, 0, 0, 3])
    Avalanches(starts=array([1, 5]), durations=array([2, 1]), sizes=array([3, 3]))
    """
    total = _checked_counts(counts)
    active = np.concatenate([[False], total > 0, [False]])
    edges = np.flatnonzero(active[1:] != active[:-1])
    starts, stops = edges[::2], edges[1::2]
    running = np.concatenate([[0], np.cumsum(total)])
    return Avalanches(starts, stops - starts, running[stops] - running[starts])


class Branching(NamedTuple):
    """The branching ratio m: 1 is critical, below it activity dies out."""

    ratio: float  # m of the fit to all lags; NaN where it cannot be told
    one_step: float  # the plain regression of A(t + 1) on A(t), which subsampling biases towards 0
    slopes: np.ndarray  # (lags,) of the regressions of A(t + k) on A(t), k = 1, 2, ...


def branching_ratio(counts: Any, *, lags: int = 20) -> Branching:
    """How many spikes one spike causes in the next bin, by multistep regression of the counts of a population (T,).

    The slope of A(t + k) on A(t) falls as b m^k, whatever share of the neurons was recorded (which only changes b):
    m is fitted to `lags` slopes. NaN for constant counts. Source: Wilting and Priesemann (2018), Nat. Commun. 9, 2325.

    >>> branching_ratio([8, 4, 2, 1] * 20).one_step < 1
    True
    """
    total = _checked_counts(counts).astype(np.float64)
    lags = checks.integer("lags", lags, low=2, high=max(2, len(total) // 2), fix="record longer, or ask for fewer lags")
    if len(total) < 2 * lags:
        text = checks.message("counts", f"at least {2 * lags} bins", str(len(total)), "record longer")
        raise checks.InvalidValue(text)
    slopes = np.array([_slope(total[:-lag], total[lag:]) for lag in range(1, lags + 1)])
    if np.isnan(slopes).any():
        return Branching(float("nan"), float(slopes[0]), slopes)
    steps = np.arange(1, lags + 1)
    try:
        (_, ratio), _ = curve_fit(
            lambda k, b, m: b * m**k, steps, slopes, p0=(max(slopes[0], 0.01), 0.9), bounds=([-2.0, 0.0], [2.0, 2.0])
        )
    except RuntimeError:  # no convergence: the slopes do not fall off geometrically
        ratio = float("nan")
    return Branching(float(ratio), float(slopes[0]), slopes)


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    deviation = x - x.mean()
    power = deviation @ deviation
    return float(deviation @ (y - y.mean()) / power) if power > 0 else float("nan")


def _checked_counts(counts: Any) -> np.ndarray:
    total = np.asarray(counts)
    checks.shape("counts", total, ("T",), fix="sum over units first, for example raster.sum(axis=1)")
    checks.integer("counts", len(total), low=1, fix="record at least one bin")
    if total.dtype.kind not in "biu" or (total.dtype.kind == "i" and total.min() < 0):
        raise checks.InvalidType(checks.message("counts", "counts of spikes (integers)", f"dtype {total.dtype}"))
    return total.astype(np.int64)
