"""The sizes of the demonstration: its model, its control, and how both are trained."""

from dataclasses import replace

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
from cofire.train import NormClip, TrainConfig

STEPS = 1700


def demo_config() -> CTMConfig:
    """Return the configuration of the model that thinks."""
    return CTMConfig(
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
    )


def control_config() -> CTMConfig:
    """Return the configuration of the control: the same parts, and a single tick."""
    return replace(demo_config(), ticks=1)


def train_config(steps: int) -> TrainConfig:
    """Return how both are trained; short runs warm up for less and look at held-out digits once."""
    return TrainConfig(
        steps=steps,
        batch_size=64,
        learning_rate=3e-3,
        final_learning_rate=6e-4,
        warmup_steps=min(100, steps // 4),
        weight_decay=0.2,
        clip=NormClip(5.0),
        average=0.998,
        log_every=5,
        evaluate_every=min(250, steps),
        save_every=250,
    )
