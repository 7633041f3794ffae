"""Time-resolved comparisons of spike trains without a time scale: ISI-distance, SPIKE-distance, SPIKE-synchronisation.

Exact: the profiles are constant or linear between spikes and are integrated piece by piece. The borders follow the
first papers: each train gets a leading spike at the start and a trailing one at the stop of the recording (unless it
has one there), so that a train without spikes has one interval, the whole recording.
Sources: Kreuz et al. (2007), J. Neurosci. Methods 165, 151; Kreuz et al. (2013), J. Neurophysiol. 109, 1457; Kreuz et
al. (2015), J. Neurophysiol. 113, 3432.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from cofire.sync._trains import checked_trains


def isi_distance(trains: Any, *, stop: float | int, start: float | int = 0.0) -> np.ndarray:
    """The ISI-distance of all pairs (D, D): the mean over time of abs(ν_a - ν_b) / max(ν_a, ν_b), from 0 to 1.

    ν(t) is the interval around t.

    >>> isi_distance([[2.0, 4.0], [1.0, 2.0, 3.0, 4.0, 5.0]], stop=6)[0]
    array([0. , 0.5])
    """
    return _all_pairs(trains, start, stop, _isi_pair)


def spike_distance(trains: Any, *, stop: float | int, start: float | int = 0.0) -> np.ndarray:
    """The SPIKE-distance of all pairs (D, D), from 0 for equal trains to at most 1.

    For train a at time t: the spikes before and after, at distances x_P and x_F, each with the distance Δ_P, Δ_F to its
    nearest spike in b; ν the interval.

        S_a = (Δ_P x_F + Δ_F x_P) / ν_a        S = 2 (S_a ν_b + S_b ν_a) / (ν_a + ν_b)²

    >>> spike_distance([[2.0], [2.0], [3.0]], stop=4).round(3)[0]
    array([0.   , 0.   , 0.234])
    """
    return _all_pairs(trains, start, stop, _spike_pair)


def spike_synchronisation(trains: Any, *, stop: float | int, start: float | int = 0.0) -> np.ndarray:
    """SPIKE-synchronisation of all pairs (D, D): the share of all spikes that have a partner in the other train.

    Two spikes are partners if they are closer than half the shortest of the intervals on their four sides; intervals
    that reach beyond the first or last spike do not count, and single spikes have the whole recording. 1 where both
    trains are silent.

    >>> spike_synchronisation([[1.0, 5.0], [1.2, 3.0, 5.1]], stop=6)[0]
    array([1. , 0.8])
    """
    times = checked_trains(trains, start, stop)
    reach = [_reach(train, stop - start) for train in times]
    value = np.eye(len(times))
    for a in range(len(times)):
        for b in range(a):
            spikes = len(times[a]) + len(times[b])
            partners = _partners(times[a], reach[a], times[b], reach[b])
            value[a, b] = value[b, a] = 2 * partners / spikes if spikes else 1.0
    return value


def _all_pairs(trains: Any, start: float | int, stop: float | int, pair: Callable[..., float]) -> np.ndarray:
    framed = [_framed(train, start, stop) for train in checked_trains(trains, start, stop)]
    value = np.zeros((len(framed), len(framed)))
    for a in range(len(framed)):
        for b in range(a):
            value[a, b] = value[b, a] = pair(framed[a], framed[b]) / (stop - start)
    return value


def _framed(train: np.ndarray, start: float | int, stop: float | int) -> np.ndarray:
    return np.unique(np.concatenate([[start], train, [stop]]))


def _isi_pair(a: np.ndarray, b: np.ndarray) -> float:
    """The integral of the ISI profile."""
    borders = np.union1d(a, b)
    nu_a, nu_b = (np.diff(one)[np.searchsorted(one, borders[:-1], "right") - 1] for one in (a, b))
    return float((np.abs(nu_a - nu_b) / np.maximum(nu_a, nu_b) * np.diff(borders)).sum())


def _spike_pair(a: np.ndarray, b: np.ndarray) -> float:
    """The integral of the SPIKE profile, which is linear between the spikes of both."""
    borders = np.union1d(a, b)
    left, right = borders[:-1], borders[1:]
    at_left_a, at_right_a, nu_a = _dissimilarity(a, b, left, right)
    at_left_b, at_right_b, nu_b = _dissimilarity(b, a, left, right)
    scale = 2.0 / (nu_a + nu_b) ** 2
    ends = (at_left_a + at_right_a) * nu_b + (at_left_b + at_right_b) * nu_a
    return float((scale * ends / 2 * (right - left)).sum())


def _dissimilarity(a: np.ndarray, b: np.ndarray, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, ...]:
    """S_a at both ends of every piece, and the interval around it."""
    gap = _nearest(a, b)
    place = np.searchsorted(a, left, "right") - 1
    before, after = a[place], a[place + 1]
    interval = after - before
    ends = [(gap[place] * (after - t) + gap[place + 1] * (t - before)) / interval for t in (left, right)]
    return ends[0], ends[1], interval


def _nearest(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The distance of every spike of a to the nearest of b."""
    place = np.searchsorted(b, a)
    return np.minimum(np.abs(a - b[np.maximum(place - 1, 0)]), np.abs(a - b[np.minimum(place, len(b) - 1)]))


def _reach(train: np.ndarray, whole: float | int) -> np.ndarray:
    """Half the shorter of the two intervals beside every spike."""
    if len(train) < 2:
        return np.full(len(train), whole / 2)
    gaps = np.diff(train)
    return np.minimum(np.concatenate([[np.inf], gaps]), np.concatenate([gaps, [np.inf]])) / 2


def _partners(a: np.ndarray, reach_a: np.ndarray, b: np.ndarray, reach_b: np.ndarray) -> int:
    """How many spikes of a have a partner in b; only the nearest spike can be one."""
    if not len(a) or not len(b):
        return 0
    place = np.searchsorted(b, a)
    lower, upper = np.maximum(place - 1, 0), np.minimum(place, len(b) - 1)
    nearest = np.where(np.abs(a - b[lower]) <= np.abs(a - b[upper]), lower, upper)
    gap, limit = np.abs(a - b[nearest]), np.minimum(reach_a, reach_b[nearest])
    return int(((gap < limit) | (gap == 0)).sum())
