"""Thinking that stops: the answers of the full run to the bit, and the work of it saved."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cofire import Key, Thought
from cofire.checks import InvalidValue
from cofire.ctm import (
    Answer,
    Attention,
    Decayed,
    DigitQuestions,
    Direct,
    EnergyHead,
    LSTMBaseline,
    LSTMConfig,
    RandomPairs,
    Snapshot,
    SynapseBlock,
    halting,
)
from cofire.ctm._compiled import compiles
from cofire.ctm._heads import TOGETHER, Heads
from tests.ctm.machines import FEATURES, build, compositions, features, small, tokens


def lively(model):
    """The machine with larger answers, so that its certainty moves."""
    with torch.no_grad():
        model.answer.weight *= 12
    return model


def full_run(model, x, **options):
    with torch.no_grad():
        return model(x, **options)


def same(stopped, replayed) -> None:
    """Every number equal to the bit, and the answers that follow."""
    assert torch.equal(stopped.ticks, replayed.ticks)
    assert torch.equal(stopped.logits, replayed.logits)
    assert torch.equal(stopped.certainty, replayed.certainty)
    for name in ("answer", "last", "mean", "weighted"):
        assert torch.equal(getattr(stopped, name)(), getattr(replayed, name)()), name
    assert (stopped.energy is None) == (replayed.energy is None)
    if stopped.energy is not None:
        assert torch.equal(stopped.energy, replayed.energy)
        assert torch.equal(stopped.lowest_energy(), replayed.lowest_energy())
    assert stopped.others.keys() == replayed.others.keys()
    for name, output in stopped.others.items():
        assert torch.equal(output, replayed.others[name]), name


def staggered(seen: halting.Seen) -> Tensor:
    """Some stop at every tick, by a number that no policy uses."""
    return (9973 * seen.logits[:, 0]).frac().abs() < 0.35


@settings(max_examples=15, deadline=None, derandomize=True)
@given(changes=compositions(), batch=st.sampled_from([1, 3, 17, 33, 50]), share=st.floats(0.1, 0.9))
def test_answers_are_those_of_the_full_run(changes, batch, share):
    config = small(**changes)
    model = lively(build(config)).eval()
    x = (features if config.attention is None else tokens)(batch)
    full = full_run(model, x)
    policies = [
        None,
        staggered,
        halting.Certainty(min(max(full.certainty.quantile(share).item(), 0.01), 0.99)),
        halting.Patience(1),
        halting.Plateau(1, rise=0.0),
        halting.Calibrated(0.7, 0.2 + 0.7 * share),
        halting.Budget(batch + int(share * batch * (config.ticks - 1))),
    ]
    if config.energy is not None:
        policies.append(halting.EnergyMinimum())
    with torch.no_grad():
        exact = compiles(model)
    for policy in policies:
        thought = model.think(x, halt=policy)
        if exact or len(x) <= TOGETHER or policy is None:
            same(thought, halting.replay(policy, full, positions=config.answer.positions))
        else:  # tiny plain products are rounded otherwise for fewer rows
            torch.testing.assert_close(thought.logits, halting.cut(full, thought.ticks).logits, rtol=1e-5, atol=1e-5)


def test_a_sample_does_not_depend_on_who_thinks_beside_it():
    model = lively(build(small(ticks=9))).eval()
    x, order = tokens(67), torch.from_numpy(Key(1).permutation(67).copy())
    whole = full_run(model, x)
    for rows in (order, torch.arange(20, 45)):  # what is perceived is rounded by the number of samples
        stopped = model.think(x[rows], halt=staggered)
        assert len(stopped.ticks.unique()) > 2
        cut = halting.cut(Thought(whole.logits[rows], whole.certainty[rows]), stopped.ticks)
        torch.testing.assert_close(stopped.logits, cut.logits, rtol=1e-5, atol=1e-5)


@pytest.fixture
def rows(monkeypatch) -> list[int]:
    """How many rows were computed at each tick."""
    counted, read = [], Heads.read

    def counting(self, sync):
        counted.append(len(sync))
        return read(self, sync)

    monkeypatch.setattr(Heads, "read", counting)
    return counted


def test_the_work_is_that_of_the_ticks_used(rows):
    batch, ticks = 320, 12
    model = lively(build(small(ticks=ticks))).eval()
    thought = model.think(tokens(batch), halt=staggered)
    used = [int((thought.ticks > t).sum()) for t in range(ticks)]
    assert len(rows) == int(thought.ticks.max())
    assert rows[0] == batch
    assert sum(rows) < 0.6 * batch * ticks  # the policy stops about a third at each tick
    for computed, thinking in zip(rows, used, strict=False):
        assert thinking <= computed <= thinking / (1 - 1 / 8) + 32


def test_thinking_ends_with_the_last_sample(rows):
    model = build(small()).eval()
    thought = model.think(tokens(5), halt=lambda seen: torch.full((len(seen.certainty),), seen.tick == 2))
    assert rows == [5, 5]
    assert thought.ticks.tolist() == [2] * 5
    assert thought.logits.shape == (5, 6, 5)


def test_a_budget_pays_for_every_row_it_needs():
    model = lively(build(small(ticks=8))).eval()
    thought = model.think(tokens(40), halt=halting.Budget(150))
    assert 130 <= int(thought.ticks.sum()) <= 150
    with pytest.raises(InvalidValue, match="total of the budget for 40 samples: wanted an integer of at least 40"):
        model.think(tokens(40), halt=halting.Budget(39))


def test_fewer_ticks_bound_the_thought():
    model = build(small()).eval()
    thought = model.think(tokens(), ticks=2)
    assert thought.ticks.tolist() == [2] * 3
    assert torch.equal(thought.logits, full_run(model, tokens(), ticks=2).logits)


def test_the_mode_and_the_gradients_are_left_alone():
    model = build(small())
    thought = model.think(tokens())
    assert model.training
    assert not thought.logits.requires_grad
    assert torch.is_grad_enabled()


def test_dropout_keeps_its_places():
    config = small(ticks=6, synapse=SynapseBlock(dropout=0.3), attention=Attention(width=8, heads=2, dropout=0.2))
    model, x, key = lively(build(config)), tokens(40), Key(9)
    same(model.think(x, halt=staggered, key=key), halting.replay(staggered, full_run(model, x, key=key), positions=2))
    with pytest.raises(InvalidValue, match="key: wanted a key for the dropout"):
        model.think(x, halt=staggered)


def test_a_baseline_stops_too(rows):
    config = LSTMConfig(
        width=12,
        ticks=8,
        layers=2,
        backbone=Direct(features=FEATURES),
        attention=Attention(width=8, heads=2),
        sync_action=Snapshot(),
        sync_out=Decayed(pairs=RandomPairs(pairs=9)),
        answer=Answer(outputs=6, positions=2),
        energy=EnergyHead(hidden=3),
        more_heads=(("value", Answer(outputs=1)),),
    )
    model = lively(LSTMBaseline(config, key=Key(2))).eval()
    x = tokens(100)
    full = full_run(model, x)
    rows.clear()
    for policy in (staggered, halting.EnergyMinimum(), halting.Budget(400)):
        thought = model.think(x, halt=policy)
        torch.testing.assert_close(thought.logits, halting.cut(full, thought.ticks).logits, rtol=1e-5, atol=1e-5)
    same(model.think(x), halting.replay(None, full))
    assert min(rows) <= 32


# --- streams ----------------------------------------------------------------------------------------------------------


def asked(**changes):
    """A machine that sees four frames, is asked two things, and thinks three ticks about them."""
    return small(ticks=3, streamed=True, question=DigitQuestions(indices=6), **changes)


def stream(batch: int) -> tuple[Tensor, Tensor]:
    frames = torch.stack([tokens(batch, step=step) for step in (0, 0, 1, 2)], 1)
    return frames, torch.tensor([[3, -1]]).expand(batch, 2)


def test_in_a_stream_nothing_stops_before_the_silence():
    model = lively(build(asked())).eval()
    frames, question = stream(50)
    full = full_run(model, frames, question=question)
    assert full.logits.shape[2] == 9
    thought = model.think(frames, question=question, halt=staggered)
    same(thought, halting.replay(staggered, full, positions=2, listening=6))
    assert thought.ticks.min() == 7


def test_ticks_are_handed_out_one_by_one():
    model = build(small(energy=EnergyHead(hidden=4), more_heads=(("value", Answer(outputs=1)),))).eval()
    for batch in (3, 20):
        full, said = full_run(model, tokens(batch)), list(model.thinking(tokens(batch)))
        assert len(said) == 5
        for t, one in enumerate(said):
            assert torch.equal(one.logits, full.logits[..., t])
            assert torch.equal(one.certainty, full.certainty[:, t])
            assert torch.equal(one.energy, full.energy[:, t])
            assert torch.equal(one.others["value"], full.others["value"][..., t])
            assert not one.logits.requires_grad


def test_a_thought_goes_on_only_as_long_as_somebody_asks(monkeypatch):
    model, steps = build(small()).eval(), []
    advance = Heads.read
    monkeypatch.setattr(Heads, "read", lambda self, sync: steps.append(1) or advance(self, sync))
    going = model.thinking(tokens())
    next(going), next(going)
    assert len(steps) == 2


def test_frames_are_thought_about_when_they_come():
    model = build(asked()).eval()
    frames, question = stream(3)
    taken = []

    def camera() -> Iterator[Tensor]:
        for t in range(4):
            taken.append(t)
            yield frames[:, t]

    full = full_run(model, frames, question=question)
    for t, said in enumerate(model.thinking(camera(), question=question)):
        assert taken == list(range(min(t + 1, 4)))
        torch.testing.assert_close(said.logits, full.logits[..., t], rtol=0, atol=1e-5)
    assert t == 8


# --- what cannot be thought about -------------------------------------------------------------------------------------


def test_numbers_that_are_none_are_named():
    model = build(small()).eval()
    x = tokens(4)
    x[2, 1, 0] = torch.nan
    with pytest.raises(InvalidValue, match="x: wanted finite numbers, got NaN or infinity in sample 2"):
        model.think(x, halt=halting.Certainty(0.9))
    with torch.no_grad():
        model.answer.bias[0] = torch.nan
    with pytest.raises(InvalidValue, match=r"logits: wanted finite numbers, got NaN for sample 0 at tick 1; .*div"):
        model.think(tokens(4), halt=halting.Certainty(0.9))


def test_what_cannot_be_thought_about_is_named():
    model = build(small()).eval()
    with pytest.raises(InvalidValue, match="samples in x: wanted an integer of at least 1, got 0"):
        model.think(tokens()[:0], halt=halting.Certainty(0.9))
    with pytest.raises(InvalidValue, match="samples in x: wanted an integer of at least 1, got 0"):
        model.thinking(tokens()[:0])
    with pytest.raises(InvalidValue, match="ticks: wanted an integer of at least 1, got 0"):
        model.think(tokens(), ticks=0)
    with pytest.raises(InvalidValue, match="question: wanted no question, got one"):
        model.think(tokens(), question=torch.zeros(3, 1, dtype=torch.int64))
    with pytest.raises(InvalidValue, match="energy: wanted a machine with an energy head, got none"):
        model.think(tokens(), halt=halting.EnergyMinimum())
    with pytest.raises(InvalidValue, match="answer: wanted a machine with an answer head, got none"):
        build(small(answer=None)).think(tokens())
    with pytest.raises(InvalidValue, match="x: wanted one frame or more, got none"):
        next(build(asked()).eval().thinking(iter([]), question=stream(1)[1]))
