"""The compiled thought against the plain one, tick by tick."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cofire import Key
from cofire.checks import InvalidValue
from cofire.ctm import (
    Answer,
    Attention,
    Custom,
    Decayed,
    DeepNeuronModel,
    Direct,
    RandomPairs,
    Rotational2D,
    StridedConvolutions,
    SynapseBlock,
    SynapseUNet,
    halting,
)
from cofire.ctm._compiled import CompiledThought, compiles
from cofire.ctm._senses import AT_ONCE
from tests.ctm.machines import FEATURES, TOKENS, build, features, small, tokens

synapses = st.sampled_from([SynapseBlock(), SynapseBlock(blocks=2), SynapseUNet(depth=3, narrowest=5)])


class Middle(nn.Module):
    """The features of an image are some numbers of it."""

    def forward(self, x):
        return x.flatten(1)[:, :FEATURES]


def plain(model, x, ticks):
    """The logits of every tick by the machine's own ticks, (B, out, T)."""
    with torch.no_grad():
        observation, state, logits = model.perceive(x), model.init_state(len(x)), []
        for _ in range(ticks):
            outputs, state = model.tick(state, observation)
            logits.append(outputs.logits)
    return torch.stack(logits, -1)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    synapse=synapses,
    hidden=st.integers(1, 20),
    neurons=st.sampled_from([12, 16, 37]),
    batch=st.sampled_from([1, 3, 15, 16, 35, 70]),
    looking=st.booleans(),
)
def test_it_is_the_plain_thought(synapse, hidden, neurons, batch, looking):
    changes = {} if looking else {"attention": None, "sync_action": None}
    config = small(neurons=neurons, synapse=synapse, neuron_model=DeepNeuronModel(hidden=hidden), ticks=6, **changes)
    model = build(config).eval()
    x = (tokens if looking else features)(batch)
    with torch.no_grad():
        assert compiles(model)
        thought = model(x)
    torch.testing.assert_close(thought.logits, plain(model, x, 6), rtol=1e-5, atol=1e-6)
    learning = model(x)  # with gradients wanted it is not compiled
    torch.testing.assert_close(thought.logits, learning.logits, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("position", [None, Rotational2D()])
@pytest.mark.parametrize("looking", [True, False])
def test_images_that_are_perceived_some_at_a_time_are_the_same_thought(looking, position):
    backbone = StridedConvolutions(steps=((6, 3, 2), (FEATURES, 3, 2)))
    changes = {"backbone": backbone, "position": position}
    if not looking:
        changes = {"backbone": Custom(module=Middle(), features=FEATURES), "attention": None, "sync_action": None}
    model = build(small(**changes)).eval()
    x = torch.from_numpy(Key(2).normal((2 * AT_ONCE + 5, 1, 9, 9)))
    learning = model(x)
    with torch.no_grad():
        torch.testing.assert_close(model(x).logits, learning.logits, rtol=1e-5, atol=1e-6)
        halted = model.think(x, halt=lambda seen: seen.certainty > seen.certainty.median())
    assert len(halted.ticks.unique()) > 1
    torch.testing.assert_close(halted.logits, halting.cut(learning, halted.ticks).logits, rtol=1e-5, atol=1e-6)


def test_a_large_machine_is_the_plain_thought_too():
    config = small(
        neurons=512,
        backbone=Direct(features=64),
        attention=Attention(width=256, heads=4),
        sync_out=Decayed(pairs=RandomPairs(pairs=300)),
        sync_action=Decayed(pairs=RandomPairs(pairs=300)),
        answer=Answer(outputs=10),
    )
    model = build(config).eval()
    for batch in (4, 20):  # the dense layers are compiled for few samples, and oneDNN's for many
        x = torch.from_numpy(Key(1).normal((batch, 9, 64)))
        with torch.no_grad():
            thought = model(x)
        torch.testing.assert_close(thought.logits, plain(model, x, 5), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("batch", "part"), [(9, slice(2, 5)), (40, slice(3, 30))])
def test_a_sample_has_the_same_bits_whoever_thinks_beside_it(batch, part):
    model = build(small(ticks=8)).eval()
    x = tokens(batch)
    with torch.no_grad():
        assert torch.equal(model(x).logits[part], model(x[part]).logits)


@pytest.mark.parametrize(("batch", "stays"), [(9, [1, 4, 7]), (40, list(range(3, 35, 2))), (20, [19])])
def test_some_go_on_without_the_others(batch, stays):
    model = build(small(ticks=8)).eval()
    rows = torch.tensor(stays)
    with torch.no_grad():
        percepts = model._percepts(tokens(batch), None, None)
        whole, fewer = (CompiledThought(model, percepts, batch) for _ in range(2))
        for tick in range(8):
            if tick == 3:
                fewer.keep(rows)
            together, alone = whole.advance(), fewer.advance()
            assert torch.equal(alone, together if tick < 3 else together[rows])


def test_what_is_seen_may_change_and_stop():
    model = build(small(streamed=True, ticks=3)).eval()
    stream = torch.stack([tokens(17), tokens(17, step=1), tokens(17, step=1)], 1)
    with torch.no_grad():
        thought, rows = model(stream), torch.arange(0, 17)
        percepts = model._percepts(stream, None, None)
        course = CompiledThought(model, percepts, 17)
        reads = []
        for _ in percepts:
            course.keep(rows)  # whoever stays sees what comes later too
            reads.append(course.advance())
        assert torch.equal(model._heads().thought(torch.stack(reads)).logits, thought.logits)
    learning = model(stream)
    torch.testing.assert_close(thought.logits, learning.logits, rtol=1e-5, atol=1e-6)
    assert thought.logits.shape[2] == 3 + 3
    assert percepts[0].keys is not None
    assert percepts[0].keys.shape[2] == TOKENS


def test_what_cannot_be_compiled_is_not():
    model = build(small())
    assert not compiles(model), "gradients are wanted"
    with torch.no_grad():
        assert compiles(model)
        assert not compiles(model.double())
        with torch.autocast("cpu"):
            assert not compiles(build(small()))
        assert not compiles(build(small(neuron_model=DeepNeuronModel(hidden=2, normalise=True))))
        dropping = build(small(synapse=SynapseBlock(dropout=0.1)))
        assert not compiles(dropping.train())
        assert compiles(dropping.eval())


@pytest.mark.parametrize("batch", [2, 20])
@pytest.mark.parametrize("part", ["synapse", "neuron_models", "answer"])
def test_a_machine_of_which_a_part_was_cast_is_refused(part, batch):
    model = build(small())
    getattr(model, part).double()
    with (
        torch.no_grad(),
        pytest.raises(InvalidValue, match=r"float32 numbers on the CPU.*torch\.float64.*model\.float"),
    ):
        model(tokens(batch))
