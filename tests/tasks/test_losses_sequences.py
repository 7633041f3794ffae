"""Losses of answers with several positions, and of emitted answers: published figures and plain definitions."""

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from cofire.checks import InvalidValue
from cofire.random import Key
from cofire.tasks import losses


def collapsed(path: tuple[int, ...], blank: int) -> list[int]:
    """What a path spells: equal neighbours merged, blanks left out."""
    merged = [symbol for symbol, _ in itertools.groupby(path)]
    return [symbol for symbol in merged if symbol != blank]


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(Key(seed).normal(shape, std=2.0))


def test_parity_gives_what_the_published_loss_gives(fixtures: Path):
    data = load_file(fixtures / "losses" / "losses.safetensors")
    loss, tick = losses.parity(data["parity.predictions"], data["parity.certainties"][:, 1], data["parity.targets"])
    torch.testing.assert_close(loss, data["parity.loss"][0], rtol=1e-6, atol=1e-6)
    assert tick.tolist() == data["parity.tick"].tolist()


def test_sort_gives_what_the_published_loss_gives(fixtures: Path):
    data = load_file(fixtures / "losses" / "losses.safetensors")
    loss = losses.sort(data["sort.predictions"], data["sort.targets"])
    torch.testing.assert_close(loss, data["sort.loss"][0], rtol=1e-6, atol=1e-6)


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(2, 4), st.integers(1, 6), st.integers(0, 1000), st.booleans())
def test_a_sequence_is_its_plain_definition(batch: int, places: int, classes: int, ticks: int, seed: int, sure: bool):
    logits, certainty = drawn(seed, batch, places, classes, ticks), drawn(seed + 1, batch, ticks)
    targets = torch.from_numpy(Key(seed).integers(0, classes, (batch, places)))
    total = 0.0
    for b in range(batch):
        per_tick = [
            np.mean([-torch.log_softmax(logits[b, k, :, t], 0)[targets[b, k]].item() for k in range(places)])
            for t in range(ticks)
        ]
        chosen = int(certainty[b].argmax()) if sure else ticks - 1
        total += (min(per_tick) + per_tick[chosen]) / 2
    loss, tick = losses.sequence(logits, certainty, targets, use_most_certain=sure)
    assert loss.item() == pytest.approx(total / batch, rel=1e-5)
    assert tick.tolist() == (certainty.argmax(1).tolist() if sure else [ticks - 1] * batch)
    right = losses.right_positions(logits, targets, tick)
    for b, k in itertools.product(range(batch), range(places)):
        assert bool(right[b, k]) == (int(logits[b, k, :, tick[b]].argmax()) == int(targets[b, k]))


@pytest.mark.parametrize(("symbols", "count", "ticks"), [(2, 2, 2), (2, 2, 5), (3, 3, 6), (3, 1, 4), (2, 3, 6)])
def test_sort_is_the_sum_over_all_paths_that_spell_the_target(symbols: int, count: int, ticks: int):
    logits = drawn(5, 4, symbols + 1, ticks).double()
    targets = torch.from_numpy(Key(3).integers(0, symbols, (4, count)))
    targets[0, 1:2] = targets[0, :1]  # a repeated symbol, which takes a blank between
    shares = logits.softmax(1).numpy()
    expected = []
    for b in range(4):
        chance = sum(
            math.prod(shares[b, symbol, t] for t, symbol in enumerate(path))
            for path in itertools.product(range(symbols + 1), repeat=ticks)
            if collapsed(path, symbols) == targets[b].tolist()
        )
        expected.append(-math.log(chance) / count if chance else math.inf)
    if math.inf in expected:
        with pytest.raises(InvalidValue, match=r"ticks: wanted an integer of at least"):
            losses.sort(logits, targets)
    else:
        assert losses.sort(logits, targets).item() == pytest.approx(np.mean(expected), rel=1e-9)


def test_half_precision_is_made_single_first():
    logits = drawn(1, 3, 4, 2, 5).bfloat16()
    targets = torch.zeros(3, 4, dtype=torch.int64)
    loss, _ = losses.parity(logits, drawn(2, 3, 5), targets)
    assert loss.dtype == torch.float32
    assert loss.item() == losses.parity(logits.float(), drawn(2, 3, 5), targets)[0].item()


def test_what_does_not_fit_is_named():
    logits, certainty, targets = drawn(1, 3, 4, 2, 5), drawn(2, 3, 5), torch.zeros(3, 4, dtype=torch.int64)
    with pytest.raises(InvalidValue, match=r"logits: wanted shape \(B, L, 2, T\), got shape \(3, 4, 3, 5\)"):
        losses.parity(drawn(1, 3, 4, 3, 5), certainty, targets)
    with pytest.raises(InvalidValue, match="one certainty per example and tick"):
        losses.parity(logits, certainty[:, :4], targets)
    with pytest.raises(InvalidValue, match="one class per example and position"):
        losses.parity(logits, certainty, targets[:, :3])
    with pytest.raises(InvalidValue, match=r"tick: wanted shape \(3\), got shape \(2,\)"):
        losses.right_positions(logits, targets, torch.zeros(2, dtype=torch.int64))
    with pytest.raises(InvalidValue, match=r"ticks: wanted an integer of at least 4, got 3.*a blank between two equal"):
        losses.sort(drawn(1, 2, 5, 3), torch.tensor([[0, 1, 2], [0, 1, 1]]))
    with pytest.raises(InvalidValue, match=r"targets: wanted an integer of at most 3, got 4.*last class is the blank"):
        losses.sort(drawn(1, 1, 5, 6), torch.tensor([[0, 4]]))
    with pytest.raises(InvalidValue, match="one list per example"):
        losses.sort(drawn(1, 2, 5, 6), torch.tensor([0, 1]))
