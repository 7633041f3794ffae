"""CartPole: keep a pole upright on a cart by pushing the cart left or right.

With force F = +-10 N, cart 1 kg, pole 0.1 kg with its centre at l = 0.5 m, total mass m, time step 0.02 s:

    u  = (F + 0.05 w^2 sin a) / m
    a'' = (9.8 sin a - u cos a) / (l (4/3 - 0.1 cos^2 a / m))
    x'' = u - 0.05 a'' cos a / m

by Euler's method. One point for every step. Source: Barto, Sutton & Anderson, IEEE Trans. SMC 13 (1983), as in the
environment `CartPole-v1` of Gymnasium, whose transitions these are.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from cofire import checks
from cofire.random import Key
from cofire.tasks.control._environment import Transition

FORCE, CART, POLE, HALF_LENGTH, GRAVITY, TIME_STEP = 10.0, 1.0, 0.1, 0.5, 9.8, 0.02
EDGE, FALLEN = 2.4, 12 * 2 * math.pi / 360  # m from the middle, rad from upright
START = 0.05


@dataclass(frozen=True, kw_only=True)
class CartPole:
    """A pole on a cart: position (m), velocity (m/s), angle (rad) and angular velocity (rad/s) are seen, float32 (4,).

    Two actions: push left, push right. `masked` shows zeros in place of the two velocities, so that they have to be
    remembered. An episode is over where the cart leaves +-2.4 m or the pole +-12 degrees, and cut off after `limit`.

    >>> world = CartPole(masked=True)
    >>> world.observe(world.begin(Key(0), np.arange(3)))[:, [1, 3]].tolist()
    [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    """

    masked: bool = True
    limit: int = 200

    name = "cartpole"
    shape = (4,)
    actions = 2

    def __post_init__(self):
        checks.integer("limit", self.limit, low=1)

    @property
    def settings(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {"environment": self.name, "masked": self.masked, "limit": self.limit}

    def begin(self, key: Key, episodes: np.ndarray) -> np.ndarray:
        """All four numbers uniform in +-0.05, (N, 4)."""
        return key.units(episodes).uniform(range(4), low=-START, high=START, dtype=np.float64).T.copy()

    def step(self, states: np.ndarray, actions: np.ndarray, steps: np.ndarray) -> Transition:
        """Push for 0.02 s."""
        _, velocity, angle, spin = states.T
        force = np.where(actions == 1, FORCE, -FORCE)
        cosine, sine = np.cos(angle), np.sin(angle)
        moment, mass = POLE * HALF_LENGTH, POLE + CART
        push = (force + moment * np.square(spin) * sine) / mass
        turn = (GRAVITY * sine - cosine * push) / (HALF_LENGTH * (4.0 / 3.0 - POLE * np.square(cosine) / mass))
        pull = push - moment * turn * cosine / mass
        after = states + TIME_STEP * np.stack([velocity, pull, spin, turn], axis=1)
        over = (np.abs(after[:, 0]) > EDGE) | (np.abs(after[:, 2]) > FALLEN)
        return Transition(after, np.ones(len(states)), over)

    def observe(self, states: np.ndarray) -> np.ndarray:
        """The state, or its positions only, float32 (N, 4)."""
        seen = states.astype(np.float32)
        if self.masked:
            seen[:, [1, 3]] = 0.0
        return seen
