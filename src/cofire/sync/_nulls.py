"""Null models: recordings that keep something of the real one and have no synchrony beyond it.

Each is a function (key, x, step) -> x of the same shape (T, D), units treated independently of one another; `step`
numbers the surrogates. What each keeps says what a small p-value refutes:

| null | keeps, per unit | destroys |
|---|---|---|
| shuffled | the values | all order in time |
| jittered(window) | the values within each window | order finer than the window |
| circularly_shifted | the whole trace up to its one seam | alignment between units |
| rate_matched_poisson | the mean rate of a raster | everything else |
| phase_randomised | the power spectrum | phases, and with them alignment and shape |
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from cofire import checks
from cofire.random import Key
from cofire.sync._inputs import checked_traces

Null = Callable[[Key, np.ndarray, int], np.ndarray]


def shuffled(key: Key, x: Any, step: int = 0) -> np.ndarray:
    """Every trace with its ticks in random order.

    >>> x = np.array([[1.0], [2.0], [3.0]])
    >>> sorted(shuffled(Key(0), x)[:, 0].tolist())
    [1.0, 2.0, 3.0]
    """
    z = checked_traces(x)
    return _rearranged(z, _ranks(key.fold("shuffled"), z.shape, step))


def jittered(window: int) -> Null:
    """The null that shuffles within consecutive windows of so many ticks: counts per window stay as they are.

    >>> x = np.arange(6.0)[:, None]
    >>> jittered(2)(Key(0), x, 0).reshape(3, 2).sum(axis=1)
    array([1., 5., 9.])
    """
    width = checks.integer("window", window, low=2, fix="give the window in ticks")

    def jitter(key: Key, x: np.ndarray, step: int = 0) -> np.ndarray:
        z = checked_traces(x)
        block = np.arange(len(z)) // width
        ticket = key.fold("jittered").uniform(z.shape, step=step, dtype=np.float64)
        return _rearranged(z, np.argsort(block[:, None] + ticket, axis=0, kind="stable"))

    return jitter


def circularly_shifted(key: Key, x: Any, step: int = 0) -> np.ndarray:
    """Every trace turned round by its own number of ticks, drawn from 0 to T - 1.

    Two traces have only T different alignments, so that the p of a single pair cannot fall much below 1 / T: to test
    many pairs one by one, record long enough or use another null.

    >>> circularly_shifted(Key(3), np.array([[1.0], [2.0], [3.0]]))[:, 0].tolist() in ([1, 2, 3], [2, 3, 1], [3, 1, 2])
    True
    """
    z = checked_traces(x)
    shift = key.fold("shifted").integers(0, len(z), (z.shape[1],), step=step)
    return _rearranged(z, (np.arange(len(z))[:, None] + shift) % len(z))


def rate_matched_poisson(key: Key, x: Any, step: int = 0) -> np.ndarray:
    """A raster of the same size in which every unit spikes at random with its own mean rate, at most once per tick.

    Raises InvalidValue unless x is a raster of zeros and ones.

    >>> rate_matched_poisson(Key(0), np.array([[1, 0], [1, 0]]))
    array([[1., 0.],
           [1., 0.]])
    """
    z = checked_traces(x)
    if not ((z == 0) | (z == 1)).all():
        fix = "use another null for continuous traces, such as circularly_shifted"
        raise checks.InvalidValue(checks.message("x", "a raster of zeros and ones", "other values", fix))
    ticket = key.fold("poisson").uniform(z.shape, step=step, dtype=np.float64)
    return (ticket < z.mean(axis=0)).astype(np.float64)


def phase_randomised(key: Key, x: Any, step: int = 0) -> np.ndarray:
    """Every trace with the same power spectrum and random phases; the mean stays.

    Source: Theiler et al. (1992), Physica D 58, 77.

    >>> x = np.sin(np.arange(20.0))[:, None]
    >>> y = phase_randomised(Key(0), x)
    >>> bool(np.allclose(np.abs(np.fft.rfft(x[:, 0])), np.abs(np.fft.rfft(y[:, 0]))))
    True
    """
    z = checked_traces(x)
    spectrum = np.fft.rfft(z, axis=0)
    angle = key.fold("phases").uniform(spectrum.shape, step=step, high=2 * np.pi, dtype=np.float64)
    turn = np.exp(1j * angle)
    turn[0] = 1.0
    if len(z) % 2 == 0:
        turn[-1] = np.where(turn[-1].real >= 0, 1.0, -1.0)  # the highest frequency is real
    return np.fft.irfft(spectrum * turn, n=len(z), axis=0)


def _ranks(key: Key, shape: tuple[int, ...], step: int) -> np.ndarray:
    return np.argsort(key.uniform(shape, step=step, dtype=np.float64), axis=0, kind="stable")


def _rearranged(z: np.ndarray, order: np.ndarray) -> np.ndarray:
    return np.take_along_axis(z, order, axis=0)
