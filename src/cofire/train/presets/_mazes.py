"""Presets of mazes: those published, and a small one for two processor cores.

Published pictures have to be downloaded (`task.folder`); without them the same sizes are drawn.
"""

from dataclasses import replace

from cofire.ctm import (
    Answer,
    Attention,
    CTMConfig,
    Decayed,
    DeepNeuronModel,
    FirstLast,
    LearnableFourier,
    LSTMConfig,
    RandomPairs,
    ResNet,
    SynapseUNet,
)
from cofire.train._clip import NormClip
from cofire.train._config import TrainConfig
from cofire.train.presets._partners import partners
from cofire.train.presets._preset import Preset

ACTIONS = 5

# --- published: one large machine, and a small one ---

LARGE = CTMConfig(
    neurons=2048,
    ticks=75,
    memory_length=25,
    backbone=ResNet(depth=34, stages=2),
    attention=Attention(width=512, heads=16, dropout=0.1),
    synapse=SynapseUNet(depth=8, dropout=0.1),
    neuron_model=DeepNeuronModel(hidden=32, dropout=0.1),
    sync_out=Decayed(pairs=FirstLast(neurons=64)),
    sync_action=Decayed(pairs=FirstLast(neurons=32)),
    answer=Answer(outputs=100 * ACTIONS, positions=100),
)
LITTLE = CTMConfig(
    neurons=1024,
    ticks=50,
    memory_length=25,
    backbone=ResNet(depth=18, stages=1),
    attention=Attention(width=256, heads=4),
    synapse=SynapseUNet(depth=8),
    neuron_model=DeepNeuronModel(hidden=32),
    sync_out=Decayed(pairs=RandomPairs(pairs=128)),
    sync_action=Decayed(pairs=RandomPairs(pairs=128)),
    answer=Answer(outputs=50 * ACTIONS, positions=50),
)
PUBLISHED = TrainConfig(
    steps=1_000_000,
    batch_size=64,
    learning_rate=1e-4,
    final_learning_rate=1e-7,
    warmup_steps=10_000,
    precision="float32",
    log_every=100,
    evaluate_every=5_000,
    save_every=2_000,
)
PAPER_39 = Preset(
    task="mazes",
    name="paper-39x39",
    about=(
        "the published machine of 39 x 39; the paper's table reads 32 neurons for the answer, and one published "
        "command has 8 heads and a synapse of depth 4; the training scripts, which were followed, have 64, 16 and 8: "
        "theirs is the published number of parameters, 31,998,330"
    ),
    model=LARGE,
    train=PUBLISHED,
    settings={"size": 39, "route_length": 100},
)
PAPER_99 = replace(
    PAPER_39,
    name="paper-99x99",
    about="the published machine of mazes of 39 x 39, trained on 99 x 99: the first 100 steps of longer routes",
    settings={"size": 99, "route_length": 100},
)
PAPER_DEBUG = Preset(
    task="mazes",
    name="paper-debug",
    about=(
        "the published small machine for quick trials, 12 to 24 hours on a processor; its published command leaves the "
        "hidden units of the neuron-level models to their default, 32"
    ),
    model=LITTLE,
    train=replace(PUBLISHED, steps=100_000, warmup_steps=5_000),
    settings={"size": 39, "route_length": 50},
)
PAPER_15 = replace(
    PAPER_DEBUG,
    name="paper-15x15",
    about=(
        "the published ablation on mazes of 15 x 15: 100,000 steps of machines of about 9 million parameters, whose "
        "sizes are not in the sources at hand; the published small machine, 8,511,992, was taken"
    ),
    settings={"size": 15, "route_length": 50},
)

# --- ours ---

SMALL = Preset(
    task="mazes",
    name="small",
    about="mazes of 9 x 9, the first 20 steps of their routes (one in 18 is longer): our own sizes, for two cores",
    model=CTMConfig(
        neurons=256,
        ticks=15,
        memory_length=10,
        backbone=ResNet(depth=18, stages=1),
        position=LearnableFourier(),
        attention=Attention(width=128, heads=8),
        neuron_model=DeepNeuronModel(hidden=8),
        sync_out=Decayed(pairs=RandomPairs(pairs=256)),
        sync_action=Decayed(pairs=RandomPairs(pairs=128)),
        answer=Answer(outputs=20 * ACTIONS, positions=20),
    ),
    train=TrainConfig(
        steps=8000,
        batch_size=64,
        learning_rate=2e-3,
        final_learning_rate=1e-4,
        warmup_steps=100,
        weight_decay=0.01,
        clip=NormClip(5.0),
        average=0.998,
        log_every=10,
        evaluate_every=500,
        save_every=250,
    ),
    settings={"size": 9, "route_length": 20},
)


def _deeper(preset: Preset, layers: int) -> Preset:
    """The recurrent baseline of a preset with more layers, as published beside the large machine."""
    (lstm,) = (one for one in partners(preset, lstm_width=LARGE.neurons) if isinstance(one.model, LSTMConfig))
    about = f"{lstm.about}, of {layers} layers"
    return replace(lstm, name=f"{lstm.name}-{layers}-layers", about=about, model=replace(lstm.model, layers=layers))


PRESETS = (
    SMALL,
    *partners(SMALL, lstm_width=192, feed_forward_width=2450),
    PAPER_39,
    *partners(PAPER_39, lstm_width=LARGE.neurons, feed_forward_width=85_000),
    _deeper(PAPER_39, 2),
    _deeper(PAPER_39, 3),
    PAPER_99,
    *partners(PAPER_99),
    PAPER_DEBUG,
    *partners(PAPER_DEBUG, lstm_width=1240),
    PAPER_15,
    *partners(PAPER_15, lstm_width=1240, lstm_synchronised_width=1290, feed_forward_width=26_500),
)
