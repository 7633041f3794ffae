"""What a preset is: a task, a model and how the one is trained on the other, under a name."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from cofire.ctm import ModelConfig
from cofire.random import Key
from cofire.tasks import Task, make_task
from cofire.train._config import TrainConfig
from cofire.train.ppo._config import PPOConfig

Training = TypeVar("Training", bound=TrainConfig | PPOConfig)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A named set-up.

    task: the name of the task, and `settings` of it besides its key. name: of the set-up, unique for its task. about:
    what it is and where it comes from; where published sources disagree, which was followed. model and train: all that
    is trained and how.
    """

    task: str
    name: str
    about: str
    model: ModelConfig
    train: TrainConfig | PPOConfig
    settings: Mapping[str, Any] = field(default_factory=dict)

    def make_task(self, key: Key) -> Task:
        """Return the task, its data drawn from `key`."""
        return make_task(self.task, {**self.settings, "key": key.to_json()})


def with_steps(config: Training, steps: int) -> Training:
    """Return how to train for another number of steps; a short run warms up for a quarter of it at most.

    >>> with_steps(TrainConfig(steps=1000, warmup_steps=100), 40).warmup_steps
    10
    """
    changes = {"steps": steps, "evaluate_every": min(config.evaluate_every, steps)}
    if isinstance(config, TrainConfig):
        changes["warmup_steps"] = min(config.warmup_steps, steps // 4)
    return replace(config, **changes)
