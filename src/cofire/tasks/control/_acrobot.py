"""Acrobot: swing two links up above a line by a torque at the joint between them.

The equations of motion of two links of 1 m and 1 kg with moments of inertia 1 (the book's form), by the classical
Runge-Kutta method with a step of 0.2 s; angles wrapped to +-pi, velocities held within 4 pi and 9 pi. Minus one for
every step until the end is higher than 1 m above the pivot. Source: Sutton & Barto, Reinforcement Learning (2018), as
in the environment `Acrobot-v1` of Gymnasium, whose transitions these are.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from cofire import checks
from cofire.random import Key
from cofire.tasks.control._environment import Transition

LENGTH, CENTRE, MASS, INERTIA, GRAVITY, TIME_STEP = 1.0, 0.5, 1.0, 1.0, 9.8, 0.2
FASTEST = np.array([4 * math.pi, 9 * math.pi])
START = 0.1


@dataclass(frozen=True, kw_only=True)
class Acrobot:
    """Two links: cosine and sine of both angles and the two angular velocities (rad/s) are seen, float32 (6,).

    Three actions: torque -1, 0, +1 N m. `masked` shows zeros in place of the velocities. An episode is over where the
    end is up, and cut off after `limit` steps.

    >>> world = Acrobot(masked=True)
    >>> world.observe(world.begin(Key(0), np.arange(1)))[0, 4:].tolist()
    [0.0, 0.0]
    """

    masked: bool = True
    limit: int = 500

    name = "acrobot"
    shape = (6,)
    actions = 3

    def __post_init__(self):
        checks.integer("limit", self.limit, low=1)

    @property
    def settings(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {"environment": self.name, "masked": self.masked, "limit": self.limit}

    def begin(self, key: Key, episodes: np.ndarray) -> np.ndarray:
        """Angles and velocities uniform in +-0.1, (N, 4)."""
        return key.units(episodes).uniform(range(4), low=-START, high=START).T.astype(np.float64)

    def step(self, states: np.ndarray, actions: np.ndarray, steps: np.ndarray) -> Transition:
        """Apply the torque for 0.2 s."""
        torque = actions.astype(np.float64) - 1.0
        y0 = states.T
        k1 = _slope(y0, torque)
        k2 = _slope(y0 + TIME_STEP / 2 * k1, torque)
        k3 = _slope(y0 + TIME_STEP / 2 * k2, torque)
        k4 = _slope(y0 + TIME_STEP * k3, torque)
        after = (y0 + TIME_STEP / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)).T.copy()
        after[:, :2] = _wrapped(after[:, :2])
        after[:, 2:] = np.clip(after[:, 2:], -FASTEST, FASTEST)
        over = -np.cos(after[:, 0]) - np.cos(after[:, 1] + after[:, 0]) > 1.0
        return Transition(after, np.where(over, 0.0, -1.0), over)

    def observe(self, states: np.ndarray) -> np.ndarray:
        """Cosines, sines and velocities, float32 (N, 6)."""
        first, second = states[:, 0], states[:, 1]
        seen = [np.cos(first), np.sin(first), np.cos(second), np.sin(second), states[:, 2], states[:, 3]]
        seen = np.stack(seen, axis=1).astype(np.float32)
        if self.masked:
            seen[:, 4:] = 0.0
        return seen


def _slope(y: np.ndarray, torque: np.ndarray) -> np.ndarray:
    """The time derivative of angles and velocities (4, N)."""
    first, second, spin1, spin2 = y
    cosine, sine = np.cos(second), np.sin(second)
    d1 = MASS * CENTRE**2 + MASS * (LENGTH**2 + CENTRE**2 + 2 * LENGTH * CENTRE * cosine) + INERTIA + INERTIA
    d2 = MASS * (CENTRE**2 + LENGTH * CENTRE * cosine) + INERTIA
    phi2 = MASS * CENTRE * GRAVITY * np.cos(first + second - math.pi / 2.0)
    phi1 = (
        -MASS * LENGTH * CENTRE * spin2**2 * sine
        - 2 * MASS * LENGTH * CENTRE * spin2 * spin1 * sine
        + (MASS * CENTRE + MASS * LENGTH) * GRAVITY * np.cos(first - math.pi / 2)
        + phi2
    )
    drive = torque + d2 / d1 * phi1 - MASS * LENGTH * CENTRE * spin1**2 * sine - phi2
    turn2 = drive / (MASS * CENTRE**2 + INERTIA - d2**2 / d1)
    return np.stack([spin1, spin2, -(d2 * turn2 + phi1) / d1, turn2])


def _wrapped(angle: np.ndarray) -> np.ndarray:
    """Angles in +-pi, by whole turns."""
    while (high := angle > math.pi).any():
        angle = np.where(high, angle - 2 * math.pi, angle)
    while (low := angle < -math.pi).any():
        angle = np.where(low, angle + 2 * math.pi, angle)
    return angle
