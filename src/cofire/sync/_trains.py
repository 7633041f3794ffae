"""Spike trains as lists of times, and what single trains tell: intervals, irregularity, variability of counts."""

from typing import Any

import numpy as np

from cofire import checks


def checked_trains(trains: Any, start: float | int, stop: float | int) -> list[np.ndarray]:
    """Every train as sorted float64 times within [start, stop]; trains may differ in length."""
    checks.number("start", start)
    checks.number("stop", stop, above=start)
    if isinstance(trains, np.ndarray) and trains.ndim == 2:
        fix = "use spike_times(raster, step=...)"
        raise checks.InvalidValue(checks.message("trains", "one array of times per unit", "a raster", fix))
    checked = []
    for unit, train in enumerate(trains):
        times = np.asarray(train)
        if times.size and times.dtype.kind not in "iuf":
            got = f"dtype {times.dtype} for unit {unit}"
            raise checks.InvalidType(
                checks.message("trains", "times in numbers", got, "give one array of times per unit")
            )
        times = times.astype(np.float64)
        checks.finite(f"train {unit}", checks.shape(f"train {unit}", times, ("n",)))
        if (np.diff(times) < 0).any():
            got = f"train {unit} going back in time"
            raise checks.InvalidValue(checks.message("trains", "sorted times", got, "sort each train"))
        if times.size and (times[0] < start or times[-1] > stop):
            got = f"train {unit} from {times[0]:g} to {times[-1]:g}"
            fix = "give the start and stop of the recording"
            raise checks.InvalidValue(checks.message("trains", f"times from {start:g} to {stop:g}", got, fix))
        checked.append(times)
    checks.integer("trains", len(checked), low=1, fix="give one array of times per unit")
    return checked


def spike_times(raster: Any, *, step: float | int = 1.0, start: float | int = 0.0) -> list[np.ndarray]:
    """The times of the spikes of every unit of a raster (T, D): row t stands for `start` + t * `step`.

    >>> [train.tolist() for train in spike_times(np.array([[1, 0], [0, 0], [1, 1]], bool), step=0.5)]
    [[0.0, 1.0], [1.0]]
    """
    array = np.asarray(raster)
    checks.shape("raster", array, ("T", "D"), fix="give ticks by units, for example recording['spike']")
    step = checks.number("step", step, above=0)
    if not ((array == 0) | (array == 1)).all():
        raise checks.InvalidValue(
            checks.message("raster", "zeros and ones", "other values", "compare with a threshold")
        )
    return [start + step * np.flatnonzero(unit) for unit in array.T]


def spike_counts(trains: Any, bin_width: float | int, *, stop: float | int, start: float | int = 0.0) -> np.ndarray:
    """Counts per bin, (bins, D) as int64; bins are [start + k w, start + (k + 1) w), a last part of a bin is left out.

    >>> spike_counts([[0.1, 0.9, 1.0], [2.5]], 1.0, stop=2.9)
    array([[2, 0],
           [1, 0]])
    """
    times = checked_trains(trains, start, stop)
    width = checks.number("bin_width", bin_width, above=0)
    # Borders and spikes that differ by rounding alone count as equal: 0.3 lies in the bin that starts at 3 * 0.1.
    bins = int(np.floor((stop - start) / width * (1 + 1e-12)))
    checks.integer("bins", bins, low=1, fix="take bins shorter than the recording")
    counts = np.zeros((bins, len(times)), np.int64)
    for unit, train in enumerate(times):
        place = np.floor((train - start) / width + 1e-9).astype(np.int64)
        counts[:, unit] = np.bincount(place[place < bins], minlength=bins)
    return counts


def intervals(trains: Any, *, stop: float | int, start: float | int = 0.0) -> list[np.ndarray]:
    """The inter-spike intervals of every train: n - 1 for n spikes.

    >>> [found.tolist() for found in intervals([[1.0, 3.0, 4.0], [2.0]], stop=5.0)]
    [[2.0, 1.0], []]
    """
    return [np.diff(train) for train in checked_trains(trains, start, stop)]


def cv(trains: Any, *, stop: float | int, start: float | int = 0.0) -> np.ndarray:
    """The coefficient of variation of the intervals of each train (D,): std / mean; NaN below two intervals.

    0 for a clock, 1 for a Poisson process. The standard deviation is that of the sample (divided by n).

    >>> cv([[0, 1, 2, 3], [0, 1, 3, 4, 6], [5]], stop=6).round(3)
    array([0.   , 0.333,   nan])
    """
    return _each(intervals(trains, stop=stop, start=start), lambda gaps: gaps.std() / gaps.mean())


def cv2(trains: Any, *, stop: float | int, start: float | int = 0.0) -> np.ndarray:
    """CV2 of each train (D,): the mean of 2 abs(I_k+1 - I_k) / (I_k+1 + I_k), blind to slow drifts of the rate.

    NaN below two intervals. 1 for a Poisson process. Source: Holt et al. (1996), J. Neurophysiol. 75, 1806.

    >>> cv2([[0, 1, 3, 4, 6]], stop=6).round(3)
    array([0.667])
    """
    return _each(intervals(trains, stop=stop, start=start), lambda gaps: 2 * np.abs(_contrast(gaps)).mean())


def lv(trains: Any, *, stop: float | int, start: float | int = 0.0) -> np.ndarray:
    """The local variation of each train (D,): the mean of 3 (I_k - I_k+1)² / (I_k + I_k+1)².

    NaN below two intervals. 1 for a Poisson process. Source: Shinomoto et al. (2003), Neural Comput. 15, 2823.

    >>> lv([[0, 1, 3, 4, 6]], stop=6).round(3)
    array([0.333])
    """
    return _each(intervals(trains, stop=stop, start=start), lambda gaps: 3 * (_contrast(gaps) ** 2).mean())


def fano_factor(trains: Any, bin_widths: Any, *, stop: float | int, start: float | int = 0.0) -> np.ndarray:
    """The variance of the counts over their mean, for every bin width and train, (widths, D).

    1 for a Poisson process at every width. NaN for silent trains and where fewer than two bins fit. The variance is
    that of the sample, divided by n - 1.

    >>> fano_factor([[0.5, 1.5, 2.5, 3.5], [0.1, 0.2, 0.3, 0.4]], [1.0, 2.0], stop=4)
    array([[0., 4.],
           [0., 4.]])
    """
    values = []
    for width in bin_widths:
        counts = spike_counts(trains, width, stop=stop, start=start).astype(np.float64)
        mean = counts.mean(axis=0)
        defined = (mean > 0) & (len(counts) > 1)
        variance = counts.var(axis=0, ddof=1) if len(counts) > 1 else mean
        values.append(np.where(defined, variance / np.where(defined, mean, 1.0), np.nan))
    return np.array(values)


def _contrast(gaps: np.ndarray) -> np.ndarray:
    total = gaps[1:] + gaps[:-1]
    return np.divide(np.diff(gaps), total, out=np.zeros(len(total)), where=total > 0)


def _each(all_gaps: list[np.ndarray], measure: Any) -> np.ndarray:
    return np.array([measure(gaps) if len(gaps) > 1 and gaps.sum() > 0 else np.nan for gaps in all_gaps])
