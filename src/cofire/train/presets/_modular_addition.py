"""Presets of modular addition: the published modulus and split, for a machine of our own."""

from cofire.ctm import (
    Answer,
    Attention,
    CTMConfig,
    Decayed,
    DeepNeuronModel,
    RandomPairs,
    Rotational1D,
    TokenEmbedding,
)
from cofire.train._clip import NormClip
from cofire.train._config import TrainConfig
from cofire.train.presets._partners import partners
from cofire.train.presets._preset import Preset


def machine(modulus: int) -> CTMConfig:
    """Return a machine for numbers below a modulus."""
    return CTMConfig(
        neurons=128,
        ticks=8,
        memory_length=4,
        backbone=TokenEmbedding(features=64, vocabulary=modulus, signed=False),
        position=Rotational1D(),
        attention=Attention(width=64, heads=4),
        neuron_model=DeepNeuronModel(hidden=4),
        sync_out=Decayed(pairs=RandomPairs(pairs=256)),
        sync_action=Decayed(pairs=RandomPairs(pairs=64)),
        answer=Answer(outputs=modulus),
    )


SMALL = Preset(
    task="modular-addition",
    name="small",
    about="numbers below 113, 30 % of all pairs trained on as in arXiv 2301.05217; the machine is of our own",
    model=machine(113),
    train=TrainConfig(
        steps=20_000,
        batch_size=256,
        learning_rate=1e-3,
        final_learning_rate=1e-3,
        warmup_steps=10,
        weight_decay=1.0,
        betas=(0.9, 0.98),
        clip=NormClip(1.0),
        log_every=10,
        evaluate_every=1000,
        save_every=1000,
    ),
    settings={"modulus": 113, "held_out": 0.7},
)
PRESETS = (SMALL, *partners(SMALL, lstm_width=105))
