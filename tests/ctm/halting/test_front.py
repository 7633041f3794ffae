"""The front and the calibration against exhaustive search over thresholds, ticks and temperatures."""

import itertools

import pytest
import torch
from torch import Tensor

from cofire import Key, Thought
from cofire.checks import InvalidValue
from cofire.ctm import halting
from cofire.ctm.halting._calibrated import confidence
from tests.ctm.halting.thoughts import stopping_tick, thought


def some(batch: int = 40, ticks: int = 6, step: int = 0) -> tuple[Thought, Tensor]:
    """A thought and how right it is, the more often the later."""
    made = thought(batch, ticks, step=step)
    luck = torch.from_numpy(Key(5).fold("right").uniform((batch, ticks), step=step))
    return made, (luck < torch.linspace(0.3, 0.9, ticks)).double()


def read(made: Thought, right: Tensor, ticks: list[int]) -> float:
    """The accuracy when each sample stops after so many ticks and is read where it was most certain."""
    found = [right[n, int(made.certainty[n, :used].argmax())].item() for n, used in enumerate(ticks)]
    return sum(found) / len(found)


def test_everybody_at_the_same_tick():
    made, right = some()
    fixed = halting.front(made, right).fixed
    assert fixed.ticks.tolist() == [1, 2, 3, 4, 5, 6]
    assert fixed.accuracy.tolist() == pytest.approx([read(made, right, [t] * 40) for t in range(1, 7)])


@pytest.mark.parametrize("step", range(3))
def test_every_point_of_a_front_is_what_its_policy_comes_to(step: int):
    made, right = some(step=step)
    found = halting.front(made, right, temperature=0.7)
    policies = {"certain": halting.Certainty, "confident": lambda one: halting.Calibrated(0.7, one)}
    for name, make in policies.items():
        curve = getattr(found, name)
        assert torch.equal(curve.ticks, curve.ticks.sort().values)
        assert (curve.accuracy.diff() > 0).all()  # nothing is on the front that another beats in both
        for ticks, accuracy, threshold in zip(*(column.tolist() for column in curve), strict=True):
            policy = make(min(threshold, 1 - 1e-12))
            used = halting.replay(policy, made).ticks
            assert used.double().mean().item() == pytest.approx(ticks)
            assert read(made, right, used.tolist()) == pytest.approx(accuracy)


def test_no_policy_lies_above_its_front():
    made, right = some(batch=25)
    front = halting.front(made, right).certain
    for threshold in made.certainty.flatten().tolist():  # fewer than the front has points to try
        policy = halting.Certainty(min(max(threshold, 1e-6), 1 - 1e-6))
        used = [stopping_tick(policy, made, n) for n in range(25)]
        best = front.accuracy[front.ticks <= sum(used) / 25 + 1e-9]
        assert read(made, right, used) <= best.max().item() + 1e-9


def test_no_choice_of_ticks_beats_the_oracle():
    _, right = some(batch=4, ticks=4)
    made = thought(4, 4)
    oracle = halting.front(made, right).oracle
    hull = [(float(x), float(y)) for x, y in zip(oracle.ticks, oracle.accuracy, strict=True)]
    for choice in itertools.product(range(4), repeat=4):
        ticks = sum(choice) / 4 + 1
        accuracy = sum(right[n, t].item() for n, t in enumerate(choice)) / 4
        bound = max(  # the oracle's points, and whatever lies between two of them by tossing a coin
            a[1] if a == b else a[1] + (b[1] - a[1]) * min(1.0, (ticks - a[0]) / (b[0] - a[0]))
            for a, b in itertools.combinations_with_replacement(hull, 2)
            if a[0] <= ticks + 1e-9
        )
        assert accuracy <= bound + 1e-9


def test_the_oracle_waits_for_the_first_right_answer_and_no_longer():
    right = torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    made = thought(3, 3)
    oracle = halting.front(made, right).oracle
    assert (oracle.ticks[-1].item(), oracle.accuracy[-1].item()) == pytest.approx(((2 + 1 + 1) / 3, 2 / 3))


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("step", range(3))
def test_calibration_is_the_lowest_threshold_above_which_all_keep_the_accuracy(loss: float, step: int):
    made, right = some(step=step)
    policy = halting.calibrate(made, right, loss=loss)
    full = read(made, right, [6] * 40)
    sure = confidence(made.logits.movedim(-1, 1), policy.temperature).double()
    above = sorted({one for one in sure.flatten().tolist() if one >= policy.threshold - 1e-9})
    for threshold in above:
        used = [next((t + 1 for t in range(6) if row[t] >= threshold - 1e-12), 6) for row in sure.tolist()]
        assert read(made, right, used) >= full - halting.allowance(loss, 40) - 1e-6
    below = [one for one in sure.flatten().tolist() if one < policy.threshold - 1e-9]
    if below:
        used = [next((t + 1 for t in range(6) if row[t] >= max(below) - 1e-12), 6) for row in sure.tolist()]
        assert read(made, right, used) < full - halting.allowance(loss, 40)


def gambles(key: Key, count: int) -> tuple[Thought, torch.Tensor]:
    """Thoughts of four ticks that are right as often as they say, and at the end nearly always."""
    sure = torch.from_numpy(key.fold("sure").uniform((count, 4))).float().mul(0.5).add(0.5).cummax(1).values
    sure[:, -1] = 0.98
    logits = torch.stack([sure.logit(), torch.zeros_like(sure)], 1)
    luck = torch.from_numpy(key.fold("luck").uniform((count, 1))).float()
    return Thought(logits, sure), (luck < sure).float()


def test_the_loss_that_may_be_is_the_loss_to_expect_of_others():
    others, right = gambles(Key(9).fold("others"), 4000)
    lost = []
    for step in range(60):
        policy = halting.calibrate(*gambles(Key(9).fold("known", step), 150), loss=0.03)
        ticks = halting.replay(policy, others).ticks
        used = right.gather(1, ticks[:, None] - 1).mean().item()
        lost.append(right[:, -1].mean().item() - used)
    mean = sum(lost) / len(lost)
    assert 0.01 < mean < 0.03, f"on others {mean:.3f} is lost where 0.03 may be"


def test_the_temperature_makes_confidence_mean_what_it_says():
    key = Key(8)
    logits = torch.from_numpy(key.fold("logits").normal((400, 3, 5))).float()
    odds = torch.softmax(logits / 2.5, 1)  # right as often as a temperature of 2.5 says
    luck = torch.from_numpy(key.fold("luck").uniform((400, 5)))
    right = (luck < odds.amax(1)).double()
    policy = halting.calibrate(Thought(logits, odds.amax(1)), right)
    assert policy.temperature == pytest.approx(2.5, rel=0.25)
    said = confidence(logits.movedim(-1, 1), policy.temperature)
    assert said.mean().item() == pytest.approx(right.mean().item(), abs=0.01)


@pytest.mark.parametrize("fit", [halting.front, halting.calibrate])
def test_what_cannot_be_judged_is_named(fit):
    made, right = some()
    for wrong, said in (
        (right[:, :5], r"right: wanted shape \(40, 6\), got shape \(40, 5\); .*halting.rightness"),
        (right * 100, r"right: wanted shares from 0 to 1, got 0.0 to 100.0"),
        (right - 0.5, r"right: wanted shares from 0 to 1, got -0.5 to 0.5"),
        (torch.full_like(right, torch.nan), r"right: wanted shares from 0 to 1, got nan to nan"),
    ):
        with pytest.raises(InvalidValue, match=said):
            fit(made, wrong)
    with pytest.raises(InvalidValue, match="right: wanted one example or more, got none"):
        fit(Thought(made.logits[:0], made.certainty[:0]), right[:0])


@pytest.mark.parametrize("fit", [halting.front, halting.calibrate])
@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
def test_logits_that_are_no_numbers_are_named(fit, wrong: float):
    made, right = some()
    logits = made.logits.clone()
    logits[3, 1, 4] = wrong
    said = rf"logits: wanted finite numbers, got {wrong} at index \(3, 1, 4\) \(1 such values\); the usual fix: a model"
    with pytest.raises(InvalidValue, match=said):
        fit(Thought(logits, made.certainty), right)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_logits_of_any_precision_can_be_calibrated(kind: torch.dtype):
    made, right = some()
    policy = halting.calibrate(Thought(made.logits.to(kind), made.certainty), right)
    assert policy.temperature == pytest.approx(halting.calibrate(made, right).temperature, rel=0.05)


def test_an_impossible_loss_is_named():
    made, right = some()
    with pytest.raises(InvalidValue, match=r"loss: wanted a finite number from 0 to 1, got -0.1; .*0.002 for 0.2"):
        halting.calibrate(made, right, loss=-0.1)
