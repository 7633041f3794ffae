"""Policies by their plain definitions, impossible settings, and the budget's exact sum."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cofire import Thought
from cofire.checks import InvalidType, InvalidValue
from cofire.ctm import halting
from cofire.ctm.halting._budget import shares
from tests.ctm.halting.thoughts import stopping_tick, thought

policies = st.one_of(
    st.builds(halting.Certainty, st.floats(0.01, 0.99)),
    st.builds(halting.Patience, st.integers(1, 4)),
    st.builds(halting.Plateau, st.integers(1, 3), rise=st.floats(0, 0.2), least=st.floats(0, 0.9)),
    st.builds(halting.EnergyMinimum, st.integers(1, 3)),
    st.builds(halting.Calibrated, st.floats(0.1, 5), st.floats(0.05, 0.99)),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(policy=policies, step=st.integers(0, 50), positions=st.sampled_from([1, 2]))
def test_policies_are_their_definitions(policy, step, positions):
    made = thought(step=step, positions=positions)
    ticks = halting.replay(policy, made, positions=positions).ticks
    assert ticks.tolist() == [stopping_tick(policy, made, sample, positions) for sample in range(7)]


@pytest.mark.parametrize("halt", [halting.Certainty(0.5), lambda seen: seen.certainty >= 0.5])
def test_a_function_is_a_policy(halt):
    made = thought()
    assert torch.equal(halting.replay(halt, made).ticks, halting.replay(halting.Certainty(0.5), made).ticks)


def test_what_a_policy_sees():
    made, seen_at = thought(ticks=5, positions=2), []

    def look(seen):
        seen_at.append((seen.tick, seen.left, len(seen.certainty), seen.answers().shape))
        stops = torch.zeros(len(seen.certainty), dtype=torch.bool)
        stops[0] = True
        return stops

    ticks = halting.replay(look, made, positions=2, listening=2).ticks
    assert seen_at == [(1, 2, 7, (7, 2)), (2, 1, 6, (6, 2)), (3, 0, 5, (5, 2))]
    assert ticks.tolist() == [3, 4, 5, 5, 5, 5, 5]


def test_no_policy_thinks_to_the_end():
    assert halting.replay(None, thought()).ticks.tolist() == [9] * 7


@settings(max_examples=60, deadline=None, derandomize=True)
@given(batch=st.integers(1, 12), ticks=st.integers(1, 9), spare=st.integers(0, 120), step=st.integers(0, 50))
def test_a_budget_is_never_exceeded_and_hardly_left_over(batch, ticks, spare, step):
    made = thought(batch, ticks, step=step)
    used = halting.replay(halting.Budget(batch + spare), made).ticks
    assert used.sum() <= batch + spare
    assert used.min() >= 1
    # nobody is stopped whose share is half a tick or more: what is left over is less than that for each who stopped
    assert batch * ticks <= batch + spare or batch + spare - int(used.sum()) <= math.ceil(batch / 2)
    if spare >= batch * (ticks - 1):
        assert used.tolist() == [ticks] * batch


def test_a_budget_goes_to_those_in_doubt():
    sure = torch.tensor([[0.99] * 8, [0.1] * 8, [0.2] * 8, [0.98] * 8])
    made = Thought(torch.zeros(4, 2, 8), sure)
    assert halting.replay(halting.Budget(18), made).ticks.tolist() == [1, 8, 8, 1]
    assert halting.replay(halting.Budget(20), made).ticks.tolist() == [1, 8, 8, 3]  # what they cannot use
    assert halting.replay(halting.Budget(5), made).ticks.tolist() == [1, 2, 1, 1]  # one tick left: the least certain


def test_a_budget_can_go_by_calibrated_confidence():
    logits = torch.tensor([[[2.0], [0.0]], [[0.5], [0.0]]]).expand(2, 2, 6)
    made = Thought(logits, torch.full((2, 6), 0.5))
    sharp = halting.Calibrated(temperature=0.2, threshold=0.9)
    assert halting.replay(halting.Budget(7, sharp), made).ticks.tolist() == [1, 6]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    doubt=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=9), left=st.integers(0, 60), most=st.integers(0, 12)
)
@example(doubt=[0.0], left=4, most=5)
@example(doubt=[0.0, 0.0], left=60, most=31)
def test_shares_are_proportional_bounded_and_spend_everything(doubt, left, most):
    doubt = torch.tensor(doubt, dtype=torch.float64)
    given_out = shares(doubt, left, most)
    assert bool((given_out >= 0).all())
    assert bool((given_out <= most).all())
    doubting = doubt > 0
    if bool(doubting.any()):
        wanted = min(left, most * int(doubting.sum()) if left < most * len(doubt) else most * len(doubt))
        assert given_out.sum().item() == pytest.approx(wanted, abs=1e-6)
        below = doubting & (given_out < most - 1e-9)
        rates = given_out[below] / doubt[below]
        assert len(rates) < 2 or rates.max() - rates.min() <= 1e-6 * rates.max()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: halting.Certainty(0.0), "threshold: wanted a number between 0 and 1, both excluded, got 0.0"),
        (lambda: halting.Certainty(1.0), "threshold: wanted a number between 0 and 1, both excluded, got 1.0"),
        (lambda: halting.Certainty(float("nan")), "threshold: wanted a finite number, got nan"),
        (lambda: halting.Patience(0), "ticks: wanted an integer of at least 1, got 0"),
        (lambda: halting.Plateau(0), "ticks: wanted an integer of at least 1, got 0"),
        (lambda: halting.Plateau(2, rise=-0.1), "rise: wanted a finite number from 0 to 1, got -0.1"),
        (lambda: halting.Plateau(2, least=1.5), "least: wanted a finite number from 0 to 1, got 1.5"),
        (lambda: halting.EnergyMinimum(0), "ticks: wanted an integer of at least 1, got 0"),
        (lambda: halting.Calibrated(0.0, 0.5), "temperature: wanted a finite number above 0, got 0.0"),
        (lambda: halting.Calibrated(1.0, 1.0), "threshold: wanted a number between 0 and 1"),
        (lambda: halting.Budget(0), "total: wanted an integer of at least 1, got 0"),
        (lambda: halting.replay(halting.Budget(6), thought()), "budget for 7 samples: wanted an integer of at least 7"),
        (lambda: halting.cut(thought(), torch.full((7,), 10)), "most ticks: wanted an integer from 1 to 9, got 10"),
        (
            lambda: halting.cut(thought(), torch.zeros(7, dtype=torch.int64)),
            "fewest ticks: wanted .* 1, got 0",
        ),
    ],
)
def test_impossible_settings_are_named(make, words):
    with pytest.raises(InvalidValue, match=words):
        make()


@pytest.mark.parametrize(
    ("halt", "words"),
    [
        (0.9, r"halt: wanted a policy or a function .* got 0.9; .* halting.Certainty\(0.9\)"),
        (halting.Certainty, "halt: wanted a policy or a function"),
        (lambda seen: True, "stops: wanted Tensor, got True"),
    ],
)
def test_what_is_no_policy_is_refused(halt, words):
    with pytest.raises(InvalidType, match=words):
        halting.replay(halt, thought())


def test_a_function_that_says_something_else_is_named():
    with pytest.raises(InvalidValue, match=r"stops: wanted a boolean for each sample .* torch.float32 .* 7 samples"):
        halting.replay(lambda seen: seen.certainty, thought())
    with pytest.raises(InvalidValue, match=r"stops: wanted a boolean for each sample .* \(1,\) for 7 samples"):
        halting.replay(lambda seen: seen.certainty[:1] > 2, thought())


def test_a_minimum_of_energy_needs_energy():
    made = thought()
    with pytest.raises(InvalidValue, match="energy: wanted a machine with an energy head, got none"):
        halting.replay(halting.EnergyMinimum(), Thought(made.logits, made.certainty))


def test_a_thought_cut_short_answers_from_the_ticks_it_had():
    made = thought(positions=2)
    ticks = torch.tensor([1, 2, 3, 5, 7, 8, 9])
    short = halting.cut(made, ticks)
    for sample, length in enumerate(ticks.tolist()):
        one = slice(sample, sample + 1)
        plain = Thought(made.logits[one, :, :length], made.certainty[one, :length], energy=made.energy[one, :length])
        assert torch.equal(short.most_certain()[one], plain.most_certain())
        for name in ("answer", "last", "lowest_energy"):
            assert torch.equal(getattr(short, name)()[one], getattr(plain, name)()), name
        for name in ("mean", "weighted"):
            torch.testing.assert_close(getattr(short, name)()[one], getattr(plain, name)())
    assert torch.equal(short.ticks, ticks)
