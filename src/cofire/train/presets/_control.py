"""Presets of control: every published set-up with its LSTM and ablations, and a small one for two cores.

The published set-ups follow the training scripts. What cofire does otherwise: the learning rate falls from its value in
the first iteration to nothing after the last (the scripts begin above it), rewards are scaled by the spread of returns
over all places (there in each place by itself), and what is logged are true returns (there scaled ones).
"""

from dataclasses import replace
from typing import Any, NamedTuple

from cofire.ctm import (
    PUBLISHED_WIDTHS,
    ClassicControl,
    CTMConfig,
    DeepNeuronModel,
    FirstLast,
    MiniGrid,
    SynapseBlock,
    Windowed,
)
from cofire.train.ppo._config import PPOConfig
from cofire.train.presets._partners import partners
from cofire.train.presets._preset import Preset


class Published(NamedTuple):
    """What the published set-ups of one environment share."""

    world: str
    backbone: ClassicControl | MiniGrid
    neurons: int
    hidden: int
    read: int  # neurons, all pairs of which are read
    total: int  # steps in environments
    train: dict[str, Any]


PUBLISHED = {
    "cartpole": Published(
        world="CartPole with masked velocities, 200 steps at most",
        backbone=ClassicControl(inputs=4, features=128),
        neurons=128,
        hidden=4,
        read=16,
        total=10_000_000,
        train={"places": 256, "horizon": 100, "epochs": 4, "learning_rate": 1e-3},
    ),
    "acrobot": Published(
        world="Acrobot with masked velocities, 500 steps at most",
        backbone=ClassicControl(inputs=6, features=64),
        neurons=256,
        hidden=4,
        read=16,
        total=2_000_000,
        train={"places": 12, "horizon": 100, "epochs": 1, "learning_rate": 5e-4},
    ),
    "four-rooms": Published(
        world="MiniGrid's FourRooms, 300 steps at most, seen as 7 x 7 symbols",
        backbone=MiniGrid(cell_features=128),
        neurons=512,
        hidden=16,
        read=32,
        total=300_000_000,
        train={"places": 256, "horizon": 50, "epochs": 1, "learning_rate": 1e-4},
    ),
}


def machine(
    backbone: ClassicControl | MiniGrid,
    *,
    neurons: int,
    ticks: int,
    memory_length: int,
    hidden: int = 4,
    read: int = 16,
) -> CTMConfig:
    """Return a machine that acts, put together as the published ones: no attention, the pairs of its last neurons."""
    return CTMConfig(
        neurons=neurons,
        ticks=ticks,
        memory_length=memory_length,
        backbone=backbone,
        synapse=SynapseBlock(blocks=2),
        neuron_model=DeepNeuronModel(hidden=hidden),
        sync_out=Windowed(pairs=FirstLast(neurons=read, end="last")),
    )


def _paper(environment: str, ticks: int, memory_length: int) -> Preset:
    one = PUBLISHED[environment]
    train = PPOConfig(steps=1, **one.train)
    steps = one.total // train.steps_per_iteration
    about = f"{one.world}; {ticks} tick{'s' if ticks > 1 else ''} per step, memory {memory_length}"
    return Preset(
        task="control",
        name=f"paper-{environment}-{ticks}x{memory_length}",
        about=f"{about}, {one.total // 10**6} million steps; after the training script",
        model=machine(
            one.backbone,
            neurons=one.neurons,
            ticks=ticks,
            memory_length=memory_length,
            hidden=one.hidden,
            read=one.read,
        ),
        train=replace(train, steps=steps, evaluate_every=max(steps // 40, 1), save_every=max(steps // 100, 1)),
        settings={"environment": environment},
    )


SMALL = Preset(
    task="control",
    name="small",
    about="CartPole with masked velocities, 200 steps at most; sizes of our own, for a few minutes on two cores",
    model=machine(ClassicControl(inputs=4, features=32), neurons=64, ticks=2, memory_length=5),
    train=PPOConfig(
        steps=60,
        places=64,
        horizon=64,
        epochs=4,
        minibatches=2,
        learning_rate=3e-3,
        clip=0.2,
        entropy=0.01,
        evaluate_every=10,
        save_every=10,
    ),
    settings={"environment": "cartpole"},
)


def _with_partners() -> tuple[Preset, ...]:
    found: list[Preset] = [SMALL, *partners(SMALL, lstm_width=76)]
    for row in PUBLISHED_WIDTHS:
        if row.task in PUBLISHED:
            preset = _paper(row.task, row.ticks, row.memory_length)
            found += [preset, *partners(preset, lstm_width=row.width)]
    return tuple(found)


PRESETS = _with_partners()
