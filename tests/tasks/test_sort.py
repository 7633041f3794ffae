"""Sorting: targets, the decoder against an exhaustive search, scores."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cofire.checks import InvalidValue
from cofire.ctm import Thought
from cofire.random import Key
from cofire.tasks import Sort, Task, decode, losses, make_task
from tests.tasks.streams import check_disjoint, check_positions, check_remade, check_stream


def spell(path: list[int], classes: int) -> torch.Tensor:
    """Logits (1, C, T) whose most likely path is this one."""
    return torch.nn.functional.one_hot(torch.tensor(path), classes).float().T[None] * 20


def read(path: list[int], blank: int) -> tuple[list[int], list[int]]:
    """Symbols and ticks that a path emits, symbol by symbol."""
    symbols, ticks, before = [], [], blank
    for tick, symbol in enumerate(path):
        if symbol not in (before, blank):
            symbols.append(symbol)
            ticks.append(tick)
        before = symbol
    return symbols, ticks


@settings(deadline=None)
@given(st.integers(1, 5).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.integers(0, n), min_size=1, max_size=12))))
def test_decoding_merges_neighbours_and_keeps_what_a_blank_parts(case: tuple[int, list[int]]):
    symbols, path = case
    said = decode(spell(path, symbols + 1))
    assert (said.symbols[0].tolist(), said.ticks[0].tolist()) == read(path, symbols)
    assert said.counts.tolist() == [len(said.symbols[0])]
    assert said.waits()[0].tolist() == np.diff(said.ticks[0].numpy(), prepend=-1).tolist()


def test_a_symbol_after_a_blank_is_a_second_one():
    a, b, blank = 0, 1, 2
    assert decode(spell([a, blank, a], 3)).symbols.tolist() == [[a, a]]
    assert decode(spell([a, a, b, b, a], 3)).symbols.tolist() == [[a, b, a]]
    assert decode(spell([blank, blank], 3)).symbols.tolist() == [[]]


@pytest.mark.parametrize("seed", range(5))
def test_decoding_finds_the_most_likely_of_all_paths(seed: int):
    classes, ticks = 3, 6
    logits = torch.from_numpy(Key(seed).normal((1, classes, ticks)))
    shares = logits.log_softmax(1)[0].numpy()
    best = max(
        itertools.product(range(classes), repeat=ticks), key=lambda path: sum(shares[s, t] for t, s in enumerate(path))
    )
    said = decode(logits)
    assert (said.symbols[0].tolist(), said.ticks[0].tolist()) == read(list(best), classes - 1)


def test_examples_that_emit_less_are_filled_up():
    said = decode(torch.cat([spell([0, 1, 2, 3], 4), spell([3, 3, 1, 1], 4), spell([3, 3, 3, 3], 4)]))
    assert said.symbols.tolist() == [[0, 1, 2], [1, -1, -1], [-1, -1, -1]]
    assert said.ticks.tolist() == [[0, 1, 2], [2, -1, -1], [-1, -1, -1]]
    assert said.waits().tolist() == [[1, 1, 1], [3, -1, -1], [-1, -1, -1]]
    assert said.counts.tolist() == [3, 1, 0]
    assert decode(spell([0, 1, 2, 3], 4), torch.tensor([1])).symbols.tolist() == [[0, 1]]


@pytest.mark.parametrize("count", [1, 5, 30])
def test_targets_sort_the_numbers(count: int):
    task = Sort(count=count, key=Key(1))
    for batch in (task.train(np.arange(40)), task.test(np.arange(40))):
        for numbers, order in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
            assert [numbers[place] for place in order] == sorted(numbers)
            assert sorted(order) == list(range(count))
        assert batch.inputs.dtype == torch.float32


def test_the_stream_and_its_settings():
    task = Sort(count=6, key=Key(0))
    assert isinstance(task, Task)
    check_stream(lambda key: Sort(count=6, key=key))
    check_remade(task, Sort)
    check_positions(task)
    check_disjoint(task, 20_000)
    check_disjoint(Sort(count=1, key=Key(4)), 100_000)
    assert make_task("sort", {"key": Key(0).to_json()}).settings["count"] == 30


def test_numbers_are_normal_in_training_and_test():
    task = Sort(count=8, key=Key(2), test_size=4000)
    for batch in (task.train(np.arange(4000)), task.test(np.arange(4000))):
        assert abs(batch.inputs.mean().item()) < 4 / 32_000**0.5
        assert batch.inputs.std().item() == pytest.approx(1, abs=4 / 64_000**0.5)


def test_scores_compare_the_emitted_list():
    task = Sort(count=3, key=Key(0))
    paths = [[2, 0, 1, 3, 3], [2, 3, 3, 0, 1], [2, 3, 0, 0, 3], [2, 0, 1, 0, 3], [2, 1, 0, 3, 3]]
    logits = torch.cat([spell(path, 4) for path in paths])
    targets = torch.tensor([[2, 0, 1]]).expand(5, 3)
    late, early = (task.score(logits, targets, torch.full((5,), tick)) for tick in (4, 2))
    torch.testing.assert_close(late["accuracy"], torch.tensor([1, 1, 2 / 3, 1, 1 / 3]))
    assert late["whole"].tolist() == [1, 1, 0, 0, 0]  # the fourth says one too many
    torch.testing.assert_close(early["accuracy"], torch.tensor([1, 1 / 3, 2 / 3, 1, 1 / 3]))
    thought = Thought(logits=logits, certainty=torch.zeros(5, 5), energy=None, sync_out=torch.zeros(5, 1, 5))
    loss, metrics = task.loss(thought, targets)
    assert loss.item() == losses.sort(logits, targets).item()
    assert metrics["whole"].item() == pytest.approx(0.4)
    assert task.score(spell([3, 3, 3, 3], 4), targets[:1], torch.tensor([3]))["accuracy"].tolist() == [0]


def test_bad_input_is_named():
    with pytest.raises(InvalidValue, match="count: wanted an integer of at least 1, got 0"):
        Sort(count=0, key=Key(0))
    task = Sort(count=4, key=Key(0))
    with pytest.raises(InvalidValue, match=r"logits: wanted shape \(B, 5, T\).*Answer\(outputs=5\)"):
        task.score(torch.zeros(2, 4, 3), torch.zeros(2, 4).long(), torch.zeros(2).long())
