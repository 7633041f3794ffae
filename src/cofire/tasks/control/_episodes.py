"""Many episodes side by side, each followed by the next: the steps counted, the true returns added up."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from cofire import checks
from cofire.random import Key
from cofire.tasks.control._environment import MOST_EPISODES, MOST_PLACES, Environment


class Outcome(NamedTuple):
    """What a step led to, for each of N places, and what the episodes that ended in it had come to."""

    rewards: np.ndarray  # (N,)
    ended: np.ndarray  # (N,) bool: over, or cut off at the limit; the place shows the next episode already
    returns: np.ndarray  # (k,) sums of rewards of the k episodes that ended, in the order of their places
    lengths: np.ndarray  # (k,) their steps


class Episodes:
    """An environment in `count` places at once; where an episode ends, the place goes on with the next.

    Episode e of place i is a function of the key, e and i, whatever the number of places and whatever happened before.
    `observations` (N, ...) are what is seen now, `begins` (N,) tells which places see the first of an episode.

    >>> from cofire.tasks.control import CartPole
    >>> episodes = Episodes(CartPole(), 2, Key(0))
    >>> outcomes = [episodes.step(np.array([1, 0])) for _ in range(12)]
    >>> [outcome.lengths.tolist() for outcome in outcomes if outcome.ended.any()]
    [[9], [10]]
    """

    def __init__(self, environment: Environment, count: int, key: Key):
        self.environment = environment
        self.count = checks.integer("count", count, low=1, high=MOST_PLACES)
        self._key = key
        self._places = np.arange(count, dtype=np.int64)
        self._numbers = np.zeros(count, dtype=np.int64)  # of the episodes under way
        self._steps = np.zeros(count, dtype=np.int64)
        self._returns = np.zeros(count)
        self._states = environment.begin(key, self._places * MOST_EPISODES)
        self._look()

    def step(self, actions: np.ndarray) -> Outcome:
        """Take an action (N,) in every place."""
        actions = checks.shape("actions", np.asarray(actions), (self.count,), fix="an action for every place")
        if actions.dtype.kind not in "iu" or actions.min() < 0 or actions.max() >= self.environment.actions:
            wanted = f"integers from 0 to {self.environment.actions - 1}"
            raise checks.InvalidValue(checks.message("actions", wanted, repr(actions)))
        self._steps += 1
        self._states, rewards, over = self.environment.step(self._states, actions, self._steps)
        self._returns += rewards
        ended = over | (self._steps >= self.environment.limit)
        outcome = Outcome(rewards, ended, self._returns[ended], self._steps[ended])
        if ended.any():
            self._begin(ended)
        self._look()
        return outcome

    def state(self) -> dict[str, np.ndarray]:
        """Return all that there is to keep, by name."""
        return {
            "states": self._states.copy(),
            "numbers": self._numbers.copy(),
            "steps": self._steps.copy(),
            "returns": self._returns.copy(),
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from what `state` returned."""
        self._states, self._numbers, self._steps, self._returns = (
            np.array(state[name]) for name in ("states", "numbers", "steps", "returns")
        )
        self._look()

    def _begin(self, where: np.ndarray) -> None:
        self._numbers[where] += 1
        self._steps[where] = 0
        self._returns[where] = 0.0
        self._states[where] = self.environment.begin(
            self._key, self._places[where] * MOST_EPISODES + self._numbers[where] % MOST_EPISODES
        )

    def _look(self) -> None:
        self.observations = self.environment.observe(self._states)
        self.begins = self._steps == 0
