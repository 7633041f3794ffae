"""Rewards on a scale that learning likes: divided by the spread of the discounted returns seen so far."""

from collections.abc import Mapping

import numpy as np

from cofire import checks


class RewardScale:
    """Divide rewards by the standard deviation of discounted returns.

        G_i <- gamma G_i + r_i   (place i; from 0 where an episode begins)
        r'  = r / sqrt(Var + 1e-8),   Var over all G of all places and steps so far

    The variance begins as that of 1e-4 values at mean 0 and variance 1. Learning sees r', logs and evaluations r.
    Source: `NormalizeReward` of Gymnasium.

    >>> scale = RewardScale(2, discount=0.5)
    >>> scale(np.array([1.0, 3.0]), np.array([False, False])).round(2).tolist()
    [1.0, 3.0]
    """

    def __init__(self, count: int, *, discount: float):
        self._discount = checks.number("discount", discount, low=0, high=1)
        self._returns = np.zeros(count)
        self._moments = np.array([1e-4, 0.0, 1.0])  # weight, mean and variance

    def __call__(self, rewards: np.ndarray, ended: np.ndarray) -> np.ndarray:
        """Take in the rewards (N,) of a step, and which episodes ended with it; return them scaled."""
        self._returns = self._returns * self._discount + rewards
        self._moments = _with(self._moments, self._returns)
        self._returns = np.where(ended, 0.0, self._returns)
        return rewards / np.sqrt(self._moments[2] + 1e-8)

    def state(self) -> dict[str, np.ndarray]:
        """Return all that there is to keep, by name."""
        return {"returns": self._returns.copy(), "moments": self._moments.copy()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from what `state` returned."""
        self._returns, self._moments = np.array(state["returns"]), np.array(state["moments"])


def _with(moments: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weight, mean and variance of what was seen together with new values (Chan's parallel update)."""
    count, mean, variance = moments
    more = len(values)
    total, shift = count + more, values.mean() - mean
    squares = variance * count + values.var() * more + shift**2 * count * more / total
    return np.array([total, mean + shift * more / total, squares / total])
