"""Configurations: frozen, validated, written to JSON and read back."""

import dataclasses
import json

import pytest
from hypothesis import given, settings

from cofire import CTMConfig
from cofire.checks import InvalidValue
from cofire.ctm import (
    Answer,
    Attention,
    Custom,
    Decayed,
    DeepNeuronModel,
    DigitQuestions,
    FirstLast,
    RandomPairs,
    ResNet,
    StridedConvolutions,
    SynapseUNet,
    TokenEmbedding,
)
from tests.ctm.machines import build, compositions, small


@settings(max_examples=30, deadline=None, derandomize=True)
@given(changes=compositions())
def test_json_holds_every_composition(changes):
    config = small(**changes)
    assert CTMConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_nested_tuples_come_back_as_tuples():
    config = small(
        backbone=StridedConvolutions(steps=((8, 5, 2), (16, 3, 2))), more_heads=(("row", Answer(outputs=3)),)
    )
    assert CTMConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign"):
        small().ticks = 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: small(ticks=0), "ticks: wanted an integer of at least 1, got 0"),
        (lambda: small(neurons=-1), "neurons: wanted an integer of at least 1, got -1"),
        (lambda: small(memory_length=0), "memory_length: wanted an integer of at least 1"),
        (lambda: small(sync_action=None), "both or neither of attention and sync_action, got attention alone"),
        (lambda: small(question=DigitQuestions()), "question: wanted attention and streamed observations"),
        (lambda: small(synapse=SynapseUNet(depth=2)), "neurons: wanted an integer of at least 16, got 12"),
        (lambda: SynapseUNet(depth=1), r"depth: wanted an integer of at least 2, got 1.*SynapseBlock\(\)"),
        (lambda: Attention(width=10, heads=4), "width: wanted a multiple of the number of heads, got 10 with 4 heads"),
        (lambda: Answer(outputs=7, positions=2), "outputs: wanted a multiple of the positions, got 7 for 2"),
        (lambda: DeepNeuronModel(dropout=1.0), "dropout: wanted a finite number from 0 to 0.99, got 1.0"),
        (lambda: RandomPairs(pairs=3, self_pairs=4), "self_pairs: wanted an integer from 0 to 3, got 4"),
        (lambda: ResNet(depth=20, stages=1), "depth: wanted one of 18, 34, 50, 101, 152, got 20"),
        (lambda: TokenEmbedding(features=4, vocabulary=3), "vocabulary: wanted 2 for signed sequences, got 3"),
        (lambda: build(small(sync_out=Decayed(pairs=FirstLast(neurons=13)))), "at most 12, got 13"),
        (lambda: CTMConfig.from_json({"kind": "CTMConfg"}), "kind: wanted one of .*did you mean 'CTMConfig'"),
        (
            lambda: CTMConfig.from_json(small().to_json() | {"tick": 3}),
            "field of CTMConfig: wanted one of .*got 'tick'.*did you mean 'ticks'",
        ),
    ],
)
def test_what_cannot_be_built_says_what_was_wanted(make, words):
    with pytest.raises(InvalidValue, match=words):
        make()


def test_a_module_of_ones_own_cannot_be_written_and_says_so():
    from torch import nn

    with pytest.raises(InvalidValue, match="backbone: wanted a part that JSON can hold, got a module of your own"):
        small(backbone=Custom(module=nn.Identity(), features=5)).to_json()
