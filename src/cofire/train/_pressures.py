"""What may be added to a training, each of it off unless it is asked for: pressures on the thinking, and a stop."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cofire import checks
from cofire.random import Key
from cofire.tasks import Thoughtlike


@dataclass(frozen=True)
class EarlyStop:
    """End the run when `patience` evaluations in a row have not improved on the best one by more than `margin`.

    metric: what is looked at, a name of the evaluation ("loss", or a scalar of the task such as "accuracy"). Losses
    improve downwards, all else upwards. The run ends with the weights that it has then; `TrainConfig.keep_best` keeps
    the best ones. Source: Prechelt, Neural Networks 11 (1998).
    """

    metric: str = "loss"
    patience: int = 10
    margin: float = 0.0

    def __post_init__(self):
        checks.instance("metric", self.metric, str, fix="the name of a scalar, such as 'loss'")
        checks.integer("patience", self.patience, low=1, fix="wait for one evaluation or more")
        checks.number("margin", self.margin, low=0)


@dataclass(frozen=True)
class PonderCost:
    """Add `cost` per tick that the network is expected to think: loss + cost E[ticks], see `expected_ticks`.

    The network may lower it by being certain earlier. In evaluation the expected ticks are told, the loss is the
    task's alone. A cost of 0.01 makes ten ticks worth a tenth of a nat.
    """

    cost: float

    def __post_init__(self):
        checks.number("cost", self.cost, above=0, fix="0.01 makes ten ticks worth 0.1 of the loss; None for no cost")


@dataclass(frozen=True)
class RandomDepth:
    """Let the network think for another number of ticks in every training step, uniform from `least` to `most`.

    The number is drawn from the run's key by the step, the same on all devices; evaluation keeps the configured ticks.
    """

    least: int
    most: int

    def __post_init__(self):
        checks.integer("least", self.least, low=1)
        checks.integer("most", self.most, low=self.least, fix="the greatest number of ticks, not below the least")

    def ticks(self, key: Key, step: int) -> int:
        """Return the number of ticks of a step.

        >>> [RandomDepth(3, 5).ticks(Key(0), step) for step in range(6)]
        [5, 3, 4, 5, 4, 4]
        """
        return int(key.integers(self.least, self.most + 1, step=step))


@dataclass(frozen=True)
class TickDropout:
    """Leave every tick out of the loss of a training step with chance `rate`, so that no tick can be relied upon.

    The network thinks all its ticks; the task's loss sees a thought that consists of the others, in order. At least one
    is always kept. Not for tasks that are answered at particular ticks (Q&A MNIST).
    """

    rate: float

    def __post_init__(self):
        checks.number("rate", self.rate, above=0, high=1 - 1e-9, fix="0.2 leaves out every fifth tick; None for none")

    def kept(self, ticks: int, key: Key, step: int) -> np.ndarray:
        """Return which of the ticks, counted from 0, the loss of a step sees.

        >>> TickDropout(0.5).kept(8, Key(0), step=0).tolist()
        [1, 5, 6, 7]
        """
        drawn = key.uniform((ticks,), step=step)
        return np.flatnonzero(drawn >= min(self.rate, drawn.max()))


class SomeTicks(NamedTuple):
    """Some ticks of a thought: logits (B, C, K) and certainty (B, K)."""

    logits: Tensor
    certainty: Tensor


def expected_ticks(certainty: Tensor) -> Tensor:
    """Return how many ticks a thought is expected to take that ends at every tick with the chance of its certainty.

        E[ticks] = sum_t prod_{s < t} (1 - c_s),     from 1 to T

    the mean number of ticks where tick t is the last one with chance c_t, and tick T for certain. certainty: (B, T);
    returns (B,), differentiable. Source: the halting distribution of Banino et al., PonderNet, arXiv 2107.05407, with
    the certainty as the chance to halt.

    >>> expected_ticks(torch.tensor([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [1.0, 0.0, 0.0]]))
    tensor([3.0000, 1.7500, 1.0000])
    """
    going_on = (1 - certainty.float()).clamp_min(1e-7).log()
    earlier = torch.ones(going_on.shape[1:] * 2, device=going_on.device).triu(1)
    return (going_on @ earlier).exp().sum(1)


def only(thought: Any, ticks: np.ndarray) -> Thoughtlike:
    """Return a thought that consists of some of its ticks.

    >>> only(SomeTicks(torch.ones(2, 5, 4), torch.ones(2, 4)), np.array([0, 3])).logits.shape
    torch.Size([2, 5, 2])
    """
    index = torch.from_numpy(ticks).to(thought.logits.device)
    part = SomeTicks(thought.logits.index_select(-1, index), thought.certainty.index_select(-1, index))
    if not is_dataclass(thought) or isinstance(thought, type):
        return part
    more = {name: getattr(thought, name, None) for name in ("energy", "sync_out")}
    more = {name: value.index_select(-1, index) for name, value in more.items() if value is not None}
    heads = {name: value.index_select(-1, index) for name, value in getattr(thought, "others", {}).items()}
    changed: Any = replace(thought, **part._asdict(), **more, **({"others": heads} if heads else {}))
    return changed


Pressure = EarlyStop | PonderCost | RandomDepth | TickDropout
PRESSURES: dict[str, type[Pressure]] = {
    "early_stop": EarlyStop,
    "ponder": PonderCost,
    "random_depth": RandomDepth,
    "tick_dropout": TickDropout,
}


def pressure_to_json(pressure: Pressure | None) -> dict[str, Any] | None:
    """Return a pressure as JSON values.

    >>> pressure_to_json(PonderCost(0.01))
    {'cost': 0.01}
    """
    return None if pressure is None else asdict(pressure)


def pressure_from_json(name: str, kind: type[Pressure], data: Any) -> Pressure | None:
    """Return the pressure of a kind that `pressure_to_json` wrote; `name` is its field in the configuration."""
    if data is None:
        return None
    known = blank(kind)
    fix = f"name a field of it, such as {name}.{next(iter(known))}"
    checks.instance(name, data, Mapping, fix=fix)
    for field in data:
        checks.choice(f"field of {name}", field, known)
    values = {**known, **data}
    for field, value in values.items():
        if value is None:
            raise checks.InvalidValue(
                checks.message(f"{name}.{field}", "a value", "none", f"give {name}.{field} as well")
            )
    return kind(**values)


def blank(kind: type[Pressure]) -> dict[str, Any]:
    """Return the fields of a pressure with their defaults, None for those that have to be given.

    >>> blank(EarlyStop), blank(PonderCost)
    ({'metric': 'loss', 'patience': 10, 'margin': 0.0}, {'cost': None})
    """
    return {field.name: None if field.default is MISSING else field.default for field in fields(kind)}
