"""The measures agree with their definitions, written out example by example, and with SciPy and scikit-learn."""

import math

import numpy as np
import pytest
from scipy import stats

from cofire.checks import InvalidType, InvalidValue
from cofire.ctm import measures
from cofire.random import Key

KEY = Key(0).fold("measures")
N, C, T = 60, 5, 7


@pytest.fixture(scope="module")
def thought() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    logits = KEY.fold("logits").normal((N, C, T), std=2.0)
    certainty = KEY.fold("certainty").uniform((N, T))
    return logits, certainty, KEY.fold("targets").integers(0, C, (N,))


def softmax(row: np.ndarray) -> list[float]:
    weights = [math.exp(float(value)) for value in row]
    return [weight / sum(weights) for weight in weights]


def test_most_certain_tick_is_the_first_largest(thought):
    _, certainty, _ = thought
    expected = [max(range(T), key=lambda tick: (row[tick], -tick)) for row in certainty]
    assert measures.most_certain_tick(certainty).tolist() == expected
    assert measures.most_certain_tick(np.ones((3, T))).tolist() == [0, 0, 0]


def test_at_tick_picks_each_examples_own(thought):
    logits, certainty, _ = thought
    ticks = measures.most_certain_tick(certainty)
    expected = np.stack([logits[n, :, ticks[n]] for n in range(N)])
    np.testing.assert_array_equal(measures.at_tick(logits, ticks), expected)


def test_probabilities_are_the_softmax_over_classes(thought):
    logits = thought[0]
    got = measures.probabilities(logits)
    for n, t in ((0, 0), (3, 2), (N - 1, T - 1)):
        np.testing.assert_allclose(got[n, :, t], softmax(logits[n, :, t]), rtol=1e-6)
    np.testing.assert_allclose(measures.probabilities(logits + 500.0), got, rtol=1e-4)


def test_mean_probabilities_average_up_to_the_tick(thought):
    logits, certainty, _ = thought
    ticks = measures.most_certain_tick(certainty)
    expected = [np.mean([softmax(logits[n, :, s]) for s in range(ticks[n] + 1)], axis=0) for n in range(N)]
    np.testing.assert_allclose(measures.mean_probabilities(logits, ticks), expected, rtol=1e-6)


def test_accuracies_count_right_answers(thought):
    logits, certainty, targets = thought
    per_tick = [sum(int(np.argmax(logits[n, :, t]) == targets[n]) for n in range(N)) / N for t in range(T)]
    np.testing.assert_allclose(measures.accuracy_per_tick(logits, targets), per_tick)
    right = [np.argmax(logits[n, :, np.argmax(certainty[n])]) == targets[n] for n in range(N)]
    assert measures.right_when_most_certain(logits, certainty, targets).tolist() == right


def test_confusion_matrix_has_truth_in_rows(thought):
    logits, _, targets = thought
    answers = logits[:, :, -1].argmax(axis=1)
    expected = np.zeros((C, C), int)
    for truth, answer in zip(targets, answers, strict=True):
        expected[truth, answer] += 1
    got = measures.confusion_matrix(answers, targets, C)
    np.testing.assert_array_equal(got, expected)
    assert got.trace() == (answers == targets).sum()


@pytest.mark.parametrize(("hits", "total"), [(0, 10), (10, 10), (3, 7), (984, 1000), (1, 1)])
def test_wilson_interval_is_scipys(hits: int, total: int):
    expected = stats.binomtest(hits, total).proportion_ci(method="wilson")
    np.testing.assert_allclose(measures.wilson_interval(hits, total), (expected.low, expected.high), atol=1e-7)


@pytest.mark.parametrize("bins", [1, 10, 15])
def test_reliability_bins_are_open_below_and_closed_above(thought, bins: int):
    logits, _, targets = thought
    shares = measures.probabilities(logits[:, :, 0])
    got = measures.reliability(shares, targets, bins)
    error = 0.0
    for k in range(bins):
        inside = [n for n in range(N) if k / bins < shares[n].max() <= (k + 1) / bins]
        assert got.count[k] == len(inside)
        if inside:
            confidence = np.mean([shares[n].max() for n in inside])
            accuracy = np.mean([shares[n].argmax() == targets[n] for n in inside])
            np.testing.assert_allclose([got.confidence[k], got.accuracy[k]], [confidence, accuracy])
            error += len(inside) / N * abs(confidence - accuracy)
        else:
            assert np.isnan(got.confidence[k])
            assert np.isnan(got.accuracy[k])
    assert math.isclose(got.expected_calibration_error, error, rel_tol=1e-12)
    assert measures.expected_calibration_error(shares, targets, bins) == got.expected_calibration_error


def test_a_calibrated_model_has_no_calibration_error():
    """Answers that are right as often as their confidence says: the error falls to what chance leaves."""
    size = 20_000
    confidence = KEY.fold("confidence").uniform((size,), low=0.5)
    right = KEY.fold("right").uniform((size,)) < confidence
    shares = np.stack([confidence, 1 - confidence], axis=1)
    assert measures.expected_calibration_error(shares, np.where(right, 0, 1)) < 0.012
    bold = np.stack([np.full(size, 1.0), np.zeros(size)], axis=1)
    np.testing.assert_allclose(measures.expected_calibration_error(bold, np.where(right, 0, 1)), 1 - right.mean())


def test_certainty_of_exactly_a_bins_edge_falls_below_it():
    shares = np.array([[0.6, 0.4], [0.8, 0.2], [1.0, 0.0]])
    assert measures.reliability(shares, np.array([0, 0, 0]), bins=5).count.tolist() == [0, 0, 1, 1, 1]


def test_paired_comparison_and_its_exact_test():
    first = KEY.fold("first").uniform((200,)) < 0.9
    second = KEY.fold("second").uniform((200,)) < 0.8
    got = measures.paired_comparison(first, second)
    both = sum(a and b for a, b in zip(first, second, strict=True))
    assert (got.both, got.both + got.only_first, got.both + got.only_second) == (both, first.sum(), second.sum())
    assert got.both + got.only_first + got.only_second + got.neither == 200
    differ = got.only_first + got.only_second
    assert math.isclose(got.p_value, stats.binomtest(got.only_first, differ).pvalue, rel_tol=1e-9)
    assert measures.PairedComparison(5, 0, 0, 1).p_value == 1.0
    assert measures.PairedComparison(5, 3, 3, 1).p_value == 1.0


NOTHING = np.zeros((0, C, T))
GOOD = np.zeros((2, C, T))
TARGETS = np.array([0, 1])


def test_bad_input_is_named():
    with pytest.raises(InvalidValue, match="logits: wanted at least one example"):
        measures.accuracy_per_tick(NOTHING, np.zeros(0, int))
    with pytest.raises(
        InvalidValue, match=r"logits: wanted finite numbers, got nan at index \(1, 2, 3\) \(1 such values\)"
    ):
        measures.accuracy_per_tick(np.where(np.arange(2 * C * T).reshape(GOOD.shape) == 52, np.nan, 0.0), TARGETS)
    with pytest.raises(InvalidValue, match=r"targets: wanted shape \(2\), got shape \(3,\)"):
        measures.accuracy_per_tick(GOOD, np.array([0, 1, 2]))
    with pytest.raises(InvalidValue, match="targets: wanted values from 0 to 4, got values from 0 to 5"):
        measures.accuracy_per_tick(GOOD, np.array([0, C]))
    with pytest.raises(InvalidType, match="targets: wanted an array of integers, got dtype float64"):
        measures.accuracy_per_tick(GOOD, np.array([0.0, 1.0]))
    with pytest.raises(InvalidValue, match=r"certainty: wanted shape \(2, 7\), got shape \(2, 6\)"):
        measures.right_when_most_certain(GOOD, np.zeros((2, 6)), TARGETS)
    with pytest.raises(InvalidValue, match="probabilities: wanted rows of shares that sum to 1"):
        measures.reliability(GOOD[:, :, 0], TARGETS)
    with pytest.raises(InvalidValue, match="bins: wanted an integer of at least 1, got 0"):
        measures.reliability(np.full((2, 2), 0.5), TARGETS, bins=0)
    with pytest.raises(InvalidValue, match="hits: wanted an integer from 0 to 3, got 4"):
        measures.wilson_interval(4, 3)
    with pytest.raises(InvalidType, match="second: wanted an array of booleans, got dtype int64"):
        measures.paired_comparison(np.array([True]), np.array([1]))
    with pytest.raises(InvalidValue, match=r"logits: wanted shape \(N, C\) or \(N, C, T\), got shape \(3,\)"):
        measures.probabilities(np.zeros(3))
