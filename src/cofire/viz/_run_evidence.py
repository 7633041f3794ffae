"""What the report of a run is made from: the run, its answers to every held-out example, and the runs beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, final

import numpy as np
import torch

from cofire import checks
from cofire.train import Predictions, Run


@final
@dataclass(frozen=True, kw_only=True)
class RunEvidence:
    """A trained run and what it says about all N held-out examples, over T ticks.

    task, model, config, metrics, folder: those of the run (`cofire.train.Run`); the model is in evaluation mode. For
    control the task is a world and the model an agent.
    predictions: logits (N, out, T), certainty (N, T) and targets (N, ...). None where a task has no such examples
    (control): then only its own sections, made by its own module, look at what the model does.
    others: the same of runs of the same preset with other seeds. control: the same of the one-tick control, whose own
    `others` are its further seeds; None where there is none.
    """

    task: Any
    model: Any
    config: Mapping[str, Any]
    metrics: Mapping[str, np.ndarray]
    folder: Path
    predictions: Predictions | None = None
    others: "tuple[RunEvidence, ...]" = ()
    control: "RunEvidence | None" = None

    @classmethod
    def of(cls, run: Run, predictions: Predictions | None) -> "RunEvidence":
        """Return the evidence of one run by itself."""
        return cls(
            task=run.task,
            model=run.model,
            config=run.config,
            metrics=run.metrics,
            folder=run.folder,
            predictions=predictions,
        )

    @property
    def name(self) -> str:
        """The name of the task."""
        return self.config["task"]["name"]

    @property
    def runs(self) -> "tuple[RunEvidence, ...]":
        """This run and those with other seeds."""
        return (self, *self.others)

    @property
    def answers(self) -> Predictions:
        """The predictions, where there are some."""
        if self.predictions is None:
            fix = f"a section of {self.name} looks at its model itself"
            raise checks.InvalidValue(checks.message("predictions", "held-out examples", "none", fix))
        return self.predictions

    @property
    def ticks(self) -> int:
        """T, of a whole thought: a streamed machine thinks while it is shown something, too."""
        return self.answers.certainty.shape[1]

    @property
    def stops(self) -> bool:
        """Whether an example is answered at one tick of its own; a list is emitted over all of them."""
        return "thinking_time" in self.metrics

    @cached_property
    def tick(self) -> np.ndarray:
        """The tick at which each example is read (N,), from 0: the most certain one, or the last where none stops."""
        if self.stops:
            return self.answers.certainty.argmax(axis=1)
        return np.full(len(self.answers.certainty), self.ticks - 1)

    @cached_property
    def scores(self) -> dict[str, np.ndarray]:
        """The task's scores of each example at that tick, (N,) each, "accuracy" first."""
        return self.scores_at(self.tick)

    @cached_property
    def scores_by_tick(self) -> dict[str, np.ndarray]:
        """The means of the task's scores over all examples at every tick, (T,) each."""
        count = len(self.tick)
        rows = [self.scores_at(np.full(count, tick)) for tick in range(self.ticks)]
        return {name: np.array([row[name].mean() for row in rows]) for name in rows[0]}

    def scores_at(self, tick: np.ndarray) -> dict[str, np.ndarray]:
        """Return the task's scores of each example at its tick (N,), (N,) each."""
        logits, targets = torch.from_numpy(self.answers.logits), torch.from_numpy(self.answers.targets)
        found = self.task.score(logits, targets, torch.from_numpy(tick))
        return {name: value.double().numpy() for name, value in found.items()}
