"""The numbers of a run's report, each computed once, over one run or several that differ by their seed only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, final

import numpy as np

from cofire.ctm import measures
from cofire.viz._run_evidence import RunEvidence


class Spread(NamedTuple):
    """A number in each of R runs: their mean and their standard deviation (0 for one run)."""

    mean: float
    deviation: float
    runs: int

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Return the spread of some numbers; the deviation is that of a sample.

        >>> Spread.of([1.0, 3.0])
        Spread(mean=2.0, deviation=1.4142135623730951, runs=2)
        """
        found = np.array(list(values), dtype=np.float64)
        return cls(float(found.mean()), float(found.std(ddof=1)) if len(found) > 1 else 0.0, len(found))

    def percent(self) -> str:
        """Return a share in words.

        >>> Spread(0.9812, 0.0034, 3).percent(), Spread(0.9812, 0.0, 1).percent()
        ('98.1% ± 0.3', '98.1%')
        """
        return f"{100 * self.mean:.1f}%" + (f" ± {100 * self.deviation:.1f}" if self.runs > 1 else "")

    def number(self) -> str:
        """Return a number in words.

        >>> Spread(6.04, 0.5, 2).number()
        '6.0 ± 0.5'
        """
        return f"{self.mean:.1f}" + (f" ± {self.deviation:.1f}" if self.runs > 1 else "")


@final
@dataclass(frozen=True)
class RunSummary:
    """What follows from the evidence; rows of arrays are runs, R of them."""

    evidence: RunEvidence

    @property
    def runs(self) -> tuple[RunEvidence, ...]:
        """The runs of the machine."""
        return self.evidence.runs

    @property
    def controls(self) -> tuple[RunEvidence, ...]:
        """The runs of the one-tick control, none where there is none."""
        return self.evidence.control.runs if self.evidence.control else ()

    @property
    def total(self) -> int:
        """N, the held-out examples of a run."""
        return len(self.evidence.tick)

    @property
    def ticks(self) -> int:
        """T."""
        return self.evidence.ticks

    @cached_property
    def names(self) -> list[str]:
        """The names of the scores, "accuracy" first."""
        return list(self.evidence.scores)

    def score(self, name: str) -> Spread:
        """A score of the machine, over its runs."""
        return Spread.of(run.scores[name].mean() for run in self.runs)

    def control_score(self, name: str) -> Spread:
        """The same of the control."""
        return Spread.of(run.scores[name].mean() for run in self.controls)

    def by_tick(self, name: str) -> np.ndarray:
        """A score at every tick, (R, T)."""
        return np.stack([run.scores_by_tick[name] for run in self.runs])

    @cached_property
    def thinking_time(self) -> Spread:
        """Ticks up to and with the one that is read, on average."""
        return Spread.of(run.tick.mean() + 1 for run in self.runs)

    @cached_property
    def certainty_by_tick(self) -> dict[str, np.ndarray]:
        """Mean certainty (R, T) for whole answers that are right and for others; a kind that a run lacks is NaN."""
        kinds = {"right": [], "wrong": []}
        for run in self.runs:
            right = whole(run.scores)
            for kind, chosen in (("right", right), ("wrong", ~right)):
                known = run.answers.certainty[chosen]
                kinds[kind].append(known.mean(axis=0) if len(known) else np.full(run.ticks, np.nan))
        return {kind: np.stack(rows) for kind, rows in kinds.items()}

    @cached_property
    def reliability(self) -> measures.Reliability | None:
        """Confidence against being right, of every position of every answer, all runs together; None where it is not
        a choice of one class for each position.
        """
        diagrams = [_classified(run) for run in self.runs]
        if any(one is None for one in diagrams):
            return None
        shares, targets = (np.concatenate(column) for column in zip(*filter(None, diagrams), strict=True))
        return measures.reliability(shares, targets)

    @cached_property
    def paired(self) -> measures.PairedComparison | None:
        """Machine against control on the same examples, by the whole answer; all pairs of runs with one seed together.

        None where no pair saw the same examples.
        """
        pairs = [(run, control) for run in self.runs for control in self.controls if _same_examples(run, control)]
        if not pairs:
            return None
        first = np.concatenate([whole(run.scores) for run, _ in pairs])
        second = np.concatenate([whole(control.scores) for _, control in pairs])
        return measures.paired_comparison(first, second)

    def coverage(self, runs: Iterable[RunEvidence]) -> np.ndarray:
        """The accuracy among the most certain 1/100, 2/100, ... of all examples, (R, 100)."""
        return np.stack([_coverage(run) for run in runs])


def whole(scores: Mapping[str, np.ndarray]) -> np.ndarray:
    """Whether each answer is right as a whole (N,): by the score of that name, else where its accuracy is 1."""
    return scores.get("whole", scores["accuracy"]) > 1 - 1e-6


def _coverage(run: RunEvidence) -> np.ndarray:
    certainty = run.answers.certainty[np.arange(len(run.tick)), run.tick]
    order = np.argsort(-certainty, kind="stable")
    means = np.cumsum(run.scores["accuracy"][order]) / np.arange(1, len(order) + 1)
    return means[np.ceil(np.arange(1, 101) / 100 * len(order)).astype(int) - 1]


def _classified(run: RunEvidence) -> tuple[np.ndarray, np.ndarray] | None:
    """Probabilities (N * positions, C) at the tick that is read, and targets; None where targets are something else."""
    answers, answer = run.answers, run.model.config.answer
    if answer is None or not run.stops:
        return None
    targets = answers.targets.reshape(len(answers.targets), -1)
    positions = answer.positions
    if targets.shape[1] != positions or targets.dtype.kind not in "iu":
        return None
    logits = measures.at_tick(answers.logits, run.tick).reshape(len(targets) * positions, -1)
    targets = targets.reshape(-1)
    if targets.min() < 0 or targets.max() >= logits.shape[1]:
        return None
    return measures.probabilities(logits), targets


def _same_examples(run: RunEvidence, control: RunEvidence) -> bool:
    return np.array_equal(run.answers.targets, control.answers.targets) and (
        run.config["task"] == control.config["task"]
    )
