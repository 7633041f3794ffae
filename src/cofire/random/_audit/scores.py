"""Normal scores: each unit's values replaced by the normal quantiles of their ranks.

Ranks make every null distribution exact whatever the noise's own distribution: for independent steps a unit's scores
are one fixed set of numbers in random order. Copies stay copies.
"""

import numpy as np
from scipy import special

from cofire.random._audit import fourier

TIES = 0.01  # fewer tied values than this are left in their order


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Scores (N, T) with mean 0 and variance 1 for values (N, T); tied values share the mean of their scores."""
    T = values.shape[1]
    order = np.argsort(values, axis=1, kind="stable")
    by_rank = standardised(special.ndtri((np.arange(T) + 0.5) / T)[None, :])[0]
    scores = np.empty(values.shape)
    np.put_along_axis(scores, order, np.broadcast_to(by_rank, values.shape), axis=1)
    ordered = np.take_along_axis(values, order, axis=1)
    new = np.diff(ordered, axis=1, prepend=np.nan) != 0
    for unit in np.flatnonzero(1 - new.mean(axis=1) > TIES):
        starts = np.flatnonzero(new[unit])
        sizes = np.diff(starts, append=T)
        scores[unit, order[unit]] = np.repeat(np.add.reduceat(by_rank, starts) / sizes, sizes)
        scores[unit] = standardised(scores[unit : unit + 1])[0]
    return scores


def amplitude_scores(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the distance from each unit's median: what |z| and z**2 have in common, each (N, T).

    The first are normal, for amplitudes against amplitudes. The second are distributed like z**2, whose tails carry
    most of what Box-Muller shares, for values against squares: a correlation with normal scores is exact whatever the
    other side is.
    A unit whose distance is constant (a fair coin's) has none: its rows are zero.
    """
    distance = np.abs(values - np.median(values, axis=1, keepdims=True))
    a = np.where(np.ptp(distance, axis=1, keepdims=True) > 0, normal_scores(distance), 0.0)
    squares = special.ndtri(special.ndtr(a) / 2 + 0.5) ** 2
    return a, standardised(squares)


def standardised(rows: np.ndarray) -> np.ndarray:
    """Each row with mean 0 and variance 1; a constant row becomes zero."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=1, keepdims=True))
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)


def whitened(scores: np.ndarray) -> np.ndarray:
    """Scores (N, T) of what each unit's own linear past does not predict (an autoregression by Yule and Walker).

    Units that each have a memory of their own look correlated far more often than white ones; their innovations do not.
    """
    T = scores.shape[1]
    order = int(min(32, T // 40))
    size = fourier.good_size(T + order)
    covariance = fourier.backward(np.abs(fourier.forward(scores, size)) ** 2, size)[:, : order + 1] / T
    lags = np.abs(np.arange(order)[:, None] - np.arange(order)[None, :])
    matrices = covariance[:, lags] + 1e-9 * np.eye(order)
    weights = np.linalg.solve(matrices, covariance[:, 1:, None])[:, :, 0]
    innovations = scores.copy()
    for lag in range(1, order + 1):
        innovations[:, lag:] -= weights[:, lag - 1 : lag] * scores[:, :-lag]
    return normal_scores(innovations[:, order:])
