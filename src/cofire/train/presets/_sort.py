"""Presets of sorting: the published machine for 30 numbers, and a small one for two processor cores.

Sorting was published without a script: what is called published here are the defaults of its training program. A list
is emitted over time, so that there is no feed-forward partner and no one-tick control: one tick can name one number.
"""

from collections.abc import Iterator

from cofire.ctm import Answer, CTMConfig, Decayed, DeepNeuronModel, Direct, RandomPairs, SynapseUNet
from cofire.train._clip import NormClip
from cofire.train._config import TrainConfig
from cofire.train.presets._partners import partners
from cofire.train.presets._preset import Preset

PAPER = Preset(
    task="sort",
    name="paper-30",
    about="30 numbers, 50 ticks: the defaults of the published training program, for which there is no script",
    model=CTMConfig(
        neurons=512,
        ticks=50,
        memory_length=25,
        backbone=Direct(features=30),
        synapse=SynapseUNet(depth=4),
        neuron_model=DeepNeuronModel(hidden=4),
        sync_out=Decayed(pairs=RandomPairs(pairs=32)),
        answer=Answer(outputs=31),
    ),
    train=TrainConfig(
        steps=100_000,
        batch_size=32,
        learning_rate=1e-3,
        final_learning_rate=1e-7,
        warmup_steps=5000,
        precision="float32",
        log_every=100,
        evaluate_every=1000,
        save_every=5000,
    ),
    settings={"count": 30},
)
SMALL = Preset(
    task="sort",
    name="small",
    about="8 numbers, for two processor cores: sizes of our own",
    model=CTMConfig(
        neurons=128,
        ticks=20,
        memory_length=8,
        backbone=Direct(features=8),
        neuron_model=DeepNeuronModel(hidden=4),
        sync_out=Decayed(pairs=RandomPairs(pairs=256)),
        answer=Answer(outputs=9),
    ),
    train=TrainConfig(
        steps=28_000,
        batch_size=64,
        learning_rate=3e-3,
        final_learning_rate=1e-5,
        warmup_steps=200,
        clip=NormClip(1.0),
        average=0.995,
        log_every=10,
        evaluate_every=1000,
        save_every=1000,
    ),
    settings={"count": 8},
)


def emitting(preset: Preset, lstm_width: int) -> Iterator[Preset]:
    """Yield the partners of a preset that have the ticks to emit a list."""
    yield from (one for one in partners(preset, lstm_width=lstm_width) if one.model.ticks >= preset.settings["count"])


PRESETS = (PAPER, *emitting(PAPER, lstm_width=454), SMALL, *emitting(SMALL, lstm_width=105))
