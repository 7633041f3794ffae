"""Presets of the digits: the set-up of `cofire demo`, and what it is compared with."""

from cofire.ctm import (
    Answer,
    Attention,
    CTMConfig,
    Decayed,
    DeepNeuronModel,
    LearnableFourier,
    RandomPairs,
    StridedConvolutions,
)
from cofire.train._clip import NormClip
from cofire.train._config import TrainConfig
from cofire.train.presets._partners import partners
from cofire.train.presets._preset import Preset

SMALL = Preset(
    task="digits",
    name="small",
    about="the machine of `cofire demo`: sizes of our own, for a few minutes on two cores",
    model=CTMConfig(
        neurons=128,
        ticks=15,
        memory_length=10,
        backbone=StridedConvolutions(steps=((32, 5, 2), (64, 3, 2), (96, 3, 1))),
        position=LearnableFourier(),
        attention=Attention(width=128, heads=8),
        neuron_model=DeepNeuronModel(hidden=4),
        sync_out=Decayed(pairs=RandomPairs(pairs=256)),
        sync_action=Decayed(pairs=RandomPairs(pairs=128)),
        answer=Answer(outputs=10),
    ),
    train=TrainConfig(
        steps=1700,
        batch_size=64,
        learning_rate=3e-3,
        final_learning_rate=6e-4,
        warmup_steps=100,
        weight_decay=0.2,
        clip=NormClip(5.0),
        average=0.998,
        log_every=5,
        evaluate_every=250,
        save_every=250,
    ),
)
PRESETS = (SMALL, *partners(SMALL, lstm_width=96, feed_forward_width=2000))
