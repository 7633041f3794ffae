"""The numbers of a thinking report, each computed once from the evidence and used by figures and words alike."""

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from cofire.ctm import measures
from cofire.viz._evidence import ThinkingEvidence


@final
@dataclass(frozen=True)
class Summary:
    """What follows from the evidence by `cofire.ctm.measures`; every number of the report comes from here."""

    evidence: ThinkingEvidence

    @property
    def total(self) -> int:
        """N, the held-out examples."""
        return len(self.evidence.labels)

    @cached_property
    def ticks(self) -> np.ndarray:
        """The most certain tick of each example (N,), from 0."""
        return measures.most_certain_tick(self.evidence.certainty)

    @cached_property
    def answers(self) -> np.ndarray:
        """The answer of each example (N,) at its most certain tick."""
        return measures.at_tick(self.evidence.logits, self.ticks).argmax(axis=1)

    @cached_property
    def right(self) -> np.ndarray:
        """Whether that answer is right (N,)."""
        return self.answers == self.evidence.labels

    @cached_property
    def right_at_last(self) -> np.ndarray:
        """Whether the answer at the last tick is right (N,)."""
        return self.evidence.logits[:, :, -1].argmax(axis=1) == self.evidence.labels

    @cached_property
    def control_right(self) -> np.ndarray:
        """Whether the control's only answer is right (N,)."""
        return self.evidence.control_logits[:, :, 0].argmax(axis=1) == self.evidence.labels

    @property
    def accuracy(self) -> float:
        """The share that is right at the most certain tick."""
        return float(self.right.mean())

    @property
    def control_accuracy(self) -> float:
        """The share that the control has right."""
        return float(self.control_right.mean())

    @property
    def chance(self) -> float:
        """The share that guessing gets right."""
        return 1 / self.evidence.classes

    @cached_property
    def accuracy_per_tick(self) -> np.ndarray:
        """The share that is right after each tick (T,)."""
        return measures.accuracy_per_tick(self.evidence.logits, self.evidence.labels)

    @property
    def thinking_time(self) -> float:
        """The mean number of ticks up to and with the most certain one."""
        return float(self.ticks.mean()) + 1

    @cached_property
    def reliability(self) -> measures.Reliability:
        """Calibration of the answer at the most certain tick."""
        shares = measures.probabilities(measures.at_tick(self.evidence.logits, self.ticks))
        return measures.reliability(shares, self.evidence.labels)

    @cached_property
    def averaged_calibration_error(self) -> float:
        """The calibration error when probabilities are averaged over the ticks thought so far."""
        shares = measures.mean_probabilities(self.evidence.logits, self.ticks)
        return measures.expected_calibration_error(shares, self.evidence.labels)

    @cached_property
    def control_calibration_error(self) -> float:
        """The control's calibration error."""
        shares = measures.probabilities(self.evidence.control_logits[:, :, 0])
        return measures.expected_calibration_error(shares, self.evidence.labels)

    @cached_property
    def confusion(self) -> np.ndarray:
        """Counts (C, C) of truth against answer."""
        return measures.confusion_matrix(self.answers, self.evidence.labels, self.evidence.classes)

    @cached_property
    def paired(self) -> measures.PairedComparison:
        """The model against its control on the same examples."""
        return measures.paired_comparison(self.right, self.control_right)

    def interval(self, right: np.ndarray) -> tuple[float, float]:
        """Where the true share of right answers plausibly lies."""
        return measures.wilson_interval(int(right.sum()), len(right))
