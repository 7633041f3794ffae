"""How good a thought was: accuracy tick by tick, where it was most certain, and whether its confidence can be trusted.

Pure NumPy functions of what a model said, never of a model: logits (N, C, T), certainty (N, T), targets (N,), with N
examples, C classes and T ticks.
"""

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from cofire import checks


def most_certain_tick(certainty: np.ndarray) -> np.ndarray:
    """The tick at which each example was most certain: argmax_t c_nt, the earliest among equals.

    Parameters
    ----------
    certainty
        (N, T), 1 - H(softmax(y)) / log C, so that 1 is certain.

    Returns
    -------
    (N,) tick indices from 0; the thinking time in ticks is one more.

    >>> most_certain_tick(np.array([[0.1, 0.9, 0.9], [0.4, 0.2, 0.1]]))
    array([1, 0])
    """
    checks.shape("certainty", certainty, ("N", "T"))
    _some("certainty", certainty)
    return checks.finite("certainty", certainty).argmax(axis=1)


def at_tick(values: np.ndarray, ticks: np.ndarray) -> np.ndarray:
    """What each example had at its own tick: (N, C, T) and (N,) ticks -> (N, C).

    >>> at_tick(np.arange(12).reshape(2, 2, 3), np.array([0, 2]))
    array([[ 0,  3],
           [ 8, 11]])
    """
    checks.shape("values", values, ("N", "C", "T"))
    _labels("ticks", ticks, len(values), values.shape[2])
    return np.take_along_axis(values, ticks[:, None, None], axis=2)[:, :, 0]


def probabilities(logits: np.ndarray) -> np.ndarray:
    """softmax over the classes, p_c = exp(y_c) / sum_k exp(y_k), in float64: (N, C) or (N, C, T), classes second.

    >>> probabilities(np.array([[0.0, 0.0], [1000.0, 0.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    if logits.ndim not in (2, 3):
        raise checks.InvalidValue(checks.message("logits", "shape (N, C) or (N, C, T)", f"shape {logits.shape}"))
    _some("logits", logits)
    shifted = checks.finite("logits", logits).astype(np.float64)
    shifted = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def mean_probabilities(logits: np.ndarray, ticks: np.ndarray) -> np.ndarray:
    """The probabilities averaged over the ticks thought so far, sum_{s <= t_n} p_ncs / (t_n + 1): (N, C).

    The reading under which the CTM was reported to be well calibrated (Darlow et al. 2025, arXiv:2505.05522).

    >>> mean_probabilities(np.array([[[0.0, 1000.0], [0.0, 0.0]]]), np.array([1]))
    array([[0.75, 0.25]])
    """
    checks.shape("logits", logits, ("N", "C", "T"))
    running = probabilities(logits).cumsum(axis=2) / np.arange(1, logits.shape[2] + 1)
    return at_tick(running, ticks)


def accuracy_per_tick(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The share of right answers if thinking were cut after each tick: mean_n [argmax_c y_nct = k_n], shape (T,).

    >>> accuracy_per_tick(np.array([[[0.0, 2.0], [1.0, 1.0]]]), np.array([0]))
    array([0., 1.])
    """
    _check_logits(logits, targets)
    return (logits.argmax(axis=1) == targets[:, None]).mean(axis=0)


def right_when_most_certain(logits: np.ndarray, certainty: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Whether each example's answer at its most certain tick is right: (N,) booleans; their mean is the accuracy.

    >>> logits = np.array([[[0.0, 2.0], [1.0, 1.0]]])
    >>> right_when_most_certain(logits, np.array([[0.2, 0.3]]), np.array([0]))
    array([ True])
    """
    _check_logits(logits, targets)
    checks.shape("certainty", certainty, (logits.shape[0], logits.shape[2]))
    return at_tick(logits, most_certain_tick(certainty)).argmax(axis=1) == targets


def confusion_matrix(answers: np.ndarray, targets: np.ndarray, classes: int) -> np.ndarray:
    """How often a target got an answer: M_ij = |{n : k_n = i, answer_n = j}|, shape (C, C); rows are the truth.

    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), 2)
    array([[1, 1],
           [0, 1]])
    """
    checks.integer("classes", classes, low=1)
    _labels("targets", targets, len(targets), classes)
    _labels("answers", answers, len(targets), classes)
    counts = np.bincount(targets * classes + answers, minlength=classes * classes)
    return counts.reshape(classes, classes)


def wilson_interval(hits: int, total: int, deviations: float = 1.959964) -> tuple[float, float]:
    """Where the true share plausibly lies after `hits` in `total` (95 % with the default): Wilson's score interval.

    (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) with p = hits / n; never outside [0, 1], and of use at
    shares near 1, where the textbook interval fails (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    >>> [round(end, 4) for end in wilson_interval(98, 100)]
    [0.93, 0.9945]
    """
    checks.integer("total", total, low=1)
    checks.integer("hits", hits, low=0, high=total)
    share, z2 = hits / total, checks.number("deviations", deviations, above=0) ** 2
    middle = share + z2 / (2 * total)
    reach = math.sqrt(z2 * (share * (1 - share) / total + z2 / (4 * total**2)))
    scale = 1 + z2 / total
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


@final
@dataclass(frozen=True)
class Reliability:
    """A reliability diagram: per bin of confidence, how many examples, how confident, how often right.

    `edges` (K + 1,), `count` (K,), `confidence` and `accuracy` (K,) with NaN in an empty bin.
    """

    edges: np.ndarray
    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def expected_calibration_error(self) -> float:
        """sum_k (n_k / N) |accuracy_k - confidence_k|, the mean gap between confidence and being right."""
        filled = self.count > 0
        gap = np.abs(self.accuracy[filled] - self.confidence[filled])
        return float(gap @ self.count[filled] / self.count.sum())


def reliability(probabilities: np.ndarray, targets: np.ndarray, bins: int = 15) -> Reliability:
    """Confidence against accuracy in K bins (k/K, (k+1)/K] of equal width (Guo et al. 2017, arXiv:1706.04599).

    Parameters
    ----------
    probabilities
        (N, C), rows that sum to 1; the confidence is the largest, the answer its class.
    targets
        (N,) classes.
    bins
        K; the expected calibration error depends on it, so name it beside the figure.

    >>> fair = reliability(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0]), bins=5)
    >>> fair.count, fair.accuracy[-2:], round(fair.expected_calibration_error, 3)
    (array([0, 0, 0, 1, 1]), array([0., 1.]), 0.45)
    """
    checks.integer("bins", bins, low=1)
    checks.shape("probabilities", probabilities, ("N", "C"))
    _some("probabilities", probabilities)
    checks.finite("probabilities", probabilities)
    _labels("targets", targets, len(probabilities), probabilities.shape[1])
    if probabilities.min() < 0 or np.abs(probabilities.sum(axis=1) - 1).max() > 1e-3:
        got = f"rows that sum to {probabilities.sum(axis=1).min():.3g} to {probabilities.sum(axis=1).max():.3g}"
        fix = "pass logits through probabilities() first"
        raise checks.InvalidValue(checks.message("probabilities", "rows of shares that sum to 1", got, fix))
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == targets
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    divisor = np.where(count > 0, count, np.nan)
    return Reliability(
        edges=np.linspace(0, 1, bins + 1),
        count=count,
        confidence=np.bincount(place, weights=confidence, minlength=bins) / divisor,
        accuracy=np.bincount(place, weights=right, minlength=bins) / divisor,
    )


def expected_calibration_error(probabilities: np.ndarray, targets: np.ndarray, bins: int = 15) -> float:
    """The mean gap between confidence and accuracy over the bins of `reliability`.

    >>> round(expected_calibration_error(np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([0, 0])), 3)
    0.15
    """
    return reliability(probabilities, targets, bins).expected_calibration_error


@final
@dataclass(frozen=True)
class PairedComparison:
    """Two models on the same examples: how often both, only the first, only the second, or neither was right."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def p_value(self) -> float:
        """McNemar's exact test, two-sided: of the examples on which they differ, the first should win half by chance.

        min(1, 2 P[X <= min(b, c)]) with X ~ Binomial(b + c, 1/2); doi:10.1007/BF02295996.

        >>> PairedComparison(both=90, only_first=8, only_second=1, neither=1).p_value
        0.0390625
        """
        differ = self.only_first + self.only_second
        tail = sum(math.comb(differ, k) for k in range(min(self.only_first, self.only_second) + 1))
        return min(1.0, 2 * tail / 2**differ)


def paired_comparison(first: np.ndarray, second: np.ndarray) -> PairedComparison:
    """Count agreement of two models from whether each was right, (N,) booleans of the same examples in the same order.

    >>> paired_comparison(np.array([True, True, False]), np.array([True, False, False]))
    PairedComparison(both=1, only_first=1, only_second=0, neither=1)
    """
    checks.shape("first", first, ("N",))
    checks.shape("second", second, first.shape)
    for name, right in (("first", first), ("second", second)):
        if right.dtype != bool:
            fix = "compare answers with targets first"
            raise checks.InvalidType(checks.message(name, "an array of booleans", f"dtype {right.dtype}", fix))
    return PairedComparison(
        both=int((first & second).sum()),
        only_first=int((first & ~second).sum()),
        only_second=int((~first & second).sum()),
        neither=int((~first & ~second).sum()),
    )


def _check_logits(logits: np.ndarray, targets: np.ndarray) -> None:
    checks.shape("logits", logits, ("N", "C", "T"))
    _some("logits", logits)
    checks.finite("logits", logits, fix="look for the step at which training diverged")
    _labels("targets", targets, logits.shape[0], logits.shape[1])


def _labels(name: str, labels: np.ndarray, size: int, classes: int) -> None:
    """Integers 0 ... classes - 1, one per example."""
    checks.shape(name, labels, (size,))
    _some(name, labels)
    if labels.dtype.kind not in "iu":
        raise checks.InvalidType(checks.message(name, "an array of integers", f"dtype {labels.dtype}"))
    if labels.min() < 0 or labels.max() >= classes:
        got = f"values from {labels.min()} to {labels.max()}"
        raise checks.InvalidValue(checks.message(name, f"values from 0 to {classes - 1}", got))


def _some(name: str, array: np.ndarray) -> None:
    if array.size == 0:
        fix = "evaluate on one example or more"
        raise checks.InvalidValue(checks.message(name, "at least one example", f"shape {array.shape}", fix))
