"""Presets of cumulative parity: every published pair of ticks and memory, and a small one for two processor cores.

The published text gives the neuron-level models 4 hidden units, its table of parameters and the scripts 16: the totals
(5,719,714 at 75 ticks) decide for 16. The published learning rate rises over 500 steps, as the table says; the scripts'
own default of no warm-up would have left it near zero with their schedule.
"""

from collections.abc import Iterator
from dataclasses import replace

from cofire.ctm import (
    PUBLISHED_WIDTHS,
    Answer,
    Attention,
    CTMConfig,
    Decayed,
    DeepNeuronModel,
    Direct,
    FeedForwardConfig,
    RandomDense,
    Rotational1D,
    TokenEmbedding,
)
from cofire.train._clip import NormClip, QuantileClip
from cofire.train._config import TrainConfig
from cofire.train.presets._partners import partners
from cofire.train.presets._preset import Preset

LENGTH = 64
PUBLISHED = TrainConfig(
    steps=200_000,
    batch_size=64,
    learning_rate=1e-4,
    final_learning_rate=1e-7,
    warmup_steps=500,
    clip=QuantileClip(0.9, 1000),
    precision="float32",
    log_every=100,
    evaluate_every=1000,
    save_every=5000,
)
CERTAIN = (10, 25)  # ticks of the LSTMs that were also trained at their most certain tick
# Hidden units of a perceptron on the signs themselves with as many parameters, by memory length.
FEED_FORWARD_WIDTHS = {1: 25_433, 5: 26_133, 10: 27_009, 25: 29_635, 50: 34_012}


def machine(ticks: int, memory_length: int) -> CTMConfig:
    """Return the published machine for 64 signs."""
    return CTMConfig(
        neurons=1024,
        ticks=ticks,
        memory_length=memory_length,
        backbone=TokenEmbedding(features=512),
        position=Rotational1D(),
        attention=Attention(width=512, heads=8),
        neuron_model=DeepNeuronModel(hidden=16),
        sync_out=Decayed(pairs=RandomDense(neurons=32)),
        sync_action=Decayed(pairs=RandomDense(neurons=32)),
        answer=Answer(outputs=2 * LENGTH, positions=LENGTH),
    )


def perceptron(preset: Preset, width: int) -> Preset:
    """Return a preset's feed-forward partner: it sees all signs in a row, for pooled tokens have lost their order."""
    length = preset.settings["length"]
    model = FeedForwardConfig(
        width=width, backbone=Direct(features=length), answer=Answer(outputs=2 * length, positions=length)
    )
    about = f"{preset.name}, a perceptron on the row of signs in its place, which answers at once"
    return replace(preset, name=f"{preset.name}-feed-forward", about=about, model=model)


def published() -> Iterator[Preset]:
    """Yield the published machines and their partners."""
    for row in PUBLISHED_WIDTHS:
        if row.task != "parity":
            continue
        size = f"{row.ticks}x{row.memory_length}"
        about = (
            f"as published, {row.ticks} ticks with a memory of {row.memory_length}; neuron-level models of 16 hidden "
            "units, as the scripts and the published totals have it (the text says 4); the test set, fixed here, was "
            "drawn anew each time there"
        )
        preset = Preset(
            task="parity",
            name=f"paper-{size}",
            about=about,
            model=machine(row.ticks, row.memory_length),
            train=PUBLISHED,
            settings={"length": LENGTH},
        )
        yield preset
        last = {"length": LENGTH, "use_most_certain": False}
        unclipped = replace(PUBLISHED, clip=None)
        found = partners(preset, lstm_width=row.width, lstm_train=unclipped, lstm_settings=last)
        yield replace(found[0], about=f"{found[0].about}; trained at its last tick and unclipped, as published")
        if row.ticks in CERTAIN:
            about = f"{found[0].about}; trained at its most certain tick and unclipped, as published"
            yield replace(found[0], name=f"{found[0].name}-certain", about=about, settings=preset.settings)
        yield perceptron(preset, FEED_FORWARD_WIDTHS[row.memory_length])
        yield from found[1:]


SMALL = Preset(
    task="parity",
    name="small",
    about="16 signs, for two processor cores: sizes of our own",
    model=CTMConfig(
        neurons=256,
        ticks=24,
        memory_length=12,
        backbone=TokenEmbedding(features=128),
        position=Rotational1D(),
        attention=Attention(width=128, heads=8),
        neuron_model=DeepNeuronModel(hidden=8),
        sync_out=Decayed(pairs=RandomDense(neurons=24)),
        sync_action=Decayed(pairs=RandomDense(neurons=24)),
        answer=Answer(outputs=32, positions=16),
    ),
    train=TrainConfig(
        steps=9000,
        batch_size=64,
        learning_rate=1e-3,
        final_learning_rate=1e-5,
        warmup_steps=100,
        clip=NormClip(1.0),
        average=0.99,
        log_every=10,
        evaluate_every=500,
        save_every=500,
    ),
    settings={"length": 16},
)
PRESETS = (*published(), SMALL, perceptron(SMALL, 7980), *partners(SMALL, lstm_width=205))
