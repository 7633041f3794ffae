"""Who fires together, summed over time: S = Z Zᵀ and its windowed and decayed forms.

The Continuous Thought Machine reads its thought from such sums (Darlow et al., arXiv 2505.05522); the same sums read
any recording. Loud units weigh more than quiet ones; `correlation` and its kin do without magnitude.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.linalg import get_blas_funcs

from cofire import checks
from cofire.sync._inputs import checked_traces, checked_window

_add_product: Any = get_blas_funcs("ger", dtype=np.float64)
_UNTHREADED = 8192  # elements that BLAS updates on one thread; waking others costs more than such an update


def cumulative(x: Any, *, warmup: int = 0, ticks: Any = None) -> np.ndarray:
    """The synchrony of all pairs up to the end, S = Σ_t x_t x_tᵀ over t ≥ `warmup`; or up to selected ticks.

    Parameters
    ----------
    x
        (T, D).
    warmup
        Ticks to leave out, so that an initial burst does not dominate. Before its end, at ticks t < warmup, S is the
        product of the newest sample alone, as the experiments had it.
    ticks
        None for the matrix after the last tick, or the ticks after which to return it.

    Returns
    -------
    np.ndarray
        (D, D), or (len(ticks), D, D).

    Raises
    ------
    InvalidValue
        For values that are not finite and a warm-up that leaves no tick.

    >>> cumulative(np.array([[9.0, 9], [1, 0], [1, 2]]), warmup=1)
    array([[2., 2.],
           [2., 4.]])
    """
    z = checked_traces(x)
    warmup = _checked_warmup(warmup, len(z))
    if ticks is None:
        return z[warmup:].T @ z[warmup:]
    wanted = _checked_ticks(ticks, len(z))
    found = {}
    total, done = np.zeros((z.shape[1],) * 2), warmup
    for tick in sorted(set(wanted)):
        if tick < warmup:
            found[tick] = np.outer(z[tick], z[tick])
            continue
        total = total + z[done : tick + 1].T @ z[done : tick + 1]
        done, found[tick] = tick + 1, total
    return np.array([found[tick] for tick in wanted]).reshape(len(wanted), *total.shape)


def cumulative_stream(x: Any, *, warmup: int = 0) -> Iterator[np.ndarray]:
    """The matrix of `cumulative` after every tick, one after the other, in one buffer of D² numbers.

    Each step adds one product, S += x_t x_tᵀ, in place: what is yielded is a read-only view that the next step
    changes, so copy what you keep.

    >>> [float(S[0, 1]) for S in cumulative_stream(np.array([[1.0, 1], [2, 3], [1, 0]]))]
    [1.0, 7.0, 7.0]
    """
    z = checked_traces(x)
    warmup = _checked_warmup(warmup, len(z))
    return _stream(z, warmup)


def _stream(z: np.ndarray, warmup: int) -> Iterator[np.ndarray]:
    units = z.shape[1]
    total = np.zeros((units, units), order="F")
    seen = total.T  # symmetric, so the transpose is the matrix itself, in C order
    seen.flags.writeable = False
    width = max(1, _UNTHREADED // max(1, units))
    blocks = [(total[:, start : start + width], slice(start, start + width)) for start in range(0, units, width)]
    for tick, sample in enumerate(z):
        if tick <= warmup:
            total[:] = 0.0
        for block, columns in blocks:
            _add_product(1.0, sample, sample[columns], a=block, overwrite_a=1)
        yield seen


def windowed(x: Any, window: int = 16, *, ticks: Any = None) -> np.ndarray:
    """S over the last `window` ticks, fewer at the start: (D, D) at the end, or (len(ticks), D, D).

    >>> windowed(np.array([[5.0, 5], [1, 2], [1, 1]]), 2)
    array([[2., 3.],
           [3., 5.]])
    """
    z = checked_traces(x)
    window = checked_window(window)
    wanted = [len(z) - 1] if ticks is None else _checked_ticks(ticks, len(z))
    matrices = np.empty((len(wanted), z.shape[1], z.shape[1]))
    for place, tick in enumerate(wanted):
        part = z[max(0, tick - window + 1) : tick + 1]
        matrices[place] = part.T @ part
    return matrices[0] if ticks is None else matrices


def decayed(x: Any, rates: Any, pairs: Any) -> np.ndarray:
    """The decayed synchrony of chosen pairs at every tick, as a Continuous Thought Machine reads it.

        S_p(t) = Σ_{s≤t} exp(-r_p (t - s)) x_i(s) x_j(s) / sqrt(Σ_{s≤t} exp(-r_p (t - s)))

    Parameters
    ----------
    x
        (T, D).
    rates
        r ≥ 0 per tick, one number or one per pair (P,); 0 never forgets.
    pairs
        (P, 2) indices of units.

    Returns
    -------
    np.ndarray
        (T, P).

    >>> decayed(np.ones((3, 2)), np.log(2), [[0, 1]])[:, 0].round(3)
    array([1.   , 1.225, 1.323])
    """
    z = checked_traces(x)
    chosen = _checked_pairs(pairs, z.shape[1])
    keep = np.exp(-_checked_rates(rates, len(chosen)))
    sums = z[:, chosen[:, 0]] * z[:, chosen[:, 1]]
    weight = np.ones(len(chosen))
    for tick in range(1, len(z)):
        sums[tick] += keep * sums[tick - 1]
        sums[tick - 1] /= np.sqrt(weight)
        weight = keep * weight + 1
    sums[-1] /= np.sqrt(weight)
    return sums


def decayed_matrix(x: Any, rate: float | int = 0.0) -> np.ndarray:
    """The decayed synchrony of all pairs after the last tick, with one rate per tick: (D, D). See `decayed`.

    >>> decayed_matrix(np.ones((4, 1)))
    array([[2.]])
    """
    z = checked_traces(x)
    weight = np.exp(-checks.number("rate", rate, low=0) * np.arange(len(z) - 1, -1, -1))
    return (z * weight[:, None]).T @ z / np.sqrt(weight.sum())


def _checked_warmup(warmup: int, ticks: int) -> int:
    fix = f"the recording has {ticks} ticks; leave at least one"
    return checks.integer("warmup", warmup, low=0, high=ticks - 1, fix=fix)


def _checked_ticks(ticks: Any, count: int) -> list[int]:
    wanted = [checks.integer("tick", int(tick), low=-count, high=count - 1) % count for tick in ticks]
    checks.integer("ticks", len(wanted), low=1, fix="name at least one tick, or leave it out for the last")
    return wanted


def _checked_pairs(pairs: Any, units: int) -> np.ndarray:
    chosen = np.asarray(pairs)
    checks.shape("pairs", chosen, ("P", 2), fix="give one row (i, j) per pair")
    if chosen.dtype.kind not in "iu" or (chosen.size and (chosen.min() < 0 or chosen.max() >= units)):
        raise checks.InvalidValue(checks.message("pairs", f"indices from 0 to {units - 1}", str(chosen.tolist())))
    return chosen


def _checked_rates(rates: Any, pairs: int) -> np.ndarray:
    array = checks.finite("rates", np.asarray(rates, np.float64))
    if array.ndim:
        checks.shape("rates", array, (pairs,), fix="give one rate, or one per pair")
    if (array < 0).any():
        raise checks.InvalidValue(
            checks.message("rates", "numbers of at least 0", str(array.min()), "decay, not growth")
        )
    return np.broadcast_to(array, (pairs,))
