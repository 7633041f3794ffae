"""The machine against its plain definition, and the promises of its calls."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cofire import CTM, Key
from cofire.checks import InvalidValue
from cofire.ctm import Attention, Custom, DeepNeuronModel, EnergyHead, LinearNeuronModel, SynapseBlock, SynapseUNet
from tests.ctm.machines import FEATURES, build, compositions, features, small, tokens
from tests.oracles.ctm import think


@settings(max_examples=25, deadline=None, derandomize=True)
@given(changes=compositions(), batch=st.sampled_from([1, 3, 14]))
def test_forward_and_gradients_agree_with_the_plain_definition(changes, batch):
    config = small(**changes)
    model = build(config, dtype=torch.float64)
    x = (features if config.attention is None else tokens)(batch, dtype=torch.float64)
    expected = think(model, x, config.ticks)
    recording = model.record(x)
    for name, value in expected.items():
        np.testing.assert_allclose(recording[name], value.detach().numpy(), rtol=1e-9, atol=1e-10, err_msg=name)

    def loss(logits, certainty):
        weights = torch.linspace(-1, 1, logits.numel(), dtype=torch.float64).view_as(logits)
        return (weights * logits).sum() + certainty.square().sum()

    loss(expected["logits"], expected["certainty"]).backward()
    plain = {name: p.grad for name, p in model.named_parameters()}
    model.zero_grad()
    thought = model(x)
    loss(thought.logits.permute(2, 0, 1), thought.certainty.t()).backward()
    for name, parameter in model.named_parameters():
        wanted, got = (torch.zeros_like(parameter) if one is None else one for one in (plain[name], parameter.grad))
        torch.testing.assert_close(got, wanted, rtol=1e-7, atol=1e-9, msg=lambda text, name=name: f"{name}: {text}")


def test_float32_agrees_to_1e_5():
    model = build(small(ticks=20))
    expected = think(model, tokens(), 20)
    thought = model(tokens())
    torch.testing.assert_close(thought.logits.permute(2, 0, 1), expected["logits"], rtol=0, atol=1e-5)
    torch.testing.assert_close(thought.certainty.t(), expected["certainty"], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "neuron_model", [DeepNeuronModel(hidden=2), DeepNeuronModel(hidden=2, normalise=True), LinearNeuronModel()]
)
@pytest.mark.parametrize("batch", [2, 13])
def test_gradients_by_finite_differences(neuron_model, batch):
    config = small(
        neurons=6, ticks=3, memory_length=2, neuron_model=neuron_model, synapse=SynapseUNet(depth=2, narrowest=3)
    )
    model = build(config, dtype=torch.float64)
    x = tokens(batch, dtype=torch.float64)
    names = [name for name, _ in model.named_parameters()]

    def f(*values):
        return torch.func.functional_call(model, dict(zip(names, values, strict=True)), (x,)).logits[:2].sum((0, 1))

    values = tuple(p.detach().requires_grad_() for p in model.parameters())
    assert torch.autograd.gradcheck(f, values, fast_mode=True)


def test_ticks_one_by_one_equal_a_whole_thought():
    model = build(small(energy=EnergyHead(hidden=4)))
    recording = model.record(tokens())
    with torch.no_grad():
        observation, state = model.perceive(tokens()), model.init_state(3)
        for t in range(5):
            tick, state = model.tick(state, observation)
            for name in ("logits", "certainty", "energy", "sync_out", "sync_action", "attention", "pre_activation"):
                np.testing.assert_allclose(getattr(tick, name).numpy(), recording[name][t], atol=1e-6, err_msg=name)


def test_a_state_can_be_kept_and_branched():
    model = build(small(), dtype=torch.float64)
    one, two = (model.perceive(tokens(step=step, dtype=torch.float64)) for step in (0, 1))
    start = model.init_state(3)
    _, middle = model.tick(start, one)
    left, _ = model.tick(middle, one)
    right, after_right = model.tick(middle, two)  # a branch: the same state, another observation
    again, _ = model.tick(middle, one)
    torch.testing.assert_close(left.logits, again.logits, rtol=0, atol=1e-14)
    assert not torch.allclose(left.logits, right.logits)

    # the gradient through a branch equals that of a run that was never branched
    last, _ = model.tick(after_right, one)
    last.logits.sum().backward()
    branched = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    state = model.init_state(3)
    for observation in (
        one_again := model.perceive(tokens(dtype=torch.float64)),
        model.perceive(tokens(step=1, dtype=torch.float64)),
        one_again,
    ):
        tick, state = model.tick(state, observation)
    tick.logits.sum().backward()
    for name, gradient in branched.items():
        torch.testing.assert_close(gradient, model.get_parameter(name).grad, rtol=1e-8, atol=1e-10)


def test_a_long_stream_of_ticks_outgrows_its_buffer_unharmed():
    model = build(small())
    with torch.no_grad():
        expected = model(tokens(), ticks=150).logits
        observation, state = model.perceive(tokens()), model.init_state(3)
        for t in range(150):
            tick, state = model.tick(state, observation)
            torch.testing.assert_close(tick.logits, expected[..., t], rtol=0, atol=1e-5)


def test_gradients_can_be_taken_twice_from_one_graph():
    model = build(small())
    loss = model(tokens()).logits.square().sum()
    loss.backward(retain_graph=True)
    first = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    loss.backward()
    for one, parameter in zip(first, model.parameters(), strict=True):
        torch.testing.assert_close(one, parameter.grad)


def test_frozen_synapses_leave_the_other_gradients_right():
    model = build(small(), dtype=torch.float64)
    model(tokens(dtype=torch.float64)).logits.sum().backward()
    whole = model.neuron_models.layers[0].weight.grad.clone()
    model.zero_grad()
    model.synapse.requires_grad_(False)
    model.attention.requires_grad_(False)
    model(tokens(dtype=torch.float64)).logits.sum().backward()
    torch.testing.assert_close(model.neuron_models.layers[0].weight.grad, whole)
    assert model.synapse.first.weight.grad is None


def test_a_call_changes_nothing_and_draws_from_no_global_generator(capsys):
    before = torch.get_rng_state()
    model = build(small()).eval()
    held = {name: value.clone() for name, value in model.state_dict().items()}
    model(tokens())
    model.record(tokens())
    assert all(torch.equal(value, held[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), before)
    assert capsys.readouterr() == ("", "")


def test_start_weights_come_from_the_key_alone():
    one, two, other = (CTM(small(), key=Key(seed)).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["synapse.first.weight"], other["synapse.first.weight"])


def test_a_part_more_leaves_the_other_start_weights_as_they_were():
    plain = CTM(small(), key=Key(1)).state_dict()
    more = CTM(small(energy=EnergyHead(), synapse=SynapseBlock(blocks=2)), key=Key(1)).state_dict()
    assert set(plain) < set(more)
    assert all(torch.equal(value, more[name]) for name, value in plain.items())


def test_ticks_are_an_argument_of_the_call():
    model = build(small())
    long, short = model(tokens(), ticks=9).logits, model(tokens(), ticks=2).logits
    assert long.shape[-1] == 9
    torch.testing.assert_close(short, long[..., :2])


def test_samples_do_not_depend_on_their_batch():
    model = build(small()).eval()
    together, alone = model(tokens(14)).logits[2:3], model(tokens(14)[2:3]).logits
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


def test_dropout_is_addressed_by_the_key():
    config = small(
        synapse=SynapseBlock(dropout=0.3),
        neuron_model=DeepNeuronModel(dropout=0.2),
        attention=Attention(width=8, heads=2, dropout=0.2),
    )
    model = build(config)
    one, two, other = (model(tokens(), key=Key(seed)).logits for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.allclose(one, other)
    model.eval()
    torch.testing.assert_close(
        model(tokens()).logits, think(model, tokens(), 5)["logits"].permute(1, 2, 0), rtol=0, atol=1e-5
    )


def test_dropout_drops_in_the_backward_pass_what_it_dropped_before():
    config = small(
        neurons=6,
        ticks=2,
        memory_length=2,
        neuron_model=DeepNeuronModel(hidden=2, dropout=0.4),
        synapse=SynapseBlock(dropout=0.4),
    )
    model = build(config, dtype=torch.float64)
    weight = model.neuron_models.layers[0].weight.detach().requires_grad_()

    def f(weight):
        values = {"neuron_models.layers.0.weight": weight}
        return torch.func.functional_call(model, values, (tokens(2, dtype=torch.float64),), {"key": Key(3)}).logits

    assert torch.autograd.gradcheck(f, (weight,), fast_mode=True)


def test_training_with_dropout_needs_a_key():
    model = build(small(synapse=SynapseBlock(dropout=0.3)))
    with pytest.raises(
        InvalidValue, match=r"key: wanted a key for the dropout of this call, got None.*key\.fold\(step\)"
    ):
        model(tokens())


def test_a_users_own_module_can_be_the_backbone():
    module = torch.nn.Linear(FEATURES, 7)
    weight = module.weight.clone()
    model = CTM(small(backbone=Custom(module=module, features=7)), key=Key(0))
    assert model(tokens()).logits.shape == (3, 6, 5)
    assert torch.equal(model.backbone.weight, weight)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m(tokens(), ticks=0), "ticks: wanted an integer of at least 1, got 0"),
        (lambda m: m(tokens()[:0]), "samples in x: wanted an integer of at least 1, got 0"),
        (lambda m: m.init_state(0), "batch: wanted an integer of at least 1, got 0"),
        (lambda m: m(tokens(), question=torch.zeros(3, 2)), "question: wanted no question, got one"),
        (lambda m: m(features()), r"features: wanted several tokens .* got shape \(3, 5\).*attention=None"),
    ],
)
def test_impossible_calls_say_what_was_wanted(call, words):
    with pytest.raises(InvalidValue, match=words):
        call(build(small()))


def test_a_backward_pass_that_stops_early_leaves_nothing_behind():
    model = build(small(), dtype=torch.float64)
    x = tokens(dtype=torch.float64).requires_grad_()
    loss = model(x).logits.square().sum()
    loss.backward(retain_graph=True)
    whole = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    torch.autograd.grad(loss, x, retain_graph=True)  # reaches no weight
    torch.autograd.grad(loss, model.answer.weight, retain_graph=True)
    loss.backward()
    for one, parameter in zip(whole, model.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, one)


def test_mixed_precision_thinks_nearly_the_same_and_learns():
    model = build(small(), dtype=torch.float32)
    exact = model(tokens()).logits
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = model(tokens()).logits
    torch.testing.assert_close(rough.float(), exact, rtol=0, atol=0.05)
    rough.float().square().sum().backward()
    rough_gradient = model.synapse.first.weight.grad.clone()
    model.zero_grad()
    exact.square().sum().backward()
    cosine = torch.cosine_similarity(rough_gradient.flatten(), model.synapse.first.weight.grad.flatten(), 0)
    assert cosine > 0.99
