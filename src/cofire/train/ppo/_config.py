"""How a machine learns to act: everything that the resulting weights depend on, besides the machine and the world."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from cofire import checks


@dataclass(frozen=True, kw_only=True, slots=True)
class PPOConfig:
    """Proximal policy optimisation over whole sequences, with Adam.

    steps: iterations in all; each plays `horizon` steps in each of `places` environments side by side, then learns from
    them: `epochs` times, in `minibatches` of whole sequences, the places dealt out anew each time.
    learning_rate: of Adam (with `epsilon`); with `anneal`, that of iteration n of N is (1 - (n - 1) / N) times it.
    discount: gamma; trace: lambda of the generalised advantage estimate. clip: how far the ratio of probabilities may
    go from 1. entropy and value: weights of the entropy and of the critic's error in the loss. max_norm: the longest
    gradient. normalise_advantages: within each minibatch. scale_rewards: divide what is learned from by the spread of
    discounted returns; logs and evaluations always have the true rewards.
    log_every: iterations between progress events. evaluate_every: iterations between evaluations on
    `evaluation_episodes` fixed episodes, and one at the end; 0 for none. save_every: iterations between checkpoints;
    keep_last: how many are kept.

    The defaults are the published form. Source: Schulman et al., arXiv 1707.06347; the set-up of Darlow et al., arXiv
    2505.05522.

    >>> config = PPOConfig(steps=4, learning_rate=1e-3)
    >>> [config.learning_rate_at(step) for step in (1, 2, 3, 4)]
    [0.001, 0.00075, 0.0005, 0.00025]
    >>> PPOConfig.from_json(config.to_json()) == config
    True
    """

    steps: int
    places: int = 256
    horizon: int = 100
    epochs: int = 4
    minibatches: int = 4
    learning_rate: float = 1e-3
    anneal: bool = True
    epsilon: float = 1e-5
    discount: float = 0.99
    trace: float = 0.95
    clip: float = 0.1
    entropy: float = 0.1
    value: float = 0.25
    max_norm: float = 0.5
    normalise_advantages: bool = True
    scale_rewards: bool = True
    log_every: int = 1
    evaluate_every: int = 0
    evaluation_episodes: int = 100
    save_every: int = 50
    keep_last: int = 2

    def __post_init__(self):
        for name in ("steps", "places", "horizon", "epochs", "log_every", "evaluation_episodes", "save_every"):
            checks.integer(name, getattr(self, name), low=1)
        checks.integer("keep_last", self.keep_last, low=1)
        checks.integer("minibatches", self.minibatches, low=1, high=self.places, fix="a place or more for each")
        checks.integer("evaluate_every", self.evaluate_every, low=0, fix="0 for no evaluation")
        for name in ("learning_rate", "epsilon", "clip", "max_norm"):
            checks.number(name, getattr(self, name), above=0)
        for name in ("discount", "trace"):
            checks.number(name, getattr(self, name), low=0, high=1)
        for name in ("entropy", "value"):
            checks.number(name, getattr(self, name), low=0)

    @property
    def steps_per_iteration(self) -> int:
        """Steps in environments of one iteration."""
        return self.places * self.horizon

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of iteration `step`, counted from 1."""
        return self.learning_rate * (1 - (step - 1) / self.steps) if self.anneal else self.learning_rate

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "PPOConfig":
        """Return the configuration that `to_json` wrote; an unknown field raises `InvalidValue`."""
        names = [field.name for field in fields(cls)]
        return cls(**{checks.choice("PPO config field", name, names): value for name, value in data.items()})
