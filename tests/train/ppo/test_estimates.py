"""Advantages and the clipped objective against their definitions."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cofire.random import Key
from cofire.random import torch_ as draws
from cofire.train import PPOConfig
from cofire.train.ppo import advantages, ppo_loss
from cofire.train.ppo._estimates import choose, explained

KEY = Key(2)


@given(st.integers(1, 9), st.integers(1, 4), st.floats(0, 1), st.floats(0, 1), st.integers(0, 1000))
def test_advantages_are_discounted_sums_of_errors_within_the_episode(
    steps: int, places: int, discount: float, trace: float, case: int
):
    rewards = draws.normal(KEY.fold("rewards"), (steps, places), step=case, dtype=torch.float64)
    values = draws.normal(KEY.fold("values"), (steps + 1, places), step=case, dtype=torch.float64)
    ended = draws.bernoulli(KEY.fold("ended"), (steps, places), 0.3, step=case)
    found = advantages(rewards, values, ended, discount=discount, trace=trace)
    for i in range(places):
        for s in range(steps):
            expected, weight = 0.0, 1.0
            for k in range(s, steps):
                after = 0.0 if ended[k, i] else discount * values[k + 1, i]
                expected += weight * (rewards[k, i] + after - values[k, i])
                if ended[k, i]:
                    break
                weight *= discount * trace
            assert float(found[s, i]) == pytest.approx(float(expected), abs=1e-9)


def test_without_trace_it_is_the_error_and_with_a_whole_trace_the_return():
    rewards, values = torch.ones(4, 1), torch.zeros(5, 1)
    nowhere = torch.zeros(4, 1, dtype=torch.bool)
    values[2] = 3.0
    error = advantages(rewards, values, nowhere, discount=0.5, trace=0.0)
    assert error[:, 0].tolist() == [1.0, 2.5, -2.0, 1.0]
    whole = advantages(rewards, torch.zeros(5, 1), nowhere, discount=1.0, trace=1.0)
    assert whole[:, 0].tolist() == [4.0, 3.0, 2.0, 1.0]


def case(count: int = 40, actions: int = 3) -> dict[str, torch.Tensor]:
    old = draws.normal(KEY.fold("old"), (count, actions), dtype=torch.float64)
    taken = torch.from_numpy(KEY.fold("taken").integers(0, actions, count))
    return {
        "logits": old + 0.3 * draws.normal(KEY.fold("new"), (count, actions), dtype=torch.float64),
        "values": draws.normal(KEY.fold("values"), count, dtype=torch.float64),
        "actions": taken,
        "old_log_probability": old.log_softmax(-1).gather(1, taken[:, None])[:, 0],
        "advantage": draws.normal(KEY.fold("advantage"), count, dtype=torch.float64),
        "returns": draws.normal(KEY.fold("returns"), count, dtype=torch.float64),
    }


@pytest.mark.parametrize("normalise", [False, True])
def test_the_loss_is_that_of_its_definition(normalise: bool):
    config = PPOConfig(steps=1, clip=0.2, entropy=0.03, value=0.7, normalise_advantages=normalise)
    given_ = case()
    found = ppo_loss(**given_, config=config)
    count = len(given_["values"])
    advantage = given_["advantage"].tolist()
    if normalise:
        mean = sum(advantage) / count
        deviation = math.sqrt(sum((one - mean) ** 2 for one in advantage) / (count - 1))
        advantage = [(one - mean) / (deviation + 1e-8) for one in advantage]
    policy = value = entropy = clipped = 0.0
    for i in range(count):
        chances = given_["logits"][i].softmax(-1).tolist()
        ratio = chances[given_["actions"][i]] / math.exp(given_["old_log_probability"][i])
        bounded = min(max(ratio, 0.8), 1.2)
        policy -= min(ratio * advantage[i], bounded * advantage[i]) / count
        value += (float(given_["values"][i]) - float(given_["returns"][i])) ** 2 / 2 / count
        entropy -= sum(p * math.log(p) for p in chances) / count
        clipped += (ratio != bounded) / count
    assert 0 < clipped < 1
    parts = [float(one) for one in (found.policy, found.value, found.entropy, found.clipped)]
    assert parts == pytest.approx([policy, value, entropy, clipped], abs=1e-7)
    assert float(found.loss) == pytest.approx(policy - 0.03 * entropy + 0.7 * value)
    assert float(found.divergence) >= 0


def test_the_gradient_is_the_policy_gradient_at_the_old_policy_and_none_beyond_the_clip():
    config = PPOConfig(steps=1, clip=0.2, entropy=0.0, value=0.0, normalise_advantages=False)
    given_ = case()
    logits = given_.pop("logits").requires_grad_()
    log_policy = logits.log_softmax(-1).gather(1, given_["actions"][:, None])[:, 0]
    given_["old_log_probability"] = log_policy.detach()
    (found,) = torch.autograd.grad(ppo_loss(logits, **given_, config=config).loss, logits)
    (plain,) = torch.autograd.grad(-(log_policy * given_["advantage"]).mean(), logits)
    torch.testing.assert_close(found, plain)
    given_["old_log_probability"] = log_policy.detach() - 1.0  # ratios of e
    given_["advantage"] = torch.ones_like(given_["advantage"])
    (beyond,) = torch.autograd.grad(ppo_loss(logits, **given_, config=config).loss, logits)
    assert not beyond.any()
    given_["advantage"] = -given_["advantage"]
    (back,) = torch.autograd.grad(ppo_loss(logits, **given_, config=config).loss, logits)
    assert back.any()


def test_actions_are_chosen_with_their_probabilities():
    logits = torch.tensor([2.0, -1.0, 0.5, 1.0])
    uniform = torch.from_numpy(KEY.fold("uniform").uniform(40_000))
    counts = torch.bincount(choose(logits.expand(40_000, -1), uniform), minlength=4) / 40_000
    torch.testing.assert_close(counts, logits.softmax(-1), rtol=0, atol=0.01)
    edge = choose(torch.zeros(2, 2), torch.tensor([0.0, 1 - 2**-24]))
    assert edge.tolist() == [0, 1]
    certain = choose(torch.tensor([[0.0, -200.0], [-200.0, 0.0]]), torch.tensor([1 - 2**-24, 0.0]))
    assert certain.tolist() == [0, 1]


def test_what_the_critic_foresaw():
    returns = torch.tensor([1.0, 2.0, 3.0])
    assert float(explained(returns, returns)) == 1.0
    assert float(explained(torch.zeros(3), returns)) == 0.0
    assert math.isnan(float(explained(returns, torch.ones(3))))
