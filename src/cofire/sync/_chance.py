"""More synchronous than chance? p-values against a null model, and the control of false discoveries."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from cofire import checks
from cofire.random import Key
from cofire.sync._inputs import checked_traces
from cofire.sync._nulls import Null, circularly_shifted
from cofire.sync._pairs import correlation, mean_pair

Statistic = Callable[[np.ndarray], Any]


@final
@dataclass(frozen=True, eq=False)
class Chance:
    """What was observed beside what the null model gives; all arrays have the shape of the statistic."""

    observed: np.ndarray
    p: np.ndarray  # one-sided: the share of surrogates at least as large, the recording itself counted in
    q: np.ndarray  # p adjusted for the number of tests: reject q <= 0.05 to have at most 5 % false discoveries
    null_mean: np.ndarray
    null_std: np.ndarray
    surrogates: int

    @property
    def z(self) -> np.ndarray:
        """How many standard deviations of the null the observation lies above its mean; NaN where it has none."""
        spread = np.where(self.null_std > 0, self.null_std, np.nan)
        return np.asarray((self.observed - self.null_mean) / spread)

    def __str__(self) -> str:
        if self.observed.ndim:
            found = int((upper(self.q) <= 0.05).sum())
            return f"{found} of {upper(self.q).size} above chance (q <= 0.05, {self.surrogates} surrogates)"
        return (
            f"{self.observed:.4g} against {self.null_mean:.4g} ± {self.null_std:.2g} by chance, p = {self.p:.3g} "
            f"({self.surrogates} surrogates)"
        )


def mean_correlation(x: np.ndarray) -> float:
    """The mean Pearson correlation over pairs, constant units left out; 0 where no pair is left."""
    return float(np.nan_to_num(mean_pair(correlation(x))))


def against_chance(
    x: Any,
    statistic: Statistic = mean_correlation,
    *,
    key: Key,
    null: Null = circularly_shifted,
    surrogates: int = 199,
) -> Chance:
    """Is a statistic of the recording larger than the null model gives? One call.

    Parameters
    ----------
    x
        (T, D).
    statistic
        From x to a number or an array; a matrix of pairs is tested pair by pair (i < j). Undefined values (NaN) count
        as no evidence: p = 1. The default is the mean correlation of pairs.
    key
        Of the surrogates: the same key gives the same p.
    null
        What "chance" keeps; see the table of null models. The default keeps every trace and breaks their alignment.
    surrogates
        How many; the smallest possible p is 1 / (surrogates + 1).

    Returns
    -------
    Chance
        With p = (1 + #{null >= observed}) / (1 + surrogates), which never is 0 (Phipson and Smyth, 2010), and
        Benjamini and Hochberg's q over the whole array.

    >>> beat = (np.arange(120) % 12 == 0)[:, None]
    >>> together = against_chance(np.repeat(beat, 6, axis=1), key=Key(1))
    >>> round(float(together.observed), 3), float(together.p)
    (1.0, 0.005)
    """
    z = checked_traces(x, least_ticks=2)
    count = checks.integer("surrogates", surrogates, low=1)
    observed = np.asarray(statistic(z), np.float64)
    reached = np.ones(observed.shape)
    mean, squares = np.zeros(observed.shape), np.zeros(observed.shape)
    for number in range(count):
        value = np.asarray(statistic(null(key, z, number)), np.float64)
        # A surrogate that equals the observation up to rounding has reached it.
        reached += ~(value < observed - 1e-12 * np.abs(observed))
        change = np.nan_to_num(value) - mean  # running mean and sum of squares (Welford)
        mean = mean + change / (number + 1)
        squares = squares + change * (np.nan_to_num(value) - mean)
    p = np.asarray(reached / (1 + count))
    spread = np.asarray(np.sqrt(squares / max(count - 1, 1)))
    return Chance(observed, p, _adjusted(p), np.asarray(mean), spread, count)


def false_discovery(p: Any) -> np.ndarray:
    """Benjamini and Hochberg's adjusted p-values q, of the shape of p.

    To reject where q <= 0.05 keeps the share of false discoveries at 5 % or less, for independent and for positively
    dependent tests. Source: Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57, 289.

    >>> false_discovery([0.01, 0.02, 0.03, 0.8])
    array([0.04, 0.04, 0.04, 0.8 ])
    """
    values = checks.finite("p", np.asarray(p, np.float64))
    if values.size and (values.min() < 0 or values.max() > 1):
        raise checks.InvalidValue(checks.message("p", "probabilities", f"{values.min():g} to {values.max():g}"))
    flat = values.ravel()
    order = np.argsort(flat, kind="stable")
    scaled = flat[order] * len(flat) / np.arange(1, len(flat) + 1)
    adjusted = np.empty(len(flat))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted.reshape(values.shape)


def upper(matrix: np.ndarray) -> np.ndarray:
    """The tests in an array: the pairs i < j of a square matrix, else everything."""
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]
    return matrix[np.triu_indices(len(matrix), 1)] if square else matrix.ravel()


def _adjusted(p: np.ndarray) -> np.ndarray:
    if p.ndim != 2 or p.shape[0] != p.shape[1]:
        return false_discovery(p)
    above = np.triu_indices(len(p), 1)
    q = np.ones(p.shape)  # a unit with itself is no test
    q[above] = false_discovery(p[above])
    return np.minimum(q, q.T)
