"""Published set-ups by name: the batch they are measured at, the shape of a sample, the configuration.

Without training their dropout does nothing.
"""

import dataclasses

from cofire.ctm import (
    Answer,
    Attention,
    CTMConfig,
    Decayed,
    DeepNeuronModel,
    RandomPairs,
    ResNet,
    SynapseBlock,
    SynapseUNet,
)
from cofire.train.presets import _mazes, _parity

SETUPS = {
    "parity": (64, (64,), _parity.machine(75, 25)),
    "mazes": (4, (3, 39, 39), _mazes.LARGE),
    "small mazes": (
        16,
        (3, 15, 15),
        dataclasses.replace(_mazes.LITTLE, synapse=SynapseBlock(), neuron_model=DeepNeuronModel(hidden=16)),
    ),
    "CIFAR-10": (
        16,
        (3, 32, 32),
        CTMConfig(
            neurons=256,
            ticks=50,
            memory_length=15,
            backbone=ResNet(depth=18, stages=1),
            attention=Attention(width=64, heads=16),
            synapse=SynapseUNet(depth=5),
            neuron_model=DeepNeuronModel(hidden=64),
            sync_out=Decayed(pairs=RandomPairs(pairs=256)),
            sync_action=Decayed(pairs=RandomPairs(pairs=512)),
            answer=Answer(outputs=10),
        ),
    ),
}
