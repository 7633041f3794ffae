"""What the evaluations of a run come to: which one was the best, and whether it is time to stop."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from cofire import checks
from cofire.train._config import TrainConfig

_DOWNWARDS = ("loss", "expected_ticks")


class Record:
    """The best value of a scalar so far, the step it was reached at, and the evaluations since then.

    >>> record = Record("accuracy")
    >>> [record.note({"test_accuracy": value}, step) for step, value in enumerate([0.5, 0.4, 0.6], 1)]
    [True, False, True]
    >>> record.best, record.step, record.waited
    (0.6, 3, 0)
    """

    def __init__(self, metric: str, margin: float = 0.0):
        self.metric, self._margin = metric, margin
        self._sign = -1.0 if metric.endswith(_DOWNWARDS) else 1.0
        self.best, self.step, self.waited = math.nan, 0, 0

    def note(self, tested: Mapping[str, float], step: int) -> bool:
        """Take in the scalars of an evaluation; return whether this one is the best."""
        value = tested[f"test_{self.metric}"]
        better = math.isnan(self.best) or self._sign * (value - self.best) > self._margin
        if better and not math.isnan(value):
            self.best, self.step, self.waited = value, step, 0
            return True
        self.waited += 1
        return False

    @property
    def state(self) -> Tensor:
        """All of it as numbers."""
        return torch.tensor([self.best, self.step, self.waited], dtype=torch.float64)

    def restore(self, state: Tensor) -> None:
        """Put back what `state` was."""
        best, step, waited = state.tolist()
        self.best, self.step, self.waited = best, int(step), int(waited)


class Watch:
    """The records that a configuration asks for: of the weights to keep, and of the plateau to stop on."""

    def __init__(self, config: TrainConfig):
        stop = config.early_stop
        self._patience = stop.patience if stop else 0
        self._best = Record(config.keep_best) if config.keep_best else None
        self._plateau = Record(stop.metric, stop.margin) if stop else None

    def check(self, names: list[str]) -> None:
        """Raise `InvalidValue` where a record is kept of a scalar that evaluations do not give."""
        for field, record in (("keep_best", self._best), ("early_stop.metric", self._plateau)):
            if record:
                checks.choice(field, record.metric, names)

    def note(self, tested: Mapping[str, float], step: int) -> bool:
        """Take in the scalars of an evaluation; return whether its weights are to be kept as the best."""
        if self._plateau:
            self._plateau.note(tested, step)
        return self._best is not None and self._best.note(tested, step)

    @property
    def is_over(self) -> bool:
        """Whether the run has waited long enough."""
        return self._plateau is not None and self._plateau.waited >= self._patience

    @property
    def best(self) -> Record | None:
        """The record of the weights that are kept as the best."""
        return self._best

    @property
    def state(self) -> dict[str, Tensor]:
        """All of it as tensors by name; nothing where nothing is watched."""
        return {name: record.state for name, record in self._records().items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Put back what `state` was."""
        for name, record in self._records().items():
            record.restore(state[name])

    def _records(self) -> dict[str, Record]:
        named = {"best": self._best, "plateau": self._plateau}
        return {name: record for name, record in named.items() if record}
