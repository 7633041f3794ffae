"""Addition digit by digit, against Python's integers."""

import numpy as np
import pytest
import torch

from cofire.checks import InvalidValue
from cofire.ctm import Thought
from cofire.random import Key
from cofire.tasks import MultiDigitAddition, Task, make_task
from tests.tasks.streams import check_disjoint, check_positions, check_remade, check_stream, rows


def number(digits: list[int]) -> int:
    return int("".join(map(str, digits)))


@pytest.mark.parametrize("digits", [1, 2, 5, 40])
def test_targets_are_the_digits_of_the_sum(digits: int):
    task = MultiDigitAddition(digits=digits, key=Key(1))
    for batch in (task.train(np.arange(200)), task.test(np.arange(min(200, task.test_size)))):
        for shown, wanted in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
            assert number(wanted) == number(shown[:digits]) + number(shown[digits:])
            assert len(wanted) == digits + 1
            assert set(shown) | set(wanted) <= set(range(10))


def test_the_stream_and_its_settings():
    task = MultiDigitAddition(digits=3, key=Key(0))
    assert isinstance(task, Task)
    check_stream(lambda key: MultiDigitAddition(digits=3, key=key))
    check_remade(task, MultiDigitAddition)
    check_positions(task)
    check_disjoint(task, 50_000)
    short = MultiDigitAddition(digits=1, key=Key(2))
    assert len(rows(short.test(np.arange(short.test_size)))) == short.test_size == 6
    assert len(rows(short.train(np.arange(5000)))) == 94
    check_disjoint(short, 5000)
    assert make_task("multi-digit-addition", {"key": Key(0).to_json()}).settings["digits"] == 5


def test_digits_are_drawn_evenly():
    digits = MultiDigitAddition(digits=4, key=Key(3)).train(np.arange(20_000)).inputs.numpy()
    shares = np.bincount(digits.ravel(), minlength=10) / digits.size
    assert np.abs(shares - 0.1).max() < 4 * np.sqrt(0.09 / digits.size)


def test_scores_count_digits_and_whole_sums():
    task = MultiDigitAddition(digits=3, key=Key(0))
    batch = task.train(np.arange(3))
    said = batch.targets.clone()
    said[2, 0] = 1 - said[2, 0]
    logits = torch.nn.functional.one_hot(said, 10).float().flatten(1)[..., None].repeat(1, 1, 2) * 9
    thought = Thought(logits=logits, certainty=torch.zeros(3, 2), energy=None, sync_out=torch.zeros(3, 1, 2))
    _, metrics = task.loss(thought, batch.targets)
    assert metrics["accuracy"].item() == pytest.approx(11 / 12)
    assert metrics["whole"].item() == pytest.approx(2 / 3)
    assert task.score(logits, batch.targets, torch.zeros(3).long())["whole"].tolist() == [1, 1, 0]


def test_bad_input_is_named():
    with pytest.raises(InvalidValue, match="digits: wanted an integer from 1 to 1000, got 0"):
        MultiDigitAddition(digits=0, key=Key(0))
    with pytest.raises(InvalidValue, match="test_size: wanted an integer from 1 to 6, got 7"):
        MultiDigitAddition(digits=1, key=Key(0), test_size=7)
    with pytest.raises(InvalidValue, match=r"wanted shape \(B, 40, T\).*Answer\(outputs=40, positions=4\)"):
        MultiDigitAddition(digits=3, key=Key(0)).score(
            torch.zeros(2, 30, 3), torch.zeros(2, 4).long(), torch.zeros(2).long()
        )
