"""Presets of delayed match: sizes of our own. The machine has no attention: what it is shown comes tick by tick."""

from cofire.ctm import Answer, CTMConfig, Decayed, DeepNeuronModel, Direct, RandomPairs
from cofire.train._clip import NormClip
from cofire.train._config import TrainConfig
from cofire.train.presets._partners import partners
from cofire.train.presets._preset import Preset

SMALL = Preset(
    task="delayed-match",
    name="small",
    about="patterns of 16 signs and up to 10 ticks between them, for two processor cores: sizes of our own",
    model=CTMConfig(
        neurons=128,
        ticks=4,
        memory_length=8,
        backbone=Direct(features=16),
        neuron_model=DeepNeuronModel(hidden=4),
        sync_out=Decayed(pairs=RandomPairs(pairs=256)),
        answer=Answer(outputs=2),
        streamed=True,
    ),
    train=TrainConfig(
        steps=3000,
        batch_size=64,
        learning_rate=3e-3,
        final_learning_rate=1e-4,
        warmup_steps=100,
        clip=NormClip(1.0),
        average=0.98,
        log_every=10,
        evaluate_every=250,
        save_every=1000,
    ),
    settings={"features": 16, "delay": 10},
)
PRESETS = (SMALL, *partners(SMALL, lstm_width=103))
