"""Presets of addition digit by digit: sizes of our own."""

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

SMALL = Preset(
    task="multi-digit-addition",
    name="small",
    about="two numbers of 3 digits each, for two processor cores: sizes of our own",
    model=CTMConfig(
        neurons=128,
        ticks=12,
        memory_length=8,
        backbone=TokenEmbedding(features=64, vocabulary=10, signed=False),
        position=Rotational1D(),
        attention=Attention(width=64, heads=4),
        neuron_model=DeepNeuronModel(hidden=4),
        sync_out=Decayed(pairs=RandomPairs(pairs=256)),
        sync_action=Decayed(pairs=RandomPairs(pairs=64)),
        answer=Answer(outputs=40, positions=4),
    ),
    train=TrainConfig(
        steps=8000,
        batch_size=64,
        learning_rate=3e-3,
        final_learning_rate=1e-4,
        warmup_steps=100,
        clip=NormClip(1.0),
        average=0.98,
        log_every=10,
        evaluate_every=500,
        save_every=1000,
    ),
    settings={"digits": 3},
)
PRESETS = (SMALL, *partners(SMALL, lstm_width=100))
