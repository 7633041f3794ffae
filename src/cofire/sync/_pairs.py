"""Matrices of pairs that do without magnitude or compare values: correlation, inverse MSE, lags, strongest pairs."""

from typing import Any, NamedTuple

import numpy as np

from cofire import checks
from cofire.sync._inputs import checked_matrix, checked_traces


def correlation(x: Any, *, undefined: float | int = np.nan) -> np.ndarray:
    """Pearson's correlation of all pairs (D, D).

    A constant trace has no correlation with anything, itself included: those entries are `undefined`. A trace counts
    as constant where its spread is within rounding of its values. All other diagonal entries are exactly 1.

    >>> correlation(np.array([[0.0, 0, 5], [1, 2, 5], [2, 4, 5]]))
    array([[ 1.,  1., nan],
           [ 1.,  1., nan],
           [nan, nan, nan]])
    """
    z = checked_traces(x)
    unit, defined = standardised(z)
    return _filled(np.clip(unit.T @ unit, -1.0, 1.0), defined, undefined)


def inverse_mse(x: Any) -> np.ndarray:
    """1 / (1 + mean squared difference) of all pairs (D, D): 1 where two traces are equal.

    >>> inverse_mse(np.array([[0.0, 1], [0, 1]]))
    array([[1. , 0.5],
           [0.5, 1. ]])
    """
    z = checked_traces(x)
    centred = z - z.mean(axis=1, keepdims=True)  # differences do not change, rounding shrinks
    power = (centred**2).sum(axis=0)
    difference = np.maximum(power[:, None] + power - 2 * centred.T @ centred, 0.0) / len(z)
    np.fill_diagonal(difference, 0.0)
    return 1.0 / (1.0 + difference)


class CrossCorrelation(NamedTuple):
    """`values[k, i, j]` correlates unit i with unit j `lags[k]` ticks later."""

    lags: np.ndarray  # (2 L + 1,)
    values: np.ndarray  # (2 L + 1, D, D)

    @property
    def best_lag(self) -> np.ndarray:
        """(D, D): the lag of the largest value, positive where i leads j."""
        return self.lags[np.argmax(self.values, axis=0)]


def cross_correlation(x: Any, max_lag: int, *, undefined: float | int = 0.0) -> CrossCorrelation:
    """Correlation of all pairs at lags -L..L, with the norms of the whole traces, so that values lie in -1..1.

        r_ij(l) = Σ_t d_i(t) d_j(t + l) / (norm(d_i) norm(d_j))

    >>> found = cross_correlation(np.array([[1.0, 0], [0, 1], [0, 0], [0, 0]]), 1)
    >>> found.best_lag
    array([[ 0,  1],
           [-1,  0]])
    """
    z = checked_traces(x, least_ticks=2)
    max_lag = checks.integer("max_lag", max_lag, low=0, high=len(z) - 1)
    unit, defined = standardised(z)
    values = np.empty((2 * max_lag + 1, z.shape[1], z.shape[1]))
    for lag in range(max_lag + 1):
        later = _filled(unit[: len(z) - lag].T @ unit[lag:], defined, undefined)
        values[max_lag + lag] = later
        values[max_lag - lag] = later.T
    return CrossCorrelation(np.arange(-max_lag, max_lag + 1), values)


def strongest_pairs(S: Any, count: int = 5) -> np.ndarray:
    """The `count` pairs i < j of largest synchrony, strongest first, (count, 2).

    >>> strongest_pairs(np.array([[9.0, 1, 3], [1, 9, 2], [3, 2, 9]]), 2)
    array([[0, 2],
           [1, 2]])
    """
    matrix = checked_matrix(S, least_units=2)
    upper = np.triu_indices(len(matrix), 1)
    count = checks.integer("count", count, low=1, high=len(upper[0]))
    order = np.argsort(-matrix[upper], kind="stable")[:count]
    return np.stack([upper[0][order], upper[1][order]], axis=1)


def mean_pair(S: Any) -> float:
    """The mean over all pairs of different units, undefined ones (NaN) left out; NaN where none is defined.

    >>> mean_pair([[1.0, 0.25, 0.75], [0.25, 1, 0.5], [0.75, 0.5, 1]])
    0.5
    """
    matrix = np.asarray(S, np.float64)
    checks.shape("S", matrix, (len(matrix), len(matrix)))
    values = matrix[np.triu_indices(len(matrix), 1)]
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def standardised(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Deviations from the mean divided by their norm (T, D), 0 for constant traces, and which are not constant (D,)."""
    deviation = z - z.mean(axis=0)
    norm = np.sqrt((deviation**2).sum(axis=0))
    rounding = 4 * np.finfo(np.float64).eps * np.abs(z).max(axis=0, initial=0.0) * np.sqrt(len(z))
    defined = norm > rounding
    return deviation / np.where(defined, norm, np.inf), defined


def _filled(values: np.ndarray, defined: np.ndarray, undefined: float | int) -> np.ndarray:
    values[~defined, :] = undefined
    values[:, ~defined] = undefined
    if np.allclose(np.diag(values)[defined], 1.0):
        values[defined, defined] = 1.0
    return values
