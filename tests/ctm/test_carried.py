"""Carried thoughts: episodes side by side are thought as each would be by itself, with the same gradients."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from cofire.checks import InvalidType, InvalidValue
from cofire.ctm import (
    CTM,
    Answer,
    Attention,
    ClassicControl,
    CTMConfig,
    Decayed,
    DeepNeuronModel,
    Direct,
    FeedForward,
    FeedForwardConfig,
    FirstLast,
    LSTMBaseline,
    LSTMConfig,
    RandomPairs,
    Snapshot,
    SynapseBlock,
    Windowed,
    load_published,
)
from cofire.ctm._carried import Mind, Passage, carry, check_mind, keep, renew, start, unroll
from cofire.random import Key
from cofire.random import torch_ as draws

KEY = Key(11)
MACHINE = CTMConfig(
    neurons=12,
    ticks=2,
    memory_length=3,
    backbone=ClassicControl(inputs=4, features=6),
    synapse=SynapseBlock(blocks=2),
    neuron_model=DeepNeuronModel(hidden=2),
    sync_out=Windowed(pairs=FirstLast(neurons=4, end="last")),
)
LSTM = LSTMConfig(width=5, layers=2, ticks=2, backbone=ClassicControl(inputs=4, features=6), answer=None)
PAIRS = RandomPairs(pairs=7)
MINDS = {
    "windowed": MACHINE,
    "decayed": replace(MACHINE, sync_out=Decayed(pairs=PAIRS)),
    "snapshot": replace(MACHINE, sync_out=Snapshot()),
    "lstm": LSTM,
    "lstm-synchronised": replace(LSTM, sync_out=Decayed(pairs=PAIRS)),
}
STEPS, BATCH = 7, 3
BEGINS = torch.zeros(STEPS, BATCH, dtype=torch.bool)
BEGINS[0, 1] = BEGINS[3, 0] = BEGINS[3, 2] = BEGINS[4, 2] = BEGINS[6, 1] = True


def build(name: str) -> Mind:
    config = MINDS[name]
    mind = CTM(config, key=KEY) if isinstance(config, CTMConfig) else LSTMBaseline(config, key=KEY)
    for part, parameter in mind.named_parameters():
        if "decay" in part:  # else nothing would be forgotten
            with torch.no_grad():
                parameter.copy_(draws.uniform(KEY.fold(part), tuple(parameter.shape), 0.1, 1.0))
    return mind


def one_by_one(mind: Mind, observations: Tensor, states: list) -> Tensor:
    """Every sample by itself, observation by observation, from the start state where an episode begins."""
    columns = []
    for sample in range(BATCH):
        state, reads = states[sample], []
        for step in range(STEPS):
            if BEGINS[step, sample]:
                state = mind.init_state(1)
            read, state = mind.observe(state, observations[step, sample : sample + 1])  # pyright: ignore[reportArgumentType]
            reads.append(read)
        columns.append(torch.cat(reads))
    return torch.stack(columns, 1)


@pytest.mark.parametrize("name", MINDS)
def test_episodes_side_by_side_are_thought_as_each_by_itself(name: str):
    mind = build(name)
    earlier = draws.normal(KEY.fold("earlier"), (2, BATCH, 4))
    observations = draws.normal(KEY.fold("now"), (STEPS, BATCH, 4))
    weights = draws.normal(KEY.fold("weights"), (STEPS, BATCH, mind.sync_out.width))
    with torch.no_grad():
        _, carried = unroll(mind, start(mind, BATCH), earlier, torch.zeros(2, BATCH, dtype=torch.bool))
        states = []
        for sample in range(BATCH):
            state = mind.init_state(1)
            for step in range(2):
                _, state = mind.observe(state, earlier[step, sample : sample + 1])  # pyright: ignore[reportArgumentType]
            states.append(state)

    read, after = unroll(mind, keep(carried), observations, BEGINS)
    gradients = torch.autograd.grad((read * weights).sum(), list(mind.parameters()), allow_unused=True)
    plain = one_by_one(mind, observations, states)
    torch.testing.assert_close(read, plain, rtol=1e-5, atol=1e-6)
    expected = torch.autograd.grad((plain * weights).sum(), list(mind.parameters()), allow_unused=True)
    for part, one, other in zip(dict(mind.named_parameters()), gradients, expected, strict=True):
        assert one is not None, part
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5, msg=lambda text, part=part: f"{part}: {text}")
    assert any(
        "start" in part and bool(one.any()) for part, one in zip(dict(mind.named_parameters()), gradients, strict=True)
    )
    assert all(one.shape[0] == BATCH for one in after.values())


@pytest.mark.parametrize("name", MINDS)
def test_a_kept_thought_goes_on_alike(name: str):
    mind = build(name)
    with torch.no_grad():
        seen = [mind.backbone(draws.normal(KEY.fold("all"), (BATCH, 4), step=step)) for step in range(8)]
        whole = Passage(mind, start(mind, BATCH))
        for features in seen[:4]:
            whole.see(features)
        other = Passage(mind, keep(whole.carried()))
        for features in seen[4:]:
            torch.testing.assert_close(whole.see(features), other.see(features), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", MINDS)
def test_a_passage_is_the_same_way(name: str):
    mind = build(name)
    observations = draws.normal(KEY.fold("way"), (STEPS, BATCH, 4))
    with torch.no_grad():
        whole, last = unroll(mind, start(mind, BATCH), observations, BEGINS)
        passage = Passage(mind, start(mind, BATCH), ticks=1)
        for step in range(STEPS):
            read = passage.see(mind.backbone(observations[step]), BEGINS[step])
            torch.testing.assert_close(read, whole[step])
    for part, one in passage.carried().items():
        torch.testing.assert_close(one, last[part])


def test_only_the_samples_that_begin_are_renewed():
    mind = build("windowed")
    carried = carry(mind.init_state(BATCH))
    other = {name: one + 1 for name, one in carried.items()}
    mixed = renew(other, carry(mind.init_state(1)), torch.tensor([False, True, False]))
    for name, one in mixed.items():
        assert torch.equal(one[1], carried[name][1])
        assert torch.equal(one[[0, 2]], other[name][[0, 2]])


def test_what_is_kept_does_not_change_with_the_machine():
    mind = build("windowed")
    kept = keep(start(mind, BATCH))
    before = {name: one.clone() for name, one in kept.items()}
    with torch.no_grad():
        for parameter in mind.parameters():
            parameter.add_(1.0)
    assert all(torch.equal(kept[name], before[name]) for name in kept)
    assert not any(one.requires_grad for one in kept.values())


@pytest.mark.parametrize("name", ["rl_control", "rl_navigation"])
def test_the_published_control_machines_are_carried_alike(fixtures: Path, name: str):
    folder = fixtures / "ctm" / name
    mind = load_published(folder)
    inputs, expected = load_file(folder / "inputs.safetensors"), load_file(folder / "expected.safetensors")
    observations = inputs["observations"]
    nowhere = torch.zeros(observations.shape[:2], dtype=torch.bool)
    with torch.no_grad():
        read, _ = unroll(mind, start(mind, observations.shape[1]), observations, nowhere)
    torch.testing.assert_close(read, expected["synch_out"], rtol=1e-5, atol=1e-5)


def test_machines_that_cannot_act_are_told():
    asking = replace(
        MACHINE, backbone=Direct(features=4), attention=Attention(width=4, heads=1), sync_action=Decayed(pairs=PAIRS)
    )
    with pytest.raises(
        InvalidValue, match=r"without attention, questions or dropout, got one with attention; .*leave them away"
    ):
        check_mind(CTM(asking, key=KEY))
    dropping = replace(MACHINE, synapse=SynapseBlock(dropout=0.1))
    with pytest.raises(InvalidValue, match="got one with dropout"):
        check_mind(CTM(dropping, key=KEY))
    plain = FeedForwardConfig(width=3, backbone=Direct(features=4), answer=Answer(outputs=2))
    with pytest.raises(InvalidType, match="model: wanted CTM or LSTMBaseline"):
        check_mind(FeedForward(plain, key=KEY))
