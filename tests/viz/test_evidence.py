"""Evidence is checked where it is made: what does not fit is named, and nothing is drawn from it."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from cofire.checks import InvalidType, InvalidValue
from tests.viz.evidence import synthetic_evidence

GOOD = synthetic_evidence(examples=20, ticks=4, neurons=6, heads=2)


def spoilt(array: np.ndarray) -> np.ndarray:
    copy = array.astype(np.float64)
    copy.flat[-1] = np.nan
    return copy


def test_good_evidence_tells_its_sizes_and_is_frozen():
    assert (GOOD.classes, GOOD.ticks, GOOD.attends) == (10, 4, True)
    assert not replace(GOOD, token_grid=None).attends
    with pytest.raises(FrozenInstanceError, match="cannot assign"):
        GOOD.labels = GOOD.labels  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("field", "value", "error", "words"),
    [
        ("logits", GOOD.logits[:0], InvalidValue, r"logits: wanted at least one example, got shape \(0, 10, 4\)"),
        ("logits", GOOD.logits[:, :, 0], InvalidValue, r"logits: wanted shape \(N, C, T\), got shape \(20, 10\)"),
        ("logits", spoilt(GOOD.logits), InvalidValue, r"logits: wanted finite numbers, got nan .* training diverged"),
        ("certainty", GOOD.certainty[:, :-1], InvalidValue, r"certainty: wanted shape \(20, 4\), got shape \(20, 3\)"),
        ("certainty", spoilt(GOOD.certainty), InvalidValue, "certainty: wanted finite numbers"),
        ("control_logits", GOOD.logits, InvalidValue, r"control_logits: wanted shape \(20, 10, 1\)"),
        ("images", GOOD.images[:5], InvalidValue, r"images: wanted shape \(20, height, width\), got shape \(5, 28, 28"),
        ("labels", GOOD.labels + 5, InvalidValue, "labels: wanted values from 0 to 9, got values from 5 to 14"),
        ("labels", GOOD.labels / 1, InvalidType, "labels: wanted one integer or more, got 20 of dtype float64"),
        ("examples", GOOD.examples + 15, InvalidValue, "examples: wanted values from 0 to 19"),
        ("examples", GOOD.examples[:0], InvalidType, "examples: wanted one integer or more, got 0 of"),
        ("examples", GOOD.examples[:3], InvalidValue, r"recording\['post_activation'\]: wanted shape \(4, 3, D\)"),
        ("recording", {}, InvalidValue, "recording: wanted a trace 'post_activation', got only nothing"),
        ("token_grid", (6, 7), InvalidValue, r"recording\['attention'\]: wanted shape \(4, 8, H, 42\)"),
        ("decays", {"output": np.zeros((2, 2))}, InvalidValue, r"decays\['output'\]: wanted shape \(P\)"),
        ("decays", {"output": np.array([np.inf])}, InvalidValue, r"decays\['output'\]: wanted finite numbers, got inf"),
        ("metrics", {"loss": np.zeros(3)}, InvalidValue, "metrics: wanted a column 'step', got only 'loss'"),
        (
            "control_metrics",
            {"step": np.arange(3.0), "loss": np.zeros(2)},
            InvalidValue,
            r"control_metrics\['loss'\]: wanted shape \(3\), got shape \(2,\)",
        ),
        ("config", None, InvalidType, "config: wanted Mapping, got None"),
        ("facts", {}, InvalidType, "facts: wanted RunFacts, got"),
    ],
)
def test_what_does_not_fit_is_named(field: str, value: object, error: type[Exception], words: str):
    with pytest.raises(error, match=words):
        replace(GOOD, **{field: value})


@pytest.mark.parametrize(
    ("field", "value", "error", "words"),
    [
        ("seed", "0", InvalidType, "seed: wanted an integer, got '0'"),
        ("steps", 0, InvalidValue, "steps: wanted an integer of at least 1, got 0"),
        ("training_seconds", float("nan"), InvalidValue, "training_seconds: wanted a finite number of at least 0"),
        ("parameters", 1.5, InvalidType, "parameters: wanted an integer of at least 1, got 1.5"),
        ("command", None, InvalidType, "command: wanted str, got None"),
        ("machine", "a laptop", InvalidType, "machine: wanted Mapping, got 'a laptop'"),
    ],
)
def test_facts_are_checked(field: str, value: object, error: type[Exception], words: str):
    with pytest.raises(error, match=words):
        replace(GOOD.facts, **{field: value})
