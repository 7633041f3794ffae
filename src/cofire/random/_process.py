"""Noise with a memory: the Ornstein-Uhlenbeck process, advanced exactly."""

import math
from typing import Any, final

import numpy as np

from cofire import checks
from cofire.random._address import DIFFUSION, DIFFUSION_START
from cofire.random._fill import fill
from cofire.random._functions import exp
from cofire.random._parameters import check_step
from cofire.random._units import Units


@final
class OrnsteinUhlenbeck:
    """Coloured noise per unit, whose mean, variance and correlation in time do not depend on the time step.

    tau dx = (mean - x) dt + std sqrt(2 tau) dW, advanced by its exact solution

        x(t + dt) = mean + decay (x(t) - mean) + gain z,   decay = exp(-dt / tau),   gain = std sqrt(1 - decay**2)

    with a normal z of its own per unit and step. The process starts at rest: its variance is std**2 from the first step
    on, and its autocorrelation over a time s is exp(-s / tau). A path may be cut anywhere; the parts are the same
    numbers as the whole.

    >>> from cofire.random import Key
    >>> noise = OrnsteinUhlenbeck(Key(0).units(range(3)), tau=5.0, dt=0.1)
    >>> whole, end = noise.path(100)
    >>> first, state = noise.path(40)
    >>> rest, _ = noise.path(60, step=40, state=state)
    >>> bool((whole == np.concatenate([first, rest])).all())
    True

    Args:
        units: whose noise it is.
        tau: correlation time (ms, or the unit of dt).
        dt: time step.
        std: standard deviation.
        mean: mean.

    Raises:
        InvalidValue: tau or dt is not above 0, or a number is not finite.

    Source: Gillespie, "Exact numerical simulation of the Ornstein-Uhlenbeck process", Phys. Rev. E 54, 1996.
    """

    def __init__(self, units: Units, *, tau: float, dt: float, std: float = 1.0, mean: float = 0.0):
        self.units = checks.instance("units", units, Units, fix="give key.units(ids)")
        self.tau, self.dt = checks.number("tau", tau, above=0), checks.number("dt", dt, above=0)
        self.std, self.mean = checks.number("std", std, low=0), checks.number("mean", mean)
        self.decay = float(exp(np.array(-self.dt / self.tau)))
        self.gain = self.std * math.sqrt(1.0 - self.decay * self.decay)

    def start(self, step: int = 0) -> np.ndarray:
        """A state of the process at rest, float64 (N,)."""
        return self.mean + self.std * self._normals(DIFFUSION_START, step)

    def advance(self, state: np.ndarray, step: int) -> np.ndarray:
        """The state at this step from the one a step before, float64 (N,)."""
        state = checks.finite("state", checks.shape("state", state, (len(self.units),)))
        return self.mean + self.decay * (state - self.mean) + self.gain * self._normals(DIFFUSION, step)

    def path(self, count: int, *, step: int = 0, state: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The states at `count` steps from `step` on, float64 (count, N), and the last of them.

        `state` is that of the step before; without one the path begins at rest.
        """
        values = np.empty((checks.integer("count", count, low=1), len(self.units)))
        for i in range(count):
            state = self.start(step) if state is None else self.advance(state, step + i)
            values[i] = state
        return values, values[-1].copy()

    def _normals(self, kind: Any, step: int) -> np.ndarray:
        return fill(np.empty((1, len(self.units))), self.units, np.array([check_step(step)]), kind)[0]
