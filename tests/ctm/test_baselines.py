"""The baselines against plain definitions: torch's own LSTM stepped by hand, and two layers after a mean."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from cofire import CTM, Key
from cofire.checks import InvalidType, InvalidValue
from cofire.ctm import (
    Answer,
    Attention,
    Convolutional,
    Decayed,
    DigitQuestions,
    Direct,
    EnergyHead,
    FeedForward,
    FeedForwardConfig,
    LSTMBaseline,
    LSTMConfig,
    RandomPairs,
    Rotational1D,
    Snapshot,
    Windowed,
    certainty,
    one_tick_control,
)
from cofire.random.torch_ import dropout_mask
from tests.ctm import machines
from tests.oracles import ctm as oracle


def small(**changes) -> LSTMConfig:
    fields = {
        "width": 7,
        "ticks": 5,
        "backbone": Direct(features=machines.FEATURES),
        "attention": Attention(width=8, heads=2),
        "sync_action": Snapshot(),
        "answer": Answer(outputs=6, positions=2),
    }
    return LSTMConfig(**(fields | changes))


def build(config: LSTMConfig, *, dtype: torch.dtype = torch.float32) -> LSTMBaseline:
    model = LSTMBaseline(config, key=Key(0)).to(dtype)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("decay"):
                parameter.copy_(torch.from_numpy(Key(0).fold(name).uniform(tuple(parameter.shape), low=0.05, high=0.9)))
    return model


def plain(model: LSTMBaseline, x: Tensor, ticks: int) -> dict[str, Tensor]:
    """The definition, with torch's LSTM over all layers, one step at a time."""
    config = model.config
    stack = nn.LSTM(model.inputs, config.width, config.layers).to(x.dtype)
    weights = {
        f"{name.removesuffix('_l0')}_l{layer}": tensor
        for layer, cell in enumerate(model.cells)
        for name, tensor in cell.named_parameters()
    }
    features = model.backbone(x)
    if model.position is not None:
        features = features + model.position(features)
    h, c = (start[:, None].expand(-1, len(x), -1).contiguous() for start in (model.start_hidden, model.start_cell))
    seen, traces = [h[-1]], {}
    for _ in range(ticks):
        tick = {}
        observed = features
        if model.attention is not None:
            tick["sync_action"] = oracle.synchronisation(model, "action", seen)
            observed, tick["attention"] = oracle.attend(model, tick["sync_action"], features)
        _, (h, c) = torch.func.functional_call(stack, weights, (observed[None], (h, c)))
        seen.append(h[-1])
        read = oracle.synchronisation(model, "out", seen)
        tick |= {"post_activation": h[-1], "sync_out": read, "logits": model.answer(read)}
        for name, value in tick.items():
            traces.setdefault(name, []).append(value)
    return {name: torch.stack(values) for name, values in traces.items()}


readings = st.sampled_from([Snapshot(), Decayed(pairs=RandomPairs(pairs=9, self_pairs=2))])


@settings(max_examples=25, deadline=None)
@given(out=readings, action=readings, layers=st.integers(1, 3), attending=st.booleans(), ticks=st.integers(1, 6))
def test_it_is_an_lstm_with_the_senses_of_a_machine(out, action, layers, attending, ticks):
    senses = {"position": Rotational1D()} if attending else {"attention": None}
    model = build(
        small(sync_out=out, sync_action=action if attending else None, layers=layers, **senses), dtype=torch.float64
    )
    x = (machines.tokens if attending else machines.features)(dtype=torch.float64)
    wanted = plain(model, x, ticks)
    thought, recording = model(x, ticks=ticks), model.record(x, ticks=ticks)
    torch.testing.assert_close(thought.logits, wanted["logits"].permute(1, 2, 0))
    torch.testing.assert_close(thought.certainty, certainty(wanted["logits"], 2).t())
    for name, trace in wanted.items():
        np.testing.assert_allclose(recording[name], trace.detach().numpy(), rtol=1e-9, atol=1e-12, err_msg=name)
    assert "pre_activation" not in recording
    names, parameters = zip(*model.named_parameters(), strict=True)
    ours, plainly = (
        torch.autograd.grad(logits.square().sum(), parameters, allow_unused=True, materialize_grads=True)
        for logits in (thought.logits, wanted["logits"])
    )
    for name, got, want in zip(names, ours, plainly, strict=True):
        torch.testing.assert_close(got, want, msg=name)


@pytest.mark.parametrize("reading", [Snapshot(), Decayed(pairs=RandomPairs(pairs=9))])
def test_ticks_one_by_one_are_the_whole_thought(reading):
    model = build(small(sync_out=reading, sync_action=reading, layers=2, energy=EnergyHead(hidden=3)))
    x = machines.tokens()
    thought = model(x)
    state, observation = model.init_state(len(x)), model.perceive(x)
    for t in range(5):
        tick, state = model.tick(state, observation)
        torch.testing.assert_close(tick.logits, thought.logits[..., t])
        torch.testing.assert_close(tick.certainty, thought.certainty[:, t])
        torch.testing.assert_close(tick.energy, thought.energy[:, t])


def test_a_control_baseline_carries_its_state():
    model = build(small(attention=None, sync_action=None, answer=None))
    x = machines.features()
    state = model.init_state(3)
    for _ in range(3):
        read, state = model.observe(state, x, ticks=2)
    once, _ = model.observe(model.init_state(3), x, ticks=6)
    torch.testing.assert_close(read, once)
    with pytest.raises(InvalidValue, match="answer: wanted a machine with an answer head"):
        model(x)


def test_a_question_baseline_is_fed_as_the_machine_is():
    asking = {
        "attention": Attention(width=8, heads=2),
        "backbone": Convolutional(features=8),
        "question": DigitQuestions(),
        "streamed": True,
    }
    model = build(small(**asking))
    frames = torch.from_numpy(Key(2).normal((2, 4, 1, 8, 8)))
    question = torch.tensor([[0, -1, 1], [1, -2, 0]])
    thought = model.eval()(frames, question=question, ticks=3)
    assert thought.logits.shape == (2, 6, 4 + 3 + 3)
    machine = machines.build(machines.small(**asking)).eval()
    with torch.no_grad():
        machine.question.load_state_dict(model.question.state_dict())
        machine.backbone.load_state_dict(model.backbone.state_dict())
        machine.attention.tokens.load_state_dict(model.attention.tokens.state_dict())
        for part in ("key_in", "value_in"):
            getattr(machine.attention, part).load_state_dict(getattr(model.attention, part).state_dict())
        seen = [m._senses().percepts(frames, question, 3, streamed=True, dtype=torch.float32) for m in (model, machine)]
    assert len(seen[0]) == 10
    for ours, theirs in zip(*seen, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert (one is None) == (other is None)
            assert one is None or torch.equal(one, other)


def test_dropout_is_drawn_from_the_key_of_the_call():
    model = build(small(layers=2, dropout=0.5, attention=Attention(width=8, heads=2, dropout=0.25)))
    x = machines.tokens()
    first, again, other = (model(x, key=Key(1).fold(step)).logits for step in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    with pytest.raises(InvalidValue, match="key: wanted a key for the dropout of this call, got None"):
        model(x)
    model.eval()
    assert torch.equal(model(x).logits, model(x, key=Key(1)).logits)


def test_start_weights_hang_on_their_names_and_lie_in_their_bounds():
    one, more = (
        LSTMBaseline(small(width=64, layers=layers, more_heads=heads), key=Key(3))
        for layers, heads in ((1, ()), (2, (("value", Answer(outputs=1)),)))
    )
    for name, tensor in one.state_dict().items():
        if not name.startswith("start_"):
            assert torch.equal(tensor, more.state_dict()[name]), name
    for name, tensor in more.named_parameters():
        if name.startswith(("cells", "start_")):
            assert 0.8 / 8 < tensor.abs().max() <= 1 / 8, name


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 0}, "width: wanted an integer of at least 1"),
        ({"layers": 0}, "layers: wanted an integer of at least 1"),
        ({"ticks": 0}, "ticks: wanted an integer of at least 1"),
        ({"sync_out": Windowed(pairs=RandomPairs(pairs=3))}, "sync_out: wanted Snapshot or Decayed, got Windowed"),
        ({"sync_action": None}, "both or neither of attention and sync_action, got attention alone"),
        ({"question": DigitQuestions()}, "attention and streamed observations beside it"),
    ],
)
def test_what_cannot_be_built_is_named(changes, words):
    with pytest.raises(InvalidValue, match=words):
        small(**changes)


def test_the_feed_forward_network_is_two_layers_after_a_mean():
    config = FeedForwardConfig(width=9, backbone=Convolutional(features=4), answer=Answer(outputs=6, positions=2))
    model = FeedForward(config, key=Key(0)).eval()
    x = torch.from_numpy(Key(1).normal((3, 1, 8, 8)))
    hidden = functional.relu(functional.linear(model.backbone(x).mean((1, 2)), model.hidden.weight, model.hidden.bias))
    thought = model(x)
    torch.testing.assert_close(
        thought.logits[..., 0], functional.linear(hidden, model.answer.weight, model.answer.bias)
    )
    torch.testing.assert_close(thought.certainty, certainty(thought.logits[..., 0], 2)[:, None])
    assert thought.most_certain().tolist() == [0, 0, 0]
    with pytest.raises(InvalidValue, match=r"ticks: wanted an integer from 1 to 1, got 2; .*does not think"):
        model(x, ticks=2)
    assert FeedForward(config, key=Key(0)).config.ticks == 1


def test_the_feed_forward_network_drops_hidden_units_by_key():
    config = FeedForwardConfig(width=2000, backbone=Direct(features=5), answer=Answer(outputs=2), dropout=0.5)
    model = FeedForward(config, key=Key(0))
    x = machines.features()
    assert torch.equal(model(x, key=Key(1)).logits, model(x, key=Key(1)).logits)
    assert not torch.equal(model(x, key=Key(1)).logits, model(x, key=Key(2)).logits)
    hidden = functional.relu(model.hidden(x)) * dropout_mask(Key(1).fold("hidden"), (3, 2000), 0.5)
    torch.testing.assert_close(model(x, key=Key(1)).logits[..., 0], model.answer(hidden))
    assert model.eval()(x).logits.isfinite().all()
    with pytest.raises(InvalidValue, match="key: wanted a key for the dropout of this call"):
        model.train()(x)


def test_baselines_are_saved_and_loaded(tmp_path):
    recurrent = build(small(layers=2, sync_out=Decayed(pairs=RandomPairs(pairs=4))))
    plain_one = FeedForward(
        FeedForwardConfig(width=9, backbone=Direct(features=5), answer=Answer(outputs=2)), key=Key(0)
    )
    for place, model in enumerate((recurrent, plain_one)):
        model.save(tmp_path / str(place), facts={"task": "sort"})
        loaded = type(model).load(tmp_path / str(place))
        assert loaded.config == model.config
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), loaded.parameters(), strict=True))
    assert "cofire.ctm.LSTMBaseline.load" in (tmp_path / "0" / "README.md").read_text()
    with pytest.raises(InvalidValue, match=r"kind: wanted one of .*'CTMConfig'.*got 'LSTMConfig'"):
        CTM.load(tmp_path / "0")


def test_a_one_tick_control_is_the_same_machine_stopped_at_once():
    config = machines.small(ticks=6)
    control, model = CTM(one_tick_control(config), key=Key(0)), CTM(config, key=Key(0))
    x = machines.tokens()
    assert dataclasses.replace(control.config, ticks=6) == config
    assert torch.equal(control(x).logits, model(x, ticks=1).logits)
    torch.testing.assert_close(control(x).logits[..., 0], model(x).logits[..., 0])
    recurrent = small()
    assert one_tick_control(recurrent) == dataclasses.replace(recurrent, ticks=1)
    with pytest.raises(InvalidType, match=r"config: wanted CTMConfig or LSTMConfig, got .*has no ticks to take away"):
        one_tick_control(FeedForwardConfig(width=9, backbone=Direct(features=5), answer=Answer(outputs=2)))
