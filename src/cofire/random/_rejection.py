"""Draws whose quantiles have no short formula, by proposals and acceptance: gamma, Poisson, truncated normal.

Sources: Marsaglia, Tsang, "A simple method for generating gamma variables", ACM TOMS 26, 2000; Hörmann, "The
transformed rejection method for generating Poisson random variables", Insurance: Mathematics and Economics 12, 1993;
Robert, "Simulation of truncated normal variables", Statistics and Computing 5, 1995.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from cofire.random._address import Channel
from cofire.random._fill import by_block
from cofire.random._functions import exp, log, log_factorial
from cofire.random._recipe import exponentials_double, normals_double, uniforms_double
from cofire.random._variates import accepted

if TYPE_CHECKING:
    from cofire.random._units import Units

INVERT_BELOW = 10.0  # the rate from which Hörmann's method serves Poisson counts
SAFE_COUNT = 200.0  # no count at a rate below INVERT_BELOW has a chance of 1e-200 to come this far


def gamma(units: "Units", step: int, shape: np.ndarray, scale: float) -> np.ndarray:
    """Gamma numbers: d v with v = (1 + c x)**3 of a normal x; a shape below 1 by that of shape + 1 and a power of u."""
    d = np.where(shape < 1, shape + 1, shape) - 1 / 3
    c = 1 / np.sqrt(9 * d)

    def propose(chosen: np.ndarray, attempt: int) -> tuple[np.ndarray, np.ndarray]:
        x = by_block(normals_double, 2, units, step, Channel.GAMMA, attempt=attempt, chosen=chosen)
        e = by_block(exponentials_double, 2, units, step, Channel.GAMMA_ACCEPT, attempt=attempt, chosen=chosen)
        t = 1 + c[chosen] * x
        v = np.where(t > 0, t * t * t, 1.0)
        gain = 0.5 * x * x + d[chosen] * (1 - v + log(v))
        return d[chosen] * v, (t > 0) & (-e < gain)

    drawn = accepted(len(units), propose)
    boosted = np.flatnonzero(shape < 1)
    if len(boosted):
        e = by_block(exponentials_double, 2, units, step, Channel.GAMMA_BOOST, chosen=boosted)
        drawn[boosted] *= exp(-e / shape[boosted])
    return scale * drawn


def poisson(units: "Units", step: int, rate: np.ndarray) -> np.ndarray:
    """Poisson counts, int64 (N,): by inversion at low rates, by Hörmann's rejection at others."""
    drawn = np.zeros(len(units), np.int64)
    low = np.flatnonzero((rate > 0) & (rate < INVERT_BELOW))
    if len(low):
        u = by_block(uniforms_double, 2, units, step, Channel.POISSON, chosen=low)
        drawn[low] = _inverted(u, rate[low])
    high = np.flatnonzero(rate >= INVERT_BELOW)
    if len(high):
        drawn[high] = _hoermann(units, step, rate[high], high)
    return drawn


def _inverted(u: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """The least count k whose cumulative probability exceeds u, by adding up the probabilities."""
    k, chance = np.zeros(len(u)), exp(-rate)
    summed = chance
    while (beyond := (u >= summed) & (k < SAFE_COUNT)).any():
        k = np.where(beyond, k + 1, k)
        chance = np.where(beyond, chance * rate / np.maximum(k, 1), 0.0)
        summed = summed + chance
    return k.astype(np.int64)


def _hoermann(units: "Units", step: int, rate: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Algorithm PTRS, in the names of its paper."""
    log_rate = log(rate)
    b = 0.931 + 2.53 * np.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2)

    def propose(chosen: np.ndarray, attempt: int) -> tuple[np.ndarray, np.ndarray]:
        place = {"attempt": attempt, "chosen": among[chosen]}
        u = by_block(uniforms_double, 2, units, step, Channel.POISSON, **place) - 0.5
        v = by_block(uniforms_double, 2, units, step, Channel.POISSON_ACCEPT, **place)
        us = np.maximum(0.5 - np.abs(u), 1e-16)
        k = np.floor((2 * a[chosen] / us + b[chosen]) * u + rate[chosen] + 0.43)
        inside = (k >= 0) & ((us >= 0.013) | (v <= us))
        k = np.where(inside, k, 0.0)
        left = log(np.maximum(v, 1e-300)) + log(inverse_alpha[chosen]) - log(a[chosen] / (us * us) + b[chosen])
        right = -rate[chosen] + k * log_rate[chosen] - log_factorial(k)
        return k, inside & (((us >= 0.07) & (v <= v_r[chosen])) | (left <= right))

    return accepted(len(rate), propose).astype(np.int64)


def truncated_normal(
    units: "Units", step: int, a: float, b: float, mean: float, std: float, low: float, high: float
) -> np.ndarray:
    """mean + std z, kept within [low, high], with z normal given that it lies in [a, b]."""
    if b < 0:
        z = -_truncated(units, step, -b, -a)
    else:
        z = _truncated(units, step, a, b)
    return np.clip(mean + std * z, low, high)


def _truncated(units: "Units", step: int, a: float, b: float) -> np.ndarray:
    """Standard normals given a <= z <= b, where b >= 0: proposed as normals, as a tail, or evenly."""
    rate = 0.5 * (a + math.sqrt(a * a + 4)) if a > 0 else 0.0

    def propose(chosen: np.ndarray, attempt: int) -> tuple[np.ndarray, np.ndarray]:
        place = {"attempt": attempt, "chosen": chosen}

        def draw(function: Any) -> np.ndarray:
            return by_block(function, 2, units, step, Channel.TRUNCATED, **place)

        if a <= 0 and b - a > 2.5:
            z = draw(normals_double)
            return z, (z >= a) & (z <= b)
        e = by_block(exponentials_double, 2, units, step, Channel.TRUNCATED_ACCEPT, **place)
        if a > 0 and (b - a) * rate > 1:
            z = a + draw(exponentials_double) / rate
            return z, (z <= b) & (e >= 0.5 * (z - rate) * (z - rate))
        z = a + (b - a) * draw(uniforms_double)
        nearest = max(a, 0.0)
        return z, e >= 0.5 * (z - nearest) * (z + nearest)

    return accepted(len(units), propose)
