"""Small machines for the tests: one at hand, and a strategy that generates configurations of every kind."""

import torch
from hypothesis import strategies as st
from torch import Tensor

from cofire import CTM, CTMConfig, Key
from cofire.ctm import (
    Answer,
    Attention,
    Decayed,
    DeepNeuronModel,
    Direct,
    EnergyHead,
    FirstLast,
    LinearNeuronModel,
    NoNeuronModel,
    RandomDense,
    RandomPairs,
    Rotational1D,
    Snapshot,
    SynapseBlock,
    SynapseUNet,
    Windowed,
)

FEATURES, TOKENS = 5, 6


def small(**changes) -> CTMConfig:
    """A small machine with attention; any field can be changed."""
    fields = {
        "neurons": 12,
        "ticks": 5,
        "memory_length": 4,
        "backbone": Direct(features=FEATURES),
        "attention": Attention(width=8, heads=2),
        "neuron_model": DeepNeuronModel(hidden=3),
        "sync_out": Decayed(pairs=RandomPairs(pairs=10, self_pairs=2)),
        "sync_action": Decayed(pairs=RandomDense(neurons=3)),
        "answer": Answer(outputs=6, positions=2),
    }
    return CTMConfig(**(fields | changes))


def tokens(batch: int = 3, *, step: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """An observation of tokens."""
    return torch.from_numpy(Key(5).fold("tokens").normal((batch, TOKENS, FEATURES), step=step)).to(dtype)


def features(batch: int = 3, *, dtype: torch.dtype = torch.float32) -> Tensor:
    """An observation of plain features, for machines without attention."""
    return tokens(batch, dtype=dtype)[:, 0]


def build(config: CTMConfig, *, seed: int = 0, dtype: torch.dtype = torch.float32) -> CTM:
    """The machine with decays that matter: inside their bounds, each its own."""
    model = CTM(config, key=Key(seed)).to(dtype)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("decay"):
                drawn = Key(seed).fold("decay", name).uniform(tuple(parameter.shape), low=0.05, high=0.9)
                parameter.copy_(torch.from_numpy(drawn))
            elif name.endswith("temperature"):
                parameter.fill_(1.3)
    return model


pairs = st.one_of(
    st.builds(FirstLast, neurons=st.integers(1, 4)),
    st.builds(RandomDense, neurons=st.integers(1, 4)),
    st.builds(RandomPairs, pairs=st.integers(3, 16), self_pairs=st.integers(0, 3)),
)
dense_models = st.builds(DeepNeuronModel, hidden=st.integers(1, 4), normalise=st.booleans())
neuron_models = st.one_of(dense_models, st.builds(LinearNeuronModel, normalise=st.booleans()), st.just(NoNeuronModel()))
synapses = st.one_of(
    st.builds(SynapseBlock, blocks=st.integers(1, 2)),
    st.builds(SynapseUNet, depth=st.integers(2, 4), narrowest=st.integers(2, 5)),
)
readings = st.one_of(st.builds(Decayed, pairs=pairs), st.builds(Windowed, pairs=pairs), st.just(Snapshot()))


@st.composite
def compositions(draw) -> dict:
    """Changes to `small` for every composition: attention, energy, positions or not; all readings, synapses, models."""
    attention = draw(st.sampled_from([None, Attention(width=4, heads=1), Attention(width=8, heads=4)]))
    action = None if attention is None else draw(st.one_of(st.builds(Decayed, pairs=pairs), st.just(Snapshot())))
    return {
        "neurons": draw(st.integers(7, 14)),
        "ticks": draw(st.integers(1, 6)),
        "memory_length": draw(st.integers(1, 5)),
        "attention": attention,
        "position": None if attention is None else draw(st.sampled_from([None, Rotational1D()])),
        "sync_action": action,
        "sync_out": draw(readings),
        "synapse": draw(synapses),
        "neuron_model": draw(neuron_models),
        "answer": draw(st.sampled_from([Answer(outputs=4), Answer(outputs=6, positions=3)])),
        "energy": draw(st.sampled_from([None, EnergyHead(hidden=3)])),
    }
